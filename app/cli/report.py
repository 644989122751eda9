"""`volumask report`: a scan and labels in, one page with pictures and measurements out."""

from __future__ import annotations

import argparse
from typing import Any

from app import volume_io
from app.cli import prompting, scan_labels
from app.view_state import auto_window

NAME = "report"
HELP = "write one page with pictures and measurements (PDF or HTML); it names no patient and no file"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Scan, labels, page."""
    parser.add_argument("scan", metavar="SCAN", help="file, DICOM folder or zip")
    parser.add_argument(
        "labels", metavar="LABELS", help="NIfTI or other label map, .seg.nrrd, DICOM SEG, RT Structure Set"
    )
    parser.add_argument("out", metavar="OUT.{pdf,html}")
    parser.add_argument("--series", type=prompting.series, metavar="N", help="which series, as in `volumask info`")
    parser.add_argument("--against", metavar="OTHER", help="a second label file to compare with")
    parser.add_argument("--title", default="Segmentation report", help="the heading; nothing else names the case")


def run(args: argparse.Namespace) -> dict[str, Any]:
    """Measure, draw, write.

    Raises:
        AppError: when a file cannot be read or the page not be written.
    """
    from app.exchange.reading import read_segments  # load scipy and highdicom, so only once they are wanted
    from app.measure import agreement, statistics
    from app.report import writing
    from app.report.page import Content

    writing.require_ending(args.out)
    volume = volume_io.read_volume(args.scan, args.series)
    labels, segments, geometry = scan_labels.on_grid(
        scan_labels.labelled(args.labels, volume.geometry), volume.geometry
    )
    measured = statistics.statistics(volume, labels, segments)
    other = read_segments(args.against, geometry) if args.against else None
    agreed = agreement.compare(labels, segments, geometry, other) if other else ()
    window = auto_window(volume)
    writing.write(args.out, Content(volume, labels, tuple(segments), measured, window, agreed, title=args.title))
    return {"out": args.out, "segments": [one.as_dict() for one in measured]}


def text(result: dict[str, Any]) -> str:
    """One line."""
    return f"{result['out']}: {len(result['segments'])} segments"
