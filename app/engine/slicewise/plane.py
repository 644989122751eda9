"""`Upright`: a slice as a reading station shows it, which is how the networks saw most slices; and the way back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.geometry import Geometry, Index

_THICKER = 1.2  # times the next spacing: slices that much apart were acquired one by one, and are looked at so


def slice_axis(geometry: Geometry) -> int:
    """The array axis across the slices that a volume is made of: the coarsest, or the axial one where none is."""
    spacing = [geometry.spacing[axis] for axis in range(3)]
    coarsest = int(np.argmax(spacing))
    others = max(spacing[axis] for axis in range(3) if axis != coarsest)
    return coarsest if spacing[coarsest] > _THICKER * others else geometry.axis_of(2)


@dataclass(frozen=True, slots=True)
class Upright:
    """How slices across one array axis are turned: rows go down to P or I, columns right to L or P.

    Args:
        axis: Array axis across the slices.
        transposed: Whether columns of the picture run along the earlier of the two other array axes.
        flip_rows, flip_columns: Of the picture, after transposing.
    """

    axis: int
    transposed: bool
    flip_rows: bool
    flip_columns: bool

    @classmethod
    def of(cls, geometry: Geometry, axis: int) -> Upright:
        """Of the slices across array axis `axis` of a grid."""
        first, second = (a for a in range(3) if a != axis)
        transposed = geometry.world_axes[first] < geometry.world_axes[second]
        rows, columns = (second, first) if transposed else (first, second)
        return cls(axis, transposed, geometry.grows(rows), geometry.grows(columns))

    def picture(self, plane: NDArray[Any]) -> NDArray[Any]:
        """A slice (in array order, 2D) as an upright picture; a view."""
        turned = plane.T if self.transposed else plane
        return turned[:: -1 if self.flip_rows else 1, :: -1 if self.flip_columns else 1]

    def plane(self, picture: NDArray[Any]) -> NDArray[Any]:
        """The inverse of `picture`; a view."""
        turned = picture[:: -1 if self.flip_rows else 1, :: -1 if self.flip_columns else 1]
        return turned.T if self.transposed else turned

    def pixel(self, index: Index, shape: Index) -> tuple[float, float]:
        """Column and row (x, y) of a voxel in the picture of its slice; `shape` is the grid's."""
        first, second = (a for a in range(3) if a != self.axis)
        rows, columns = (second, first) if self.transposed else (first, second)
        y = shape[rows] - 1 - index[rows] if self.flip_rows else index[rows]
        x = shape[columns] - 1 - index[columns] if self.flip_columns else index[columns]
        return float(x), float(y)
