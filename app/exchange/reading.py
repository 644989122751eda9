"""`read_segments`: the front door for labels: DICOM SEG, RTSTRUCT, `.seg.nrrd`, and any image of whole numbers."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from app.errors import BadInput
from app.exchange import dicom_seg_reader, rtstruct_reader, seg_nrrd_reader
from app.exchange.incoming import Incoming, IncomingSegment
from app.exchange.terms import suggest, unknown
from app.geometry import Geometry
from app.volume_io import read_labels

MOST = 255
"""Segments that a case can hold."""


def read_segments(path: str | Path, grid: Geometry | None = None) -> Incoming:
    """Every segment of a file, on the file's own grid.

    Args:
        grid: Of the scan; contours need it, having no voxels of their own.

    Raises:
        BadInput: when it cannot be opened, holds no segment, or more of them than a case can hold.
    """
    path = Path(path)
    if dicom_seg_reader.is_dicom_seg(path):
        incoming = dicom_seg_reader.read(path)
    elif rtstruct_reader.is_rtstruct(path):
        if grid is None:
            raise BadInput(f"{path.name} holds contours, which have no voxels.", "Name the scan that they belong to.")
        incoming = rtstruct_reader.read(path, grid)
    elif seg_nrrd_reader.is_seg_nrrd(seg_nrrd_reader.fields_of(path)):
        incoming = seg_nrrd_reader.read(path)
    else:
        incoming = _label_map(path)
    if not incoming.segments:
        raise BadInput(f"{path.name} holds no segment: every voxel is background.")
    if len(incoming.segments) > MOST:
        raise BadInput(f"{path.name} holds {len(incoming.segments)} segments; a case holds at most {MOST}.")
    return incoming


def names_segments(path: str | Path) -> bool:
    """Whether a file is of a kind that holds segments with names and perhaps overlaps, and not just numbers."""
    if dicom_seg_reader.is_dicom_seg(path) or rtstruct_reader.is_rtstruct(path):
        return True
    return seg_nrrd_reader.is_seg_nrrd(seg_nrrd_reader.fields_of(path))


def _label_map(path: Path) -> Incoming:
    file = read_labels(path)
    present = [label for label in np.unique(file.labels).tolist() if label]
    if len(present) > MOST:
        raise BadInput(f"{path.name} holds {len(present)} labels; a case holds at most {MOST}.")
    segments = []
    for label in present:
        name = file.names.get(label, f"Label {label}")
        term = suggest(name)
        key = "" if term == unknown() else term.key
        segments.append(IncomingSegment.of(name, file.labels == label, file.colours.get(label), key))
    return Incoming(file.geometry, tuple(segments))
