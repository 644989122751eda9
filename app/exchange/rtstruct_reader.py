"""RT Structure Set in: closed planar contours become voxels of a given grid, since contours have no grid of their own.

Holes follow the two conventions in use: of several contours of one structure in one plane a point belongs to the
structure when it lies inside an odd number of them (exclusive or, as CLOSEDPLANAR_XOR says and as CLOSED_PLANAR is
commonly drawn), and a hole that is joined to its border by a slit of no width (the keyhole of PS3.3 C.8.8.6.3) counts
the same way. Each plane stands for the slab around it, half way to its neighbours.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import pydicom
from numpy.typing import NDArray

from app.errors import BadInput
from app.exchange.contours import Polygon, filled
from app.exchange.dicom_seg_reader import snomed
from app.exchange.incoming import Incoming, IncomingSegment
from app.exchange.terms import SCHEME, suggest, term, unknown
from app.geometry import EMPTY_REGION, Geometry, Region
from app.volume_io import memory

SOP_CLASS = "1.2.840.10008.5.1.4.1.1.481.3"
"""RT Structure Set Storage."""

CONTOUR_DATA = 0x30060050
"""The tag of a contour's points."""

Points = NDArray[np.float64]

_FLAT = 0.1  # of a voxel, that a contour may leave its plane
_SAME_MM = 0.05  # between positions of one plane: files round to 0.01 mm or so
_ROUNDED = 0.01  # of a slice, the same between slabs
_CLOSED = ("CLOSED_PLANAR", "CLOSEDPLANAR_XOR")
_FLIP = np.array([-1.0, -1.0, 1.0])


@dataclass(frozen=True, eq=False)
class _Structure:
    """A region of interest as the file has it: closed contours, each (n, 3) in RAS millimetres."""

    name: str
    colour: tuple[int, int, int] | None
    term: str
    contours: tuple[Points, ...]
    other: int = 0


def is_rtstruct(path: str | Path) -> bool:
    """Whether a file is one, by its class."""
    try:
        dataset = pydicom.dcmread(path, specific_tags=["SOPClassUID"], force=_without_preamble(Path(path)))
    except Exception:  # the door of a file: whatever pydicom cannot read is none
        return False
    return str(dataset.get("SOPClassUID", "")) == SOP_CLASS


def read(path: str | Path, grid: Geometry) -> Incoming:
    """Every structure that has closed contours, as voxels.

    Args:
        grid: Of the scan. Contours that lie along its slices become its own voxels; others those of a grid along the
            contours, as fine as the finest spacing of `grid`.

    Raises:
        BadInput: when it is damaged, or holds no closed contour.
    """
    name = Path(path).name
    try:
        dataset = pydicom.dcmread(path, force=_without_preamble(Path(path)))
        structures = list(_structures(dataset))
    except Exception as error:  # the door: pydicom raises many types on damaged files
        raise BadInput(f"{name} is a damaged RT Structure Set.", "Export it again from its source.") from error
    drawn = [one for one in structures if one.contours]
    if not drawn:
        raise BadInput(f"{name} holds no closed contour.", "Only structures drawn with closed contours have voxels.")
    geometry = grid if all(_axis(one, grid) is not None for one in drawn) else _own_grid(drawn, grid, name)
    notes, segments = list(_notes(structures)), []
    for one in drawn:
        axis = _axis(one, geometry)
        if axis is None:
            notes.append(f"{one.name} was left out: its contours lie in several directions")
            continue
        segments.append(_segment(one, geometry, axis))
    return Incoming(geometry, tuple(segments), tuple(notes))


def points_of(contour: pydicom.Dataset) -> Points:
    """A contour's points, (n, 3) in RAS millimetres; read from the text at once, a number at a time takes minutes."""
    element = contour.get_item(CONTOUR_DATA)
    value = element.value if element is not None else None
    if isinstance(value, bytes):
        numbers = np.array(value.rstrip(b" \0").split(b"\\"), dtype=np.float64)
    else:
        numbers = np.array(value if value is not None else [], dtype=np.float64)
    return np.asarray(numbers.reshape(-1, 3) * _FLIP)


def _without_preamble(path: Path) -> bool:
    """Whether a file begins with a data element of DICOM at once, as old files do."""
    with path.open("rb") as file:
        return file.read(4)[:2] in (b"\x08\x00", b"\x02\x00")


def _structures(dataset: pydicom.Dataset) -> Iterator[_Structure]:
    drawn = {int(one.get("ReferencedROINumber", -1)): one for one in dataset.get("ROIContourSequence") or []}
    seen = {int(o.get("ReferencedROINumber", -1)): o for o in dataset.get("RTROIObservationsSequence") or []}
    for roi in dataset.StructureSetROISequence:
        number = int(roi.ROINumber)
        name = str(roi.get("ROIName", "")).strip() or f"Structure {number}"
        contour = drawn.get(number, pydicom.Dataset())
        found = list(contour.get("ContourSequence") or [])
        closed = [one for one in found if str(one.get("ContourGeometricType", "")) in _CLOSED]
        points = tuple(p for p in map(points_of, closed) if len(p) >= 3)
        colour, kind = _colour(contour), _term(seen.get(number, pydicom.Dataset()), name)
        yield _Structure(name, colour, kind, points, len(found) - len(points))


def _colour(contour: pydicom.Dataset) -> tuple[int, int, int] | None:
    value = contour.get("ROIDisplayColor")
    if not value or len(value) != 3:
        return None
    red, green, blue = (min(255, max(0, int(part))) for part in value)
    return red, green, blue


