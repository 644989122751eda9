"""`Blocks`: a grid whose cells are whole blocks of voxels, and the ways between it and the voxels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from app.geometry import Index, Region
from app.threads import on_threads

T = TypeVar("T", bound=np.generic)
Lengths = NDArray[np.int64]
_FEW = 1_000_000  # voxels: below, starting threads takes longer than they save


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

    def held(self, region: Region) -> tuple[Lengths, Lengths, Lengths]:
        """Voxels along (k, j, i) that each layer of cells of `region` holds."""
        k, j, i = (
            np.minimum(np.arange(a + 1, b + 1) * f, n) - np.arange(a, b) * f
            for a, b, f, n in zip(region.start, region.stop, self.factors, self.full, strict=True)
        )
        return k, j, i

    def covered(self, region: Region, mask: NDArray[np.bool_]) -> int:
        """How many voxels the True cells of `mask` (on cells of `region`) hold."""
        k, j, i = self.held(region)
        return int(k @ (mask @ i) @ j)

    def middle(self, cell: Index) -> Index:
        """The voxel in the middle of a cell, the later one of two."""
        k, j, i = (min(c * f + f // 2, n - 1) for c, f, n in zip(cell, self.factors, self.full, strict=True))
        return k, j, i

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
        k, j, i = (
            np.arange(a, b) // f - c
            for a, b, f, c in zip(region.start, region.stop, self.factors, cells.start, strict=True)
        )
        result = np.empty(region.shape, values.dtype)

        def fill(cell: int) -> None:
            """The planes of one layer of cells: one is made in the processor's cache, the others are copies of it."""
            first, stop = np.searchsorted(k, (cell, cell + 1))
            np.take(np.take(values[cell], i, axis=1), j, axis=0, out=result[first], mode="clip")
            result[first + 1 : stop] = result[first]

        layers = np.unique(k).tolist()
        if result.size < _FEW:
            list(map(fill, layers))
        else:
            on_threads(fill, layers, at_once=8)
        return result
