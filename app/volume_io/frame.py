"""`Frame`: one plane of a DICOM object with its own geometry and scaling, whatever kind of object it lies in."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pydicom
from numpy.typing import NDArray

from app.volume_io import mosaic
from app.volume_io.dicom_header import Header

Vector = tuple[float, float, float]

_STACKED = ("CT", "MR", "PT", "NM")  # slices of these belong together even where no position says so


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One plane.

    Args:
        number: Which frame of the object, from 0.
        position: LPS millimetres of the centre of the first pixel; None when unknown.
        orientation: LPS unit vectors, along a row (towards higher columns) then down a column; None when unknown.
        spacing: Millimetres between rows, between columns; None when unknown.
        order: What sorts frames at one position in time.
        shape: Rows, columns.
        tile: First row and column inside the stored frame, for a mosaic; None for a whole frame.
        thickness: Millimetres to the next slice as the header says, 0 when it does not.
        group: What must agree for two frames to belong to one stack, beside orientation, size and spacing.
    """

    header: Header
    number: int
    position: Vector | None
    orientation: tuple[float, ...] | None
    spacing: tuple[float, float] | None
    slope: float
    intercept: float
    order: tuple[float, ...]
    shape: tuple[int, int]
    thickness: float
    group: str
    tile: tuple[int, int] | None = None

    @property
    def normal(self) -> NDArray[np.float64]:
        """LPS unit vector across the plane: row direction x column direction."""
        if self.orientation is None:
            return np.array([0.0, 0.0, 1.0])
        across = np.cross(self.orientation[:3], self.orientation[3:])
        return np.asarray(across / np.linalg.norm(across), dtype=np.float64)


def frames_of(header: Header) -> list[Frame]:
    """Every plane of one object."""
    if header.is_enhanced:
        return _enhanced(header)
    if tiles := mosaic.tiles(header):
        return _mosaic(header, tiles)
    if header.frames > 1:
        return _multiframe(header)
    return [_plain(header, 0, vector(header.get("ImagePositionPatient")), _orientation(header.dataset))]


def vector(value: Any, count: int = 3) -> tuple[Any, ...] | None:
    """`count` finite numbers, None for anything else."""
    try:
        numbers = tuple(float(v) for v in value)
    except (TypeError, ValueError):
        return None
    return numbers if len(numbers) == count and all(map(math.isfinite, numbers)) else None


def _plain(header: Header, number: int, position: Vector | None, orientation: tuple[float, ...] | None) -> Frame:
    placed = position is not None and orientation is not None
    return Frame(
        header,
        number,
        position if placed else None,
        orientation if placed else None,
        _spacing(header),
        *_scaling(header.dataset, header.number("RescaleSlope", 1.0), header.number("RescaleIntercept")),
        order=(*_order(header), number),
        shape=_shape(header),
        thickness=_thickness(header.dataset),
        group="" if placed or header.modality in _STACKED else header.blob.name,
    )


def _multiframe(header: Header) -> list[Frame]:
    """Frames of one old-style object: placed for tomographic NM, a stack without depth for a cine loop."""
    source = header.dataset
    if header.get("ImagePositionPatient") is None and header.get("DetectorInformationSequence"):
        source = header.dataset.DetectorInformationSequence[0]
    first, orientation = vector(source.get("ImagePositionPatient")), _orientation(source)
    step = header.number("SpacingBetweenSlices") or header.number("SliceThickness")
    frames = []
    for n in range(header.frames):
        position = None
        if first is not None and orientation is not None and step:
            across = np.cross(orientation[:3], orientation[3:])
            x, y, z = (float(v) for v in np.array(first) + n * step * across)
            position = (x, y, z)
        frame = _plain(header, n, position, orientation)
        frames.append(frame if position is not None else _of_its_own(frame))
    return frames


def _of_its_own(frame: Frame) -> Frame:
    values = {name: getattr(frame, name) for name in Frame.__slots__}
    return Frame(**{**values, "group": frame.header.blob.name})


def _mosaic(header: Header, tiles: Sequence[mosaic.Tile]) -> list[Frame]:
    orientation = _orientation(header.dataset)
    return [
        Frame(
            header,
            0,
            tile.position,
            orientation,
            _spacing(header),
            *_scaling(header.dataset, header.number("RescaleSlope", 1.0), header.number("RescaleIntercept")),
            order=_order(header),
            shape=tile.shape,
            thickness=_thickness(header.dataset),
            group="",
            tile=tile.corner,
        )
        for tile in tiles
    ]


