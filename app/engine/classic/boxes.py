"""`Boxes`: a lattice of cells seen as boxes of equal size, and its values by their place inside their box."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

Grid = tuple[int, int, int]
Kind = TypeVar("Kind", bound=np.generic)


@dataclass(frozen=True, slots=True)
class Boxes:
    """The last boxes along an axis may reach beyond the lattice's end.

    Args:
        shape: Of the lattice, (k, j, i).
        grid: Cells of a box along (k, j, i).
        count: Boxes along (k, j, i).
    """

    shape: Grid
    grid: Grid
    count: Grid

    @classmethod
    def of(cls, shape: tuple[int, ...], grid: Grid) -> Boxes:
        """As few as cover the lattice."""
        k, j, i = (-(-n // g) for n, g in zip(shape, grid, strict=True))
        return cls((shape[0], shape[1], shape[2]), grid, (k, j, i))

    def layers(self, array: NDArray[Kind]) -> NDArray[Kind]:
        """(place in the box k, j, i, box k, j, i) of values (k, j, i); beyond the lattice its edge is repeated."""
        beyond = [(0, c * g - n) for n, g, c in zip(self.shape, self.grid, self.count, strict=True)]
        halves = [size for pair in zip(self.count, self.grid, strict=True) for size in pair]
        return np.ascontiguousarray(np.pad(array, beyond, "edge").reshape(halves).transpose(1, 3, 5, 0, 2, 4))

    def lattice(self, layers: NDArray[Kind]) -> NDArray[Kind]:
        """The inverse of `layers`, (k, j, i)."""
        whole = [c * g for c, g in zip(self.count, self.grid, strict=True)]
        k, j, i = self.shape
        return np.ascontiguousarray(layers.transpose(3, 0, 4, 1, 5, 2).reshape(whole)[:k, :j, :i])

    def firsts(self) -> list[NDArray[np.float32]]:
        """The first cell of each box along each axis, shaped to go with (box k, j, i)."""
        lines = [np.arange(c) * g for c, g in zip(self.count, self.grid, strict=True)]
        return [line.reshape(_along(axis, 3)).astype(np.float32) for axis, line in enumerate(lines)]

    def middles(self) -> list[NDArray[np.intp]]:
        """The middle cell of each box's part inside the lattice, along each axis."""
        firsts = [np.arange(c) * g for c, g in zip(self.count, self.grid, strict=True)]
        return [
            first + np.minimum(g, n - first) // 2 for first, n, g in zip(firsts, self.shape, self.grid, strict=True)
        ]

    def coordinates(self) -> list[NDArray[np.float32]]:
        """Every cell's own place along each axis, shaped to go with `layers`."""
        return [line.astype(np.float32) for line in self._lines()]

    def inside(self) -> NDArray[np.bool_]:
        """Whether a cell is one of the lattice's, laid out as `layers`."""
        k, j, i = (line < n for line, n in zip(self._lines(), self.shape, strict=True))
        return np.asarray(k & j & i)

    def _lines(self) -> list[NDArray[Any]]:
        made = []
        for axis, (g, c) in enumerate(zip(self.grid, self.count, strict=True)):
            shape = [g if a == axis else c if a == axis + 3 else 1 for a in range(6)]
            made.append((np.arange(g)[:, None] + np.arange(c) * g).reshape(shape))
        return made


def _along(axis: int, dimensions: int) -> list[int]:
    return [-1 if a == axis else 1 for a in range(dimensions)]
