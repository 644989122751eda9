"""`GridPlan`: from slice positions to a regular right-angled grid, resampling only where the slices demand it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from highdicom.spatial import create_affine_matrix_from_attributes
from numpy.typing import NDArray

from app.errors import BadInput
from app.geometry import Geometry
from app.volume_io.sentences import counted

_UNEVEN = 0.02  # of the step: a slice farther than this from its even place makes the stack uneven
_UNEVEN_MM = 0.01  # header positions are rounded; below this they are even whatever the step
_TILTED = 0.5  # pixels: slices that move sideways by less over the whole stack are kept as they are
_MOST_SLICES = 5000  # of a resampled stack; more is a stray slice metres away, not a scan


@dataclass(frozen=True, slots=True, eq=False)
class GridPlan:
    """How a stack of parallel slices becomes a grid.

    Args:
        geometry: Of the result.
        depths: For each slice of the result, its place among the stored ones (2.5: halfway between 2 and 3).
        shifts: (n, 2) pixels, down and right, by which each stored slice is moved onto the padded plane; None when
            none is.
        notes: What was done, for the reader.
    """

    geometry: Geometry
    depths: NDArray[np.float64]
    shifts: NDArray[np.float64] | None = None
    notes: tuple[str, ...] = ()

    @property
    def resamples(self) -> bool:
        """Whether voxel values change."""
        return self.shifts is not None or not np.array_equal(self.depths, np.arange(len(self.depths)))

    def apply(self, array: NDArray[np.generic]) -> NDArray[np.generic]:
        """The stored slices (n, rows, columns) on the grid, in the same dtype; linear between neighbours.

        Where a moved slice leaves the plane empty, the smallest value of the stack is put.
        """
        if not self.resamples:
            return array
        out = np.empty(self.geometry.shape, array.dtype)
        low = array.min()
        planes: dict[int, NDArray[np.float64]] = {}
        for k, depth in enumerate(self.depths):
            below, share = math.floor(depth), float(depth - math.floor(depth))
            planes = {
                n: planes[n] if n in planes else self._moved(array, n, float(low)) for n in {below, below + bool(share)}
            }
            plane = planes[below] if not share else (1 - share) * planes[below] + share * planes[below + 1]
            out[k] = np.rint(plane) if array.dtype.kind in "ui" else plane
        return out

    def _moved(self, array: NDArray[np.generic], n: int, fill: float) -> NDArray[np.float64]:
        plane: NDArray[np.float64] = array[n].astype(np.float64)
        if self.shifts is None:
            return plane
        rows, columns = self.geometry.shape[1:]
        plane = _slid(plane, float(self.shifts[n, 0]), rows, fill)
        return np.transpose(_slid(plane.T, float(self.shifts[n, 1]), columns, fill))


def plan(
    positions: NDArray[np.float64], orientation: Sequence[float], spacing: tuple[float, float], shape: tuple[int, int]
) -> GridPlan:
    """A grid for slices sorted along their normal.

    Args:
        positions: (n, 3) LPS millimetres of each slice's first pixel, n at least 2, no two at one depth.
        orientation: Six cosines, LPS.
        spacing: Millimetres between rows, between columns.
        shape: Rows, columns.

    Raises:
        BadInput: when the slices lie too unevenly to be one scan.
    """
    row, column = np.asarray(orientation[:3]), np.asarray(orientation[3:])
    normal = np.cross(row, column)
    along = (positions - positions[0]) @ normal
    depths, step, notes = _depths(along)
    sideways = np.stack(
        ((positions - positions[0]) @ column / spacing[0], (positions - positions[0]) @ row / spacing[1]), 1
    )
    if np.ptp(sideways, axis=0).max() <= _TILTED:
        # Straight: the mean way from slice to slice keeps every position as exact as the header gives it. Headers round
        # to 0.1 mm at times; repeating the first step, as dcm2niix does, then misses the last of 20 slices by 1.3 mm.
        affine = _affine(positions[0], orientation, spacing, step)
        affine[:3, 2] = (positions[-1] - positions[0]) * (step / along[-1])
        return GridPlan(Geometry.from_lps((len(depths), *shape), affine), depths, None, notes)
    shifts, padded = _padding(sideways, shape)
    angle = math.degrees(math.atan2(np.linalg.norm(positions[-1] - positions[0] - along[-1] * normal), along[-1]))
    first = positions[0] - shifts[0, 0] * spacing[0] * column - shifts[0, 1] * spacing[1] * row
    affine = _affine(first, orientation, spacing, step)
    said = f"the slices are sheared by {angle:.1f} degrees (gantry tilt): resampled to a right-angled grid"
    return GridPlan(Geometry.from_lps((len(depths), *padded), affine), depths, shifts, (said, *notes))


def single(
    position: NDArray[np.float64],
    orientation: Sequence[float],
    spacing: tuple[float, float],
    shape: tuple[int, int, int],
    step: float,
) -> GridPlan:
    """The grid of one slice, or of slices without positions of their own, `step` millimetres apart."""
    affine = _affine(position, orientation, spacing, step)
    return GridPlan(Geometry.from_lps(shape, affine), np.arange(shape[0], dtype=np.float64))


def _affine(
    position: NDArray[np.float64], orientation: Sequence[float], spacing: tuple[float, float], step: float
) -> NDArray[np.float64]:
    """LPS affine for (i, j, k) = (column, row, slice)."""
    affine = create_affine_matrix_from_attributes(
        image_position=[float(v) for v in position],
        image_orientation=[float(v) for v in orientation],
        pixel_spacing=[float(v) for v in spacing],
        spacing_between_slices=float(step),
        index_convention="RD",
    )
    return np.array(affine, dtype=np.float64)


def _depths(along: NDArray[np.float64]) -> tuple[NDArray[np.float64], float, tuple[str, ...]]:
    """Depths of the even slices in stored slices, their step in millimetres, and a note where slices were made."""
    steps = np.diff(along)
    mean = float(along[-1] / (len(along) - 1))
    even = np.arange(len(along)) * mean
    if np.abs(along - even).max() <= max(_UNEVEN * mean, _UNEVEN_MM):
        return np.arange(len(along), dtype=np.float64), mean, ()
    step, missing = _base_step(steps)
    count = round(float(along[-1]) / step) + 1
    if count > _MOST_SLICES:
        raise BadInput(f"The slices of this series lie too unevenly to be one scan (steps {_range(steps)}).")
    if missing:
        step = float(along[-1]) / (count - 1)
        gone = counted(missing, "slice", ("is", "are"))
        note = f"{gone} missing (steps {_range(steps)}): filled in between their neighbours"
    else:
        note = f"the slices lie unevenly (steps {_range(steps)}): resampled to steps of {step:.3g} mm"
    wanted = np.minimum(np.arange(count) * step, along[-1])
    depths = np.interp(wanted, along, np.arange(len(along)))
    near = np.abs(depths - np.rint(depths)) * step < max(_UNEVEN * step, _UNEVEN_MM)
    return np.where(near, np.rint(depths), depths), step, (note,)


def _base_step(steps: NDArray[np.float64]) -> tuple[float, int]:
    """The step to resample to, and how many slices are missing if the smallest step divides all others."""
    smallest = float(steps.min())
    times = np.rint(steps / smallest)
    unit = float(steps.sum() / times.sum())
    if np.abs(steps / unit - times).max() < 2.5 * _UNEVEN and times.max() < 100:
        return unit, int(times.sum() - len(steps))
    return float(np.median(steps)), 0


def _range(steps: NDArray[np.float64]) -> str:
    return f"{steps.min():.3g} to {steps.max():.3g} mm"


def _padding(sideways: NDArray[np.float64], shape: tuple[int, int]) -> tuple[NDArray[np.float64], tuple[int, int]]:
    """Shift of each slice in pixels, at least 0, whole for the first; and the size of the plane that holds them all."""
    lowest = np.floor(sideways.min(axis=0) + 1e-6)
    shifts = sideways - lowest
    rows, columns = (int(n) for n in np.ceil(shifts.max(axis=0) - 1e-6).astype(int) + np.array(shape))
    return shifts, (rows, columns)


def _slid(plane: NDArray[np.float64], shift: float, length: int, fill: float) -> NDArray[np.float64]:
    """The plane moved down by `shift` pixels, 0 or more, on a plane of `length` rows; linear between rows.

    A row half outside keeps the value at the edge, one more than half outside is empty.
    """
    whole = math.floor(shift + 1e-6)
    share = max(0.0, shift - whole)
    out = np.full((length, plane.shape[1]), fill)
    if share < 1e-3:
        out[whole : whole + len(plane)] = plane
        return out
    out[whole + 1 : whole + len(plane)] = (1 - share) * plane[1:] + share * plane[:-1]
    if share <= 0.5:
        out[whole] = plane[0]
    else:
        out[whole + len(plane)] = plane[-1]
    return out
