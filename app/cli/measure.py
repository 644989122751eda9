"""`volumask measure`: a scan and labels in; volumes, surfaces, diameters, intensities and agreement out."""

from __future__ import annotations

import argparse
from typing import Any

from app import volume_io
from app.cli import prompting, scan_labels
from app.errors import BadInput

NAME = "measure"
HELP = "measure labels on their scan: volume, surface, diameters, intensities; and their agreement with other labels"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Scan, labels, what to compare with, where to write."""
    parser.add_argument("scan", metavar="SCAN", help="file, DICOM folder or zip")
    parser.add_argument(
        "labels", metavar="LABELS", help="NIfTI or other label map, .seg.nrrd, DICOM SEG, RT Structure Set"
    )
    parser.add_argument("--series", type=prompting.series, metavar="N", help="which series, as in `volumask info`")
    parser.add_argument("--label", type=int, metavar="N", help="only this label; without it, all of them")
    parser.add_argument("--against", metavar="OTHER", help="a second label file: Dice, HD95 and NSD")
    parser.add_argument("--tolerance", type=float, default=2.0, metavar="MM", help="of the NSD (default 2)")
    parser.add_argument("--csv", metavar="OUT.csv", help="also write the table")


def run(args: argparse.Namespace) -> dict[str, Any]:
    """Measure; the second table is there where a second file is given.

    Raises:
        AppError: when a file cannot be read, or the labels lie elsewhere.
    """
    from app.exchange.reading import read_segments  # load scipy and highdicom, so only once they are wanted
    from app.measure import agreement, statistics, tables

    if args.tolerance <= 0:
        raise BadInput("The tolerance of the NSD must be more than 0 mm.")
    volume = volume_io.read_volume(args.scan, args.series)
    labelled = scan_labels.only(scan_labels.labelled(args.labels, volume.geometry), args.label, args.labels)
    labels, segments, geometry = scan_labels.on_grid(labelled, volume.geometry)
    measured = statistics.statistics(volume, labels, segments)
    made = [tables.statistics_table(measured)]
    result: dict[str, Any] = {"segments": [one.as_dict() for one in measured]}
    if args.against:
        found = agreement.compare(labels, segments, geometry, read_segments(args.against, geometry), args.tolerance)
        made.append(tables.agreement_table(found))
        result["agreement"] = [one.as_dict() for one in found]
    if args.csv:
        made[-1].save_csv(args.csv)
        result["csv"] = args.csv
    result["text"] = "\n".join(table.as_text() for table in made)
    return result


def text(result: dict[str, Any]) -> str:
    """The tables."""
    return str(result["text"])
