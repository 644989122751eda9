"""`write_segments`: the front door for labels on their way out; the ending of the name decides the format."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from app.atomic_file import replacing
from app.errors import AppError, BadInput
from app.exchange import dicom_seg, dicom_source, rtstruct, seg_nrrd, seg_nrrd_reader
from app.exchange.formats import DICOM, FORMATS
from app.exchange.incoming import Incoming, whole_mask_on
from app.exchange.receipt import LabelReceipt, Written
from app.exchange.terms import term_of
from app.geometry import Geometry
from app.segmentation import Segment
from app.volume import Source


def ending_of(path: str | Path) -> str | None:
    """Which of `FORMATS` a name ends in, None for another."""
    return next((ending for ending in FORMATS if Path(path).name.lower().endswith(ending)), None)


def write_segments(
    path: str | Path,
    labels: NDArray[np.unsignedinteger],
    segments: Sequence[Segment],
    geometry: Geometry,
    source: Source | None = None,
    identified: bool = False,
) -> LabelReceipt:
    """Write the voxels of segments, read them back and compare.

    Args:
        labels: (k, j, i) on the geometry's grid.
        segments: Those to write.
        source: Where the scan came from; DICOM files then refer to its images.
        identified: Let DICOM files repeat the patient's name and identifiers of the source.

    Raises:
        BadInput: for an ending that is none of `FORMATS`, when there is no voxel, or the format cannot hold the grid.
        AppError: when it cannot be written or reads back differently; the old file stays.
    """
    ending = ending_of(path)
    if ending is None:
        raise BadInput(f"{Path(path).name} has no ending of a label file.", f"Choose one of: {', '.join(FORMATS)}.")
    if ending in DICOM:
        write = dicom_seg.write_dicom_seg if ending == ".seg.dcm" else rtstruct.write_rtstruct
        return write(path, labels, segments, geometry, dicom_source.find(source, geometry), identified)
    return _write_nrrd(path, labels, segments, geometry)


def _write_nrrd(
    path: str | Path, labels: NDArray[np.unsignedinteger], segments: Sequence[Segment], geometry: Geometry
) -> LabelReceipt:
    present = dicom_seg.present_in(labels, segments)
    sheared = dicom_seg.is_sheared(geometry)
    with replacing(path) as temporary:
        seg_nrrd.write_seg_nrrd(temporary, labels, present, geometry)
        if not sheared and not _same(seg_nrrd_reader.read(temporary), labels, present, geometry):
            raise AppError(f"{Path(path).name} was not written: reading it back gave something else.")
    written = []
    for segment in present:
        voxels = int(np.count_nonzero(labels == segment.label))
        kind = term_of(segment).text
        written.append(Written(segment.name, kind, voxels, voxels * geometry.voxel_volume / 1000))
    notes = ("the grid is sheared, so it could not be read back for a check: few programs take it",) if sheared else ()
    return LabelReceipt(str(path), "3D Slicer segmentation (.seg.nrrd)", tuple(written), notes=notes)


def _same(back: Incoming, labels: NDArray[np.unsignedinteger], present: Sequence[Segment], geometry: Geometry) -> bool:
    pairs = zip(present, back.segments, strict=True)
    return all(np.array_equal(whole_mask_on(geometry, back, one), labels == segment.label) for segment, one in pairs)
