"""`volumask export`: labels in, a surface, a segmentation or contours out, with a receipt."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app import volume_io
from app.cli import prompting
from app.document import PALETTE
from app.errors import BadInput
from app.geometry import Geometry
from app.segmentation import Segment
from app.volume import Volume

NAME = "export"
HELP = "write labels as surfaces for printing, as a Slicer segmentation, or as DICOM SEG or RT Structure Set"

Labelled = tuple[NDArray[np.unsignedinteger], list[Segment], Geometry]


def arguments(parser: argparse.ArgumentParser) -> None:
    """Labels, target, which label, and what DICOM files refer to."""
    parser.add_argument("labels", metavar="LABELS", help="NIfTI or other label map, .seg.nrrd, DICOM SEG")
    parser.add_argument("out", metavar="OUT.{stl,obj,ply,3mf,seg.nrrd,seg.dcm,rtstruct.dcm}")
    parser.add_argument("--label", type=int, metavar="N", help="only this label; without it, all of them")
    parser.add_argument("--source", metavar="SCAN", help="the DICOM scan that was segmented")
    parser.add_argument(
        "--series",
        type=prompting.series,
        metavar="N",
        help="which series of it, as in `volumask info`",
    )
    parser.add_argument(
        "--identified",
        action="store_true",
        help="repeat the patient's name and identifiers of the scan in a DICOM file; without it, none of them",
    )


def run(args: argparse.Namespace) -> dict[str, Any]:
    """Check, write, and return the receipt.

    Raises:
        AppError: for an unknown format, a label that is not there, a surface that is not closed, a full disk.
    """
    from app.exchange import writing  # load scipy and highdicom, so only once they are wanted
    from app.render import mesh_files

    _require_format(args.out, (*mesh_files.FORMATS, *writing.FORMATS))
    if args.identified and not args.source:
        raise BadInput("--identified repeats what the scan says about the patient.", "Name the scan with --source.")
    labels, segments, geometry = _chosen(_labelled(Path(args.labels)), args)
    scan = _scan(args)
    if scan is not None and not scan.geometry.matches(geometry):
        labels, geometry = _on_grid(labels, segments, geometry, scan)
    source = scan.source if scan else None
    if writing.ending_of(args.out):
        receipt = writing.write_segments(args.out, labels, segments, geometry, source, args.identified)
        return {**receipt.as_dict(), "text": receipt.text()}
    surfaces = mesh_files.export(args.out, labels, segments, geometry)
    return {**surfaces.as_dict(), "text": surfaces.text()}


def _require_format(out: str, known: tuple[str, ...]) -> None:
    if not out.lower().endswith(known):
        names = ", ".join(ending[1:] for ending in known)
        raise BadInput(f"{Path(out).name} has an ending that no format of ours has.", f"Choose one of: {names}.")


def _labelled(path: Path) -> Labelled:
    """Labels with their names; those of a label map keep their numbers, others are counted from 1."""
    from app.exchange import dicom_seg_reader, seg_nrrd_reader
    from app.exchange.reading import read_segments

    if dicom_seg_reader.is_dicom_seg(path) or seg_nrrd_reader.is_seg_nrrd(seg_nrrd_reader.fields_of(path)):
        incoming = read_segments(path)
        labels = np.zeros(incoming.geometry.shape, np.uint8)
        segments = []
        for number, one in enumerate(incoming.segments, start=1):
            crop = labels[one.region.slices]
            crop[one.crop & (crop == 0)] = number
            segments.append(Segment(number, one.name, one.colour or _colour(number), term=one.term))
        return labels, segments, incoming.geometry
    file = volume_io.read_labels(path)
    present = [label for label in np.unique(file.labels).tolist() if label]
    names, colours = file.names, file.colours
    named = [Segment(n, names.get(n, f"Label {n}"), colours.get(n, _colour(n))) for n in present]
    return file.labels, named, file.geometry


def _chosen(labelled: Labelled, args: argparse.Namespace) -> Labelled:
    labels, segments, geometry = labelled
    chosen = [segment for segment in segments if args.label in (None, segment.label)]
    if args.label is not None and not chosen:
        known = ", ".join(str(segment.label) for segment in segments) or "none"
        raise BadInput(f"{args.labels} has no label {args.label}.", f"It has: {known}.")
    return labels, chosen, geometry


def _scan(args: argparse.Namespace) -> Volume | None:
    return volume_io.read_volume(args.source, args.series) if args.source else None


def _on_grid(
    labels: NDArray[np.unsignedinteger], segments: list[Segment], geometry: Geometry, scan: Volume
) -> tuple[NDArray[np.unsignedinteger], Geometry]:
    """The labels on the grid of the scan, each voxel as its nearest neighbour."""
    from app.exchange.incoming import Incoming, IncomingSegment, mask_on

    placed = np.zeros(scan.shape, labels.dtype)
    for segment in segments:
        one = IncomingSegment.of(segment.name, labels == segment.label)
        region, mask = mask_on(scan.geometry, Incoming(geometry, (one,)), one)
        placed[region.slices][mask] = segment.label
    if not placed.any():
        raise BadInput("No voxel of the labels lies in this scan.", "Were they made on another one?")
    return placed, scan.geometry


def _colour(label: int) -> tuple[int, int, int]:
    return PALETTE[(label - 1) % len(PALETTE)]


def text(result: dict[str, Any]) -> str:
    """The receipt in a few lines."""
    return str(result["text"])
