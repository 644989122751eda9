"""`Cube`: the network's window on a volume, a cube of isotropic voxels along the volume's axes, and the way back."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.engine.interpolation import Line
from app.engine.trial.pyramid import Level, Pyramid
from app.geometry import Index, Region

Array = NDArray[np.float32]
Position = tuple[float, float, float]


@dataclass(frozen=True)
class Cube:
    """`side` voxels of `step` millimetres along each axis of the volume, around `centre`.

    Args:
        centre: Middle of the cube, fractional (k, j, i) of the volume.
        step: Millimetres between voxels of the cube.
        spacing: Millimetres between voxels of the volume along (k, j, i).
    """

    centre: Position
    step: float
    spacing: Position
    side: int

    @property
    def extent(self) -> float:
        """Millimetres along a side."""
        return self.side * self.step

    @cached_property
    def ratio(self) -> NDArray[np.float64]:
        """Cube voxels per volume voxel along (k, j, i)."""
        return np.array(self.spacing) / self.step

    def positions(self, index: NDArray[np.float64]) -> NDArray[np.float64]:
        """Fractional cube voxels of volume voxels (..., 3); cube voxel (0, 0, 0) is centred on position 0."""
        return np.asarray((np.asarray(index) - self.centre) * self.ratio + (self.side - 1) / 2)

    def index(self, position: NDArray[np.float64]) -> NDArray[np.float64]:
        """Fractional volume voxels of cube voxels (..., 3); the inverse of `positions`."""
        return np.asarray((np.asarray(position) - (self.side - 1) / 2) / self.ratio + self.centre)

    def voxels(self, index: NDArray[np.int64]) -> list[Index]:
        """The cube voxels that hold volume voxels (n, 3); those outside the cube are left out."""
        near = np.floor(self.positions(np.reshape(index, (-1, 3)).astype(float)) + 0.5).astype(int)
        inside = ((near >= 0) & (near < self.side)).all(axis=1)
        return [(int(k), int(j), int(i)) for k, j, i in near[inside]]

    def holds(self, index: Index, margin: float = 0.0) -> bool:
        """Whether a volume voxel lies in the cube, `margin` cube voxels from its border."""
        at = self.positions(np.array(index, float))
        return bool((at >= margin - 0.5).all() and (at <= self.side - 0.5 - margin).all())

    def region(self, shape: Index) -> Region:
        """The volume's voxels whose centres lie in the cube."""
        half = self.side / 2 / self.ratio
        start = [max(0, int(np.ceil(c - h))) for c, h in zip(self.centre, half, strict=True)]
        stop = [min(n, int(np.floor(c + h)) + 1) for c, h, n in zip(self.centre, half, shape, strict=True)]
        k, j, i = (max(a, b) for a, b in zip(start, stop, strict=True))
        return Region((start[0], start[1], start[2]), (k, j, i))

    def sampled(self, pyramid: Pyramid) -> Array:
        """The image in the cube (side, side, side), linear between voxels, the border's value beyond the border."""
        level = pyramid.level(self.step)
        weights = [self._read(level, axis) for axis in range(3)]
        crop = level.array[tuple(slice(low, low + w.shape[1]) for low, w in weights)].astype(np.float32)
        return _product(crop, [w for _, w in weights])

    def reads(self, values: Array, region: Region) -> Array:
        """Values on a region of the volume's voxels, read at the cube's voxels; the border's value beyond it."""
        level = Level(values, (1.0, 1.0, 1.0), (float(region.start[0]), float(region.start[1]), float(region.start[2])))
        weights = [self._read(level, axis) for axis in range(3)]
        crop = values[tuple(slice(low, low + w.shape[1]) for low, w in weights)]
        return _product(crop, [w for _, w in weights])

    def placed(self, values: Array, region: Region) -> Array:
        """Values at the cube's voxels, read at the volume's voxels in `region`, linear between them."""
        weights = []
        for axis in range(3):
            at = self._along(np.arange(region.start[axis], region.stop[axis]), axis)
            weights.append(Line.at(at, self.side).matrix(self.side))
        return _product(values, weights)

    def to(self, target: Cube, values: Array) -> Array:
        """Values at this cube's voxels, read at another's; 0 where this one does not reach."""
        weights, seen = [], []
        for axis in range(3):
            at = self._along(target._line(axis), axis)
            seen.append((at > -1) & (at < self.side))
            weights.append(averaged(at, target.step / self.step, self.side))
        inside = seen[0][:, None, None] & seen[1][:, None] & seen[2]
        return np.where(inside, _product(values, weights), np.float32(0))

    def _line(self, axis: int) -> NDArray[np.float64]:
        """Volume voxels at which the cube's voxels lie along an axis."""
        return np.asarray((np.arange(self.side) - (self.side - 1) / 2) / self.ratio[axis] + self.centre[axis])

    def _along(self, index: NDArray[Any], axis: int) -> NDArray[np.float64]:
        """Cube voxels at which volume voxels lie along an axis."""
        return np.asarray((index - self.centre[axis]) * self.ratio[axis] + (self.side - 1) / 2)

    def _read(self, level: Level, axis: int) -> tuple[int, Array]:
        """First voxel needed of a level, and rows that read the cube's voxels off those from there on."""
        at = (self._line(axis) - level.origin[axis]) / level.factor[axis]
        width = max(1.0, 1 / (self.ratio[axis] * level.factor[axis]))
        length = level.array.shape[axis]
        low = int(np.clip(np.floor(at[0] - width), 0, length - 1))
        high = int(np.clip(np.ceil(at[-1] + width), low, length - 1))
        return low, averaged(at - low, width, high - low + 1)


def averaged(at: NDArray[np.float64], width: float, length: int) -> Array:
    """Rows that read at `at`, or where voxels are skipped the mean over `width` voxels around it; exact on ramps."""
    count = 1 if width <= 1 else 2 * int(np.ceil(width)) - 1
    offsets = (np.arange(count) - (count - 1) / 2) / count * width
    rows = sum(Line.at(at + offset, length).matrix(length) for offset in offsets)
    return np.asarray(rows / np.float32(count), dtype=np.float32)


def _product(values: Array, weights: list[Array]) -> Array:
    """`values` times a matrix along each axis, in the order that keeps it small."""
    for axis in sorted(range(3), key=lambda a: weights[a].shape[0] / weights[a].shape[1]):
        values = np.moveaxis(np.tensordot(weights[axis], values, (1, axis)), 0, axis)
    return np.ascontiguousarray(values, dtype=np.float32)