def _term(observation: pydicom.Dataset, name: str) -> str:
    """The file's code; its side, which contours' codes do not tell, is the one that the name speaks of."""
    named = suggest(name)
    codes = observation.get("RTROIIdentificationCodeSequence") or [pydicom.Dataset()]
    code = snomed(str(codes[0].get("CodeValue", "")), str(codes[0].get("CodingSchemeDesignator", SCHEME)))
    if term(code) is None or code == named.code:
        return "" if named == unknown() else named.key
    return code


def _notes(structures: Sequence[_Structure]) -> Iterator[str]:
    without = [one.name for one in structures if not one.contours]
    if without:
        yield f"without closed contours and so left out: {', '.join(without)}"
    other = sum(one.other for one in structures if one.contours)
    if other:
        yield f"{other} open or single-point contours were left out"


def _axis(structure: _Structure, geometry: Geometry) -> int | None:
    """The array axis across the planes of all its contours; None where there is no such axis."""
    drift = np.max([np.ptp(geometry.index(points), axis=0) for points in structure.contours], axis=0)
    axis = int(drift.argmin())
    return axis if drift[axis] <= _FLAT else None


def _segment(structure: _Structure, geometry: Geometry, axis: int) -> IncomingSegment:
    indices = [geometry.index(points) for points in structure.contours]
    box = _box(np.concatenate(indices), geometry, axis)
    corner = np.delete(box.start, axis)
    planes = _planes(indices, axis, _SAME_MM / float(geometry.spacing[axis]))
    mask = np.zeros(box.shape, bool)
    along = np.moveaxis(mask, axis, 0)
    for number, at in _nearest_planes(sorted(planes), geometry.shape[axis]):
        along[number - box.start[axis]] = filled([polygon - corner for polygon in planes[at]], along.shape[1:])
    tight = Region.around(mask)
    if tight is None:  # thinner than a voxel, or outside the grid
        return IncomingSegment(structure.name, EMPTY_REGION, mask[:0], structure.colour, structure.term)
    region, crop = tight.placed(box.start), mask[tight.slices].copy()
    return IncomingSegment(structure.name, region, crop, structure.colour, structure.term)


def _box(index: Points, geometry: Geometry, axis: int) -> Region:
    """Voxels that contours can reach; all slices along `axis`."""
    low = np.clip(np.floor(index.min(axis=0)), 0, geometry.shape).astype(int)
    high = np.clip(np.ceil(index.max(axis=0)) + 1, low, geometry.shape).astype(int)
    low[axis], high[axis] = 0, geometry.shape[axis]
    (a, b, c), (d, e, f) = low.tolist(), high.tolist()
    return Region((a, b, c), (d, e, f))


def _planes(indices: Sequence[Points], axis: int, same: float) -> dict[float, list[Polygon]]:
    """Position along an axis -> the polygons there; positions nearer than `same` are one."""
    planes: dict[float, list[Polygon]] = {}
    at = -np.inf
    for index in sorted(indices, key=lambda one: float(one[:, axis].mean())):
        position = float(index[:, axis].mean())
        at = position if position - at > same else at
        planes.setdefault(at, []).append(np.delete(index, axis, axis=1))
    return planes


def _nearest_planes(planes: Sequence[float], count: int) -> Iterator[tuple[int, float]]:
    """For each slice that lies in the slab of a plane, that plane; positions are in slices.

    A slab is as thick as the smallest distance between two planes, so that a gap in a structure stays a gap.
    """
    half = min((b - a for a, b in pairwise(planes)), default=1.0) / 2
    positions = np.array(planes)
    for number in range(count):
        distance = number - positions
        nearest = int(np.abs(distance).argmin())
        if _ROUNDED - half < distance[nearest] <= _ROUNDED + half:  # of two slabs that meet in a slice one takes it
            yield number, planes[nearest]


def _own_grid(drawn: Sequence[_Structure], scan: Geometry, name: str) -> Geometry:
    """A grid along the first structure's planes that holds every contour: axis k across them, k as far apart as they.

    Raises:
        BadInput: when the contours span more than memory can hold.
    """
    points = np.concatenate([contour for one in drawn for contour in one.contours])
    across = _normal(drawn[0].contours)
    right = np.cross(across, np.eye(3)[int(np.abs(across).argmin())])
    right /= np.linalg.norm(right)
    axes = np.array([right, np.cross(across, right), across])  # i, j, k
    fine = float(min(scan.spacing))
    step = _distance([float((p @ across).mean()) for p in drawn[0].contours], float(scan.spacing[0]))
    spacing = np.array([fine, fine, step])
    along = points @ axes.T
    first = (drawn[0].contours[0] @ axes.T).mean(axis=0)  # a plane of the structure lies on a slice of the grid
    low = np.floor((along.min(axis=0) - first) / spacing) - 1
    shape = (np.ceil((along.max(axis=0) - first) / spacing) - low + 2).astype(int)
    memory.require(name, int(np.prod(shape, dtype=np.int64)))
    affine = np.eye(4)
    affine[:3, :3] = axes.T * spacing
    affine[:3, 3] = (first + low * spacing) @ axes
    i, j, k = shape.tolist()
    return Geometry((k, j, i), affine)


def _normal(contours: Sequence[Points]) -> Points:
    """Across the plane of the longest contour."""
    longest = max(contours, key=len)
    centred = longest - longest.mean(axis=0)
    return np.asarray(np.linalg.svd(centred, full_matrices=False)[2][2])


def _distance(positions: Sequence[float], default: float) -> float:
    """The smallest millimetres between two planes."""
    planes = sorted({round(at, 2) for at in positions})
    return min((b - a for a, b in pairwise(planes)), default=default)
