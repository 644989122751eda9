"""`Lattice`: the coarser grid of whole blocks of voxels on which a volume is prepared."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.engine.blocks import Blocks
from app.engine.classic.tone import Tone
from app.geometry import Index
from app.threads import on_threads

_CELLS = 4_500_000  # cutting this many takes half a second on two cores, describing the pieces as long
_SLAB = 2_000_000  # voxels toned at a time by a thread: about what a processor's cache holds


@dataclass(frozen=True, slots=True)
class Lattice(Blocks):
    """Blocks with a size in millimetres.

    Args:
        spacing: Millimetres between voxels of the volume along (k, j, i).
    """

    spacing: tuple[float, float, float]

    @classmethod
    def of(cls, full: Index, spacing: tuple[float, float, float], cells: int = _CELLS) -> Lattice:
        """The finest lattice of at most about `cells`, made coarser first along the axis of the closest voxels."""
        factors = [1, 1, 1]
        while np.prod([-(-n // f) for n, f in zip(full, factors, strict=True)]) > cells:
            widths = [f * s if n > f else np.inf for n, f, s in zip(full, factors, spacing, strict=True)]
            factors[int(np.argmin(widths))] += 1
        return cls(full, (factors[0], factors[1], factors[2]), spacing)

    @property
    def steps(self) -> tuple[float, float, float]:
        """Millimetres between neighbouring cells along (k, j, i)."""
        k, j, i = (f * s for f, s in zip(self.factors, self.spacing, strict=True))
        return k, j, i

    @property
    def cell(self) -> float:
        """Cubic millimetres of one cell."""
        k, j, i = self.steps
        return k * j * i

    @property
    def first(self) -> NDArray[np.float64]:
        """(3,) millimetres from the middle of the first voxel to that of the first cell."""
        return np.asarray(0.5 * (np.array(self.steps) - np.array(self.spacing)))

    def millimetres(self, indices: NDArray[np.int64]) -> NDArray[np.float64]:
        """Where voxels (n, 3) lie, along (k, j, i) from the middle of the first cell, as `Supervoxels.centre`."""
        return np.asarray(indices * np.array(self.spacing) - self.first)

    def coarsen(self, array: NDArray[np.generic]) -> NDArray[np.float32]:
        """Means over the blocks."""
        result = np.asarray(array, dtype=np.float32)
        for axis, factor in enumerate(self.factors):
            if factor > 1:
                result = np.moveaxis(_means(np.moveaxis(result, axis, 0), factor), 0, axis)
        return np.ascontiguousarray(result, dtype=np.float32)

    def coarsen_toned(self, array: NDArray[np.generic], tone: Tone) -> NDArray[np.float32]:
        """Means of the tones over the blocks, slab by slab: the toned volume never lies in memory whole.

        Several slabs at a time.
        """
        slab = max(1, _SLAB // max(1, self.factors[0] * array[0].size)) * self.factors[0]
        slabs = [array[k : k + slab] for k in range(0, array.shape[0], slab)]
        return np.concatenate(on_threads(lambda part: self.coarsen(tone(part)), slabs))


def _means(rows: NDArray[np.float32], factor: int) -> NDArray[np.float32]:
    """Of so many rows (along the first axis) at a time, of fewer at the end; a tenth of `np.add.reduceat`'s time."""
    whole = len(rows) // factor * factor
    result = np.empty((-(-len(rows) // factor), *rows.shape[1:]), dtype=np.float32)
    if whole:
        result[: whole // factor] = _mean(rows[:whole], factor)
    if whole < len(rows):
        result[-1:] = _mean(rows[whole:], len(rows) - whole)
    return result


def _mean(rows: NDArray[np.float32], factor: int) -> NDArray[np.float32]:
    """Of whole blocks of rows."""
    if factor == 1:
        return rows
    total = rows[1::factor].copy()
    for n in range(2, factor):
        total += rows[n::factor]
    total += rows[0::factor]
    total /= np.float32(factor)
    return total
