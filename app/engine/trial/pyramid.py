"""`Pyramid`: a volume and its halved copies, so that a coarse window is read without touching every voxel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.engine.protocol import ReportProgress, Token
from app.volume import Volume

_FLAT = 1.5  # an axis is halved while its voxels are at most this many times the finest axis' long
_HALF = np.float32(0.5)
_SMALL = 32  # voxels; an axis is not halved below


@dataclass(frozen=True, slots=True, eq=False)
class Level:
    """A copy whose voxel x lies at `origin + factor * x` of the volume, along each of (k, j, i)."""

    array: NDArray[Any]
    factor: tuple[float, float, float]
    origin: tuple[float, float, float]


@dataclass(frozen=True, slots=True, eq=False)
class Pyramid:
    """Levels, finest (the volume's own array) first."""

    levels: tuple[Level, ...]
    spacing: tuple[float, float, float]

    @classmethod
    def of(cls, volume: Volume, progress: ReportProgress, token: Token) -> Pyramid:
        """Halve until every axis is small; some tenths of a second for 512 x 512 x 300.

        Raises:
            Cancelled: when the token says so.
        """
        spacing = volume.geometry.spacing
        levels = [Level(volume.array, (1.0, 1.0, 1.0), (0.0, 0.0, 0.0))]
        while True:
            progress(len(levels) / (len(levels) + 2), "Preparing")
            token.raise_if_cancelled()
            axes = _to_halve(levels[-1], spacing)
            if not axes:
                return cls(tuple(levels), spacing)
            levels.append(_halved(levels[-1], axes))

    def level(self, step: float) -> Level:
        """The coarsest level whose voxels are not longer than `step` millimetres along any axis that was halved."""
        fitting = [level for level in self.levels if self._longest(level) <= step * (1 + 1e-6)]
        return fitting[-1] if fitting else self.levels[0]

    def _longest(self, level: Level) -> float:
        halved = [f * s for f, s in zip(level.factor, self.spacing, strict=True) if f > 1]
        return max(halved, default=0.0)


def _to_halve(level: Level, spacing: tuple[float, float, float]) -> list[int]:
    sizes = [f * s for f, s in zip(level.factor, spacing, strict=True)]
    long = [axis for axis in range(3) if level.array.shape[axis] >= 2 * _SMALL]
    finest = min((sizes[axis] for axis in long), default=0.0)
    return [axis for axis in long if sizes[axis] <= finest * _FLAT]


def _halved(level: Level, axes: list[int]) -> Level:
    """Means of neighbouring pairs along the axes; an odd last voxel is left out."""
    array = level.array
    for axis in reversed(axes):  # the fastest axis first: its pairs lie side by side
        even = array.shape[axis] // 2 * 2
        first, second = (array[_along(axis, slice(start, even, 2))] for start in (0, 1))
        array = np.multiply(first, _HALF, dtype=np.float32)  # halved before the sum: 3e38 is a legal intensity
        array += np.multiply(second, _HALF, dtype=np.float32)
    factor = [f * (2 if axis in axes else 1) for axis, f in enumerate(level.factor)]
    origin = [
        o + (f / 2 if axis in axes else 0) for axis, (o, f) in enumerate(zip(level.origin, level.factor, strict=True))
    ]
    return Level(array, (factor[0], factor[1], factor[2]), (origin[0], origin[1], origin[2]))


def _along(axis: int, part: slice) -> tuple[slice, ...]:
    return tuple(part if a == axis else slice(None) for a in range(3))
