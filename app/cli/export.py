"""`volumask export`: labels in, a surface, a segmentation or contours out, with a receipt."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from app import volume_io
from app.cli import prompting, scan_labels
from app.errors import BadInput
from app.volume import Source

NAME = "export"
HELP = "write labels as surfaces for printing, as a Slicer segmentation, or as DICOM SEG or RT Structure Set"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Labels, target, which label, and what DICOM files refer to."""
    parser.add_argument(
        "labels",
        metavar="LABELS",
        help="NIfTI or other label map, .seg.nrrd, DICOM SEG; with --source RT Structure Set",
    )
    parser.add_argument("out", metavar="OUT.{stl,obj,ply,3mf,seg.nrrd,seg.dcm,rtstruct.dcm}")
    parser.add_argument("--label", type=int, metavar="N", help="only this label; without it, all of them")
    parser.add_argument("--source", metavar="SCAN", help="the DICOM scan that was segmented")
    parser.add_argument(
        "--series", type=prompting.series, metavar="N", help="which series of it, as in `volumask info`"
    )
    parser.add_argument(
        "--identified",
        action="store_true",
        help="repeat the patient's name and identifiers of the scan in a DICOM file; without it, none of them",
    )
    parser.add_argument("--check", action="store_true", help="only say what the file would hold; write nothing")


def run(args: argparse.Namespace) -> dict[str, Any]:
    """Check, write, and return the receipt.

    Raises:
        AppError: for an unknown format, a label that is not there, a surface that is not closed, a full disk.
    """
    from app import preflight  # loads scipy and highdicom, so only once they are wanted

    preflight.require_format(args.out)
    if args.identified and not args.source:
        raise BadInput("--identified repeats what the scan says about the patient.", "Name the scan with --source.")
    scan = volume_io.read_volume(args.source, args.series) if args.source else None
    labelled = scan_labels.labelled(args.labels, scan.geometry if scan else None)
    labelled = scan_labels.only(labelled, args.label, args.labels)
    labels, segments, geometry = scan_labels.on_grid(labelled, scan.geometry) if scan else labelled
    source = scan.source if scan else Source(str(args.labels))  # whose header may name the patient, too
    order = preflight.Order(Path(args.out), labels, tuple(segments), geometry, source, args.identified)
    if args.check:
        found = preflight.check(order)
        return {**found.as_dict(), "text": found.text()}
    receipt = preflight.write(order)
    return {**receipt.as_dict(), "text": receipt.text()}


def text(result: dict[str, Any]) -> str:
    """The receipt in a few lines."""
    return str(result["text"])
