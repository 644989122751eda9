"""`Blocks`: a grid whose cells are whole blocks of voxels, and the ways between it and the voxels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from app.geometry import Index, Region

T = TypeVar("T", bound=np.generic)


@dataclass(frozen=True, slots=True)
class Blocks:
    """Cells of `factors` voxels, counted from the first voxel; the last of a line may be cut off by the grid's end.

    Args:
        full: Shape of the volume, (k, j, i).
        factors: Voxels to a cell along (k, j, i).
    """

    full: Index
    factors: Index

    @property
    def shape(self) -> Index:
        """Cells along (k, j, i)."""
        k, j, i = (-(-n // f) for n, f in zip(self.full, self.factors, strict=True))
        return k, j, i

    def cells(self, indices: NDArray[np.int64]) -> NDArray[np.int64]:
        """The cells (n, 3) that hold voxels (n, 3)."""
        return np.asarray(indices // np.array(self.factors), dtype=np.int64)

    def touched(self, region: Region) -> Region:
        """The cells that hold any of a region's voxels."""
        k, j, i = (a // f for a, f in zip(region.start, self.factors, strict=True))
        kk, jj, ii = (-(-b // f) for b, f in zip(region.stop, self.factors, strict=True))
        return Region((k, j, i), (kk, jj, ii))

    def voxels(self, region: Region) -> Region:
        """The voxels that cells of `region` cover, cut to the volume."""
        k, j, i = (a * f for a, f in zip(region.start, self.factors, strict=True))
        kk, jj, ii = (min(n, b * f) for n, b, f in zip(self.full, region.stop, self.factors, strict=True))
        return Region((k, j, i), (kk, jj, ii))

    def sampled(self, region: Region, values: NDArray[T]) -> tuple[Region, NDArray[T]]:
        """Cells whose middle voxel lies in `region`, and `values` (on the region's voxels) there."""
        spans = []
        for a, b, f, n in zip(region.start, region.stop, self.factors, self.full, strict=True):
            middle = np.minimum(np.arange(-(-n // f)) * f + f // 2, n - 1)
            cells = np.flatnonzero((middle >= a) & (middle < b))
            spans.append((int(cells[0]), int(cells[-1]) + 1, middle[cells] - a) if cells.size else (0, 0, cells))
        (k0, k1, k), (j0, j1, j), (i0, i1, i) = spans
        return Region((k0, j0, i0), (k1, j1, i1)), values[np.ix_(k, j, i)]

    def spread(self, values: NDArray[T], cells: Region, region: Region) -> NDArray[T]:
        """Values on `cells` repeated over the voxels of `region`, which the cells cover."""
        result = values
        for axis in (2, 1, 0):  # the largest copy comes last and goes in whole planes
            factor = self.factors[axis]
            if factor > 1:
                result = np.repeat(result, factor, axis=axis)
            first = region.start[axis] - cells.start[axis] * factor
            last = first + region.stop[axis] - region.start[axis]
            result = result[tuple(slice(first, last) if a == axis else slice(None) for a in range(3))]
        return np.ascontiguousarray(result)
