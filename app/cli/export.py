"""`volumask export`: labels in, a surface or a segmentation file out, with a receipt."""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np

from app import volume_io
from app.document import PALETTE
from app.errors import BadInput
from app.segmentation import Segment

NAME = "export"
HELP = "write labels as surfaces for printing (STL, OBJ, PLY, 3MF) or as a Slicer segmentation (seg.nrrd)"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Labels, target, which label."""
    parser.add_argument("labels", metavar="LABELS.nii.gz")
    parser.add_argument("out", metavar="OUT.{stl,obj,ply,3mf,seg.nrrd}")
    parser.add_argument("--label", type=int, metavar="N", help="only this label; without it, all of them")


def run(args: argparse.Namespace) -> dict[str, Any]:
    """Write and return the receipt.

    Raises:
        AppError: for an unknown format, a label that is not there, a surface that is not closed, a full disk.
    """
    from app.render import mesh_files, seg_nrrd  # loads scipy, so only once it is wanted

    ending = mesh_files.format_of(args.out)
    file = volume_io.read_labels(args.labels)
    present = [label for label in np.unique(file.labels).tolist() if label]
    if args.label is not None and args.label not in present:
        known = ", ".join(map(str, present)) or "none"
        raise BadInput(f"{args.labels} has no label {args.label}.", f"It has: {known}.")
    segments = [
        Segment(label, file.names.get(label, f"Label {label}"), file.colours.get(label, _colour(label)))
        for label in present
        if args.label in (None, label)
    ]
    if ending == ".seg.nrrd":
        seg_nrrd.write_seg_nrrd(args.out, file.labels, segments, file.geometry)
        names = ", ".join(segment.name for segment in segments)
        return {"path": args.out, "labels": [segment.label for segment in segments], "text": f"{args.out}: {names}"}
    receipt = mesh_files.export(args.out, file.labels, segments, file.geometry)
    return {**receipt.as_dict(), "text": receipt.text()}


def _colour(label: int) -> tuple[int, int, int]:
    return PALETTE[(label - 1) % len(PALETTE)]


def text(result: dict[str, Any]) -> str:
    """The receipt in a few lines."""
    return str(result["text"])
