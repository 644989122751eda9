"""`SliceGrid`: a scan's grid turned to slices, rows and columns at a recipe's spacing, and the way back."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.engine.interpolation import Floats, Line, interpolated
from app.engine.sam3d.recipe import Spacing
from app.geometry import Geometry, Index, Region

_ROWS_AND_COLUMNS = {2: (1, 0), 1: (2, 0), 0: (2, 1)}


@dataclass(frozen=True)
class SliceGrid:
    """Axes along the scan's own, growing to S, A and R; an oblique scan stays oblique.

    Args:
        spacing: Millimetres between slices, rows and columns.
        across: World axis across the slices.
    """

    geometry: Geometry
    spacing: Spacing
    across: int

    @property
    def shape(self) -> Index:
        """Slices, rows and columns that cover the scan."""
        steps = self.geometry.spacing
        lengths = [
            max(1, round(self.geometry.shape[axis] * steps[axis] / wanted))
            for axis, wanted in zip(self._axes, self.spacing, strict=True)
        ]
        return lengths[0], lengths[1], lengths[2]

    def take(self, array: NDArray[np.generic]) -> Floats:
        """A scan (k, j, i) as slices, linear in between."""
        turned = array.transpose(self._axes)
        lines = []
        for place, axis in enumerate(self._axes):
            positions = self._positions(place, np.arange(self.shape[place], dtype=np.float64))
            length = self.geometry.shape[axis]
            lines.append(Line.at(np.clip(positions, 0, length - 1), length))
        return np.ascontiguousarray(interpolated(turned, lines))

    def nearest(self, labels: NDArray[np.generic]) -> NDArray[np.generic]:
        """Labels (k, j, i) as slices, each from the nearest voxel."""
        turned = labels.transpose(self._axes)
        for place, axis in enumerate(self._axes):
            positions = self._positions(place, np.arange(self.shape[place], dtype=np.float64))
            near = np.clip(np.floor(positions + 0.5), 0, self.geometry.shape[axis] - 1).astype(np.int64)
            turned = np.take(turned, near, axis=place)
        return np.ascontiguousarray(turned)

    def back(self, mask: NDArray[np.bool_]) -> tuple[Region, NDArray[np.bool_]] | None:
        """The voxels (k, j, i) of a mask of slices, on the box around them; None for an empty mask."""
        box = Region.around(mask)
        if box is None:
            return None
        start, stop, lines = [0, 0, 0], [0, 0, 0], []
        for place, axis in enumerate(self._axes):
            positions = self._slices(place, np.arange(self.geometry.shape[axis], dtype=np.float64))
            low, high = box.start[place] - 1, box.stop[place]
            span = np.flatnonzero((positions >= low) & (positions <= high))
            if not span.size:
                return None
            start[axis], stop[axis] = int(span[0]), int(span[-1]) + 1
            lines.append(Line.at(np.clip(positions[span], 0, mask.shape[place] - 1), mask.shape[place]))
        inside = interpolated(mask, lines) >= 0.5
        region = Region((start[0], start[1], start[2]), (stop[0], stop[1], stop[2]))
        return region, np.ascontiguousarray(inside.transpose(np.argsort(self._axes)))

    @property
    def _axes(self) -> tuple[int, int, int]:
        rows, columns = _ROWS_AND_COLUMNS[self.across]
        return self.geometry.axis_of(self.across), self.geometry.axis_of(rows), self.geometry.axis_of(columns)

    def _positions(self, place: int, slices: NDArray[np.float64]) -> NDArray[np.float64]:
        """Where slices (rows, columns) lie on the scan's axis."""
        axis = self._axes[place]
        along = (slices + 0.5) * self.spacing[place] / self.geometry.spacing[axis] - 0.5
        return along if self.geometry.grows(axis) else self.geometry.shape[axis] - 1 - along

    def _slices(self, place: int, voxels: NDArray[np.float64]) -> NDArray[np.float64]:
        """The inverse of `_positions`."""
        axis = self._axes[place]
        along = voxels if self.geometry.grows(axis) else self.geometry.shape[axis] - 1 - voxels
        return (along + 0.5) * self.geometry.spacing[axis] / self.spacing[place] - 0.5
