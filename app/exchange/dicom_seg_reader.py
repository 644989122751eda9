"""DICOM Segmentation in, by highdicom: binary, label map or fractional (from a half on), empty planes filled in."""

from __future__ import annotations

from pathlib import Path

import highdicom as hd
import numpy as np
import pydicom
from pydicom.sr.coding import Code

from app.errors import BadInput
from app.exchange.incoming import Incoming, IncomingSegment
from app.exchange.terms import SCHEME, SIDES, term, terms
from app.geometry import Geometry

SOP_CLASSES = ("1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.66.7")
"""Segmentation Storage and Label Map Segmentation Storage."""


def is_dicom_seg(path: str | Path) -> bool:
    """Whether a file is one, by its class."""
    try:
        dataset = pydicom.dcmread(path, specific_tags=["SOPClassUID"], stop_before_pixels=True)
    except Exception:  # the door of a file: whatever pydicom cannot read is none
        return False
    return str(dataset.get("SOPClassUID", "")) in SOP_CLASSES


def read(path: str | Path) -> Incoming:
    """Every segment of a file.

    Raises:
        BadInput: when it is damaged, or its planes are no regular stack.
    """
    name = Path(path).name
    try:
        seg = hd.seg.segread(str(path))
        geometry = _geometry(seg)
        segments = tuple(_segment(seg, number) for number in sorted(seg.segment_numbers) if number)
    except BadInput:
        raise
    except Exception as error:  # the door: highdicom and pydicom raise many types on damaged files
        raise BadInput(f"{name} is a damaged DICOM segmentation.", "Export it again from its source.") from error
    if geometry is None:
        raise BadInput(f"{name} cannot be opened: its planes are no regular stack.", "Export it again as NIfTI.")
    return Incoming(geometry, segments)


def _geometry(seg: hd.seg.Segmentation) -> Geometry | None:
    found = seg.get_volume_geometry(rtol=0.05)
    if found is None:
        return None
    affine = np.array(found.affine, dtype=np.float64)
    affine[:, :3] = affine[:, 2::-1]  # highdicom's take (k, j, i)
    k, j, i = found.spatial_shape
    return Geometry.from_lps((k, j, i), affine)


def _segment(seg: hd.seg.Segmentation, number: int) -> IncomingSegment:
    volume = seg.get_volume(segment_numbers=[number], combine_segments=False, rescale_fractional=True, rtol=0.05)
    mask = np.asarray(volume.array[..., 0] >= 0.5)
    described = seg.get_segment_description(number)
    label = str(described.get("SegmentLabel", "")).strip() or f"Segment {number}"
    return IncomingSegment.of(label, mask, _colour(described), _term(described))


def _colour(described: pydicom.Dataset) -> tuple[int, int, int] | None:
    value = described.get("RecommendedDisplayCIELabValue")
    if not value:
        return None
    red, green, blue = (int(v) for v in hd.color.CIELabColor.from_dicom_value(list(value)).to_rgb())
    return red, green, blue


def _term(described: pydicom.Dataset) -> str:
    types = described.get("SegmentedPropertyTypeCodeSequence")
    if not types:
        return ""
    code = snomed(str(types[0].get("CodeValue", "")), str(types[0].get("CodingSchemeDesignator", "")))
    modifiers = types[0].get("SegmentedPropertyTypeModifierCodeSequence") or [pydicom.Dataset()]
    side = {code: letter for letter, (code, _) in SIDES.items()}.get(str(modifiers[0].get("CodeValue", "")), "")
    return next((key for key in (code + side, code) if term(key)), "")


def snomed(value: str, scheme: str) -> str:
    """A code of the list; older files name the same things in SNOMED RT, which pydicom can compare."""
    if scheme == SCHEME:
        return value
    return next((t.code for t in terms() if Code(value, scheme, "") == Code(t.code, SCHEME, "")), "")