def _enhanced(header: Header) -> list[Frame]:
    shared = _first(header.dataset, "SharedFunctionalGroupsSequence")
    groups = header.dataset.PerFrameFunctionalGroupsSequence
    return [_enhanced_frame(header, shared, group, n) for n, group in enumerate(groups[: header.frames])]


def _enhanced_frame(header: Header, shared: pydicom.Dataset, own: pydicom.Dataset, number: int) -> Frame:
    def macro(name: str) -> pydicom.Dataset:
        return _first(own, name) or _first(shared, name)

    measures, values = macro("PixelMeasuresSequence"), macro("PixelValueTransformationSequence")
    content = macro("FrameContentSequence")
    position = vector(macro("PlanePositionSequence").get("ImagePositionPatient"))
    orientation = _orientation(macro("PlaneOrientationSequence"))
    placed = position is not None and orientation is not None
    moment = _float(content.get("TemporalPositionIndex"), _float(content.get("FrameAcquisitionNumber"), 0.0))
    return Frame(
        header,
        number,
        position if placed else None,
        orientation if placed else None,
        _pair(measures.get("PixelSpacing")),
        *_scaling(values, 1.0, 0.0),
        order=(moment, *_order(header), number),
        shape=_shape(header),
        thickness=_thickness(measures),
        group=f"stack {content.get('StackID', '')}" if placed else header.blob.name,
    )


def _first(dataset: pydicom.Dataset, name: str) -> pydicom.Dataset:
    items = dataset.get(name)
    return items[0] if items else pydicom.Dataset()


def _order(header: Header) -> tuple[float, ...]:
    return header.number("TemporalPositionIdentifier"), header.number("InstanceNumber")


def _shape(header: Header) -> tuple[int, int]:
    return int(header.number("Rows")), int(header.number("Columns"))


def _scaling(dataset: pydicom.Dataset, slope: float, intercept: float) -> tuple[float, float]:
    """Slope and intercept from stored to shown values: the Modality LUT, or a frame's Pixel Value Transformation.

    DICOM PS3.3 C.11.1 and C.7.6.16.2.9: what the scanner's own console and every viewer show. Two further scales are
    left alone. Philips' private one (2005,100E), which some converters divide by, gives the signal before a scan was
    scaled for display: FP = shown / (slope * private slope) (Chenevert et al., Transl Oncol 7, 2014); one scan's values
    differ from the shown ones by a constant. Real World Value Mapping (C.7.6.16.2.11) may hold several quantities.
    """
    slope, intercept = _float(dataset.get("RescaleSlope"), slope), _float(dataset.get("RescaleIntercept"), intercept)
    return (slope, intercept) if slope else (1.0, intercept)


def _thickness(dataset: pydicom.Dataset) -> float:
    spacing = _float(dataset.get("SpacingBetweenSlices"), 0.0)
    return abs(spacing) or abs(_float(dataset.get("SliceThickness"), 0.0))


def _orientation(dataset: pydicom.Dataset) -> tuple[float, ...] | None:
    """Six cosines, None unless they are two unit vectors at right angles (to a hundredth)."""
    six = vector(dataset.get("ImageOrientationPatient"), 6)
    if six is None:
        return None
    row, column = np.array(six[:3]), np.array(six[3:])
    lengths = np.linalg.norm(row), np.linalg.norm(column)
    if min(lengths) < 0.99 or max(lengths) > 1.01 or abs(float(row @ column)) > 0.01:
        return None
    return tuple(float(v) for v in (*(row / lengths[0]), *(column / lengths[1])))


def _spacing(header: Header) -> tuple[float, float] | None:
    for name in ("PixelSpacing", "ImagerPixelSpacing", "NominalScannedPixelSpacing"):
        if (pair := _pair(header.get(name))) is not None:
            return pair
    return _ultrasound_spacing(header)


def _ultrasound_spacing(header: Header) -> tuple[float, float] | None:
    """From the calibrated region of an ultrasound picture, where it is in centimetres (unit 3, PS3.3 C.8.5.5)."""
    for region in header.get("SequenceOfUltrasoundRegions", []):
        if region.get("PhysicalUnitsXDirection") == 3 and region.get("PhysicalUnitsYDirection") == 3:
            return _pair((10 * abs(region.get("PhysicalDeltaY", 0.0)), 10 * abs(region.get("PhysicalDeltaX", 0.0))))
    return None


def _pair(value: Any) -> tuple[float, float] | None:
    pair = vector(value, 2)
    return pair if pair is not None and min(pair) > 0 else None


def _float(value: Any, default: float) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        return default
    return number if math.isfinite(number) else default
