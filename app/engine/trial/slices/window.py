"""`Window`: what the network for slices sees of a slice, a square of isotropic pixels, and the way back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.engine.interpolation import Line
from app.engine.trial.cube import averaged

Array = NDArray[np.float32]
Mask = NDArray[np.bool_]
Pixel = tuple[float, float]
_FINEST = 0.5  # of the finest pixel: small objects are enlarged no further
_LATTICE = 8  # places of a window along its side
_SIZES = 2.0**0.25  # between neighbouring sizes of windows


@dataclass(frozen=True)
class Window:
    """`side` pixels of `step` millimetres along both axes of a slice, around `centre`.

    Args:
        centre: Middle of the window, fractional (row, column) of the slice.
        step: Millimetres between the window's pixels.
        spacing: Millimetres between the slice's (rows, columns).
    """

    centre: Pixel
    step: float
    spacing: Pixel
    side: int

    @classmethod
    def around(cls, box: tuple[Pixel, Pixel], fill: float, shape: tuple[int, int], spacing: Pixel, side: int) -> Window:
        """The window of a coarse lattice in which a box (first and last pixel) takes about the share `fill`.

        A mask that changes a little is looked at through the same window, so that its slices are encoded once.
        """
        low, high = (np.array(corner, float) for corner in box)
        extent = float(((high - low + 1) * spacing).max())
        finest = min(spacing) * _FINEST
        size = max(0, round(float(np.log(max(extent / (fill * side), finest) / finest) / np.log(_SIZES))))
        step = finest * _SIZES**size
        pitch, half = side * step / _LATTICE / np.array(spacing), side * step / 2 / np.array(spacing)
        last = np.array(shape) - 1.0
        within = np.minimum(half - 0.5, last / 2), np.maximum(last - half + 0.5, last / 2)
        row, column = np.clip(np.rint((low + high) / 2 / pitch) * pitch, *within).tolist()
        return cls((row, column), step, spacing, side)

    def read(self, plane: NDArray[Any]) -> Array:
        """A slice in the window (side, side): linear, averaged where pixels are skipped, the border's value beyond."""
        values = plane
        for axis in (0, 1):
            low, weights = self._weights(axis, plane.shape[axis])
            part = np.take(values, range(low, low + weights.shape[1]), axis).astype(np.float32, copy=False)
            values = weights @ part if axis == 0 else part @ weights.T
        return np.ascontiguousarray(values, dtype=np.float32)

    def placed(self, values: Array, shape: tuple[int, int], beyond: float) -> Array:
        """The window's values on the slice's pixels, `beyond` where the window does not reach."""
        whole = np.full(shape, beyond, np.float32)
        spans, weights = [], []
        for axis in (0, 1):
            offset = np.arange(shape[axis], dtype=np.float64) - self.centre[axis]
            at = np.asarray(offset * self.spacing[axis] / self.step + (self.side - 1) / 2)
            seen = np.flatnonzero((at >= -0.5) & (at <= self.side - 0.5))
            spans.append(slice(int(seen[0]), int(seen[-1]) + 1) if seen.size else slice(0, 0))
            weights.append(Line.at(at[seen], self.side).matrix(self.side))
        whole[spans[0], spans[1]] = weights[0] @ values @ weights[1].T
        return whole

    def pixels(self, positions: NDArray[np.int64]) -> list[tuple[int, int]]:
        """The window's pixels that hold pixels (n, 2) of the slice; those outside are left out."""
        at = (np.reshape(positions, (-1, 2)) - self.centre) * np.array(self.spacing) / self.step
        near = np.floor(at + (self.side - 1) / 2 + 0.5).astype(int)
        inside = ((near >= 0) & (near < self.side)).all(axis=1)
        return [(int(row), int(column)) for row, column in near[inside]]

    def block(self, box: tuple[Pixel, Pixel]) -> tuple[slice, slice]:
        """The window's pixels inside a box of the slice (first and last pixel), at least one along each axis."""
        low, high = (
            (np.array(corner) + half - self.centre) * np.array(self.spacing) / self.step + self.side / 2
            for corner, half in zip(box, (-0.5, 0.5), strict=True)
        )
        rows, columns = (
            slice(max(0, round(a)), max(0, round(a) + 1, round(b))) for a, b in zip(low, high, strict=True)
        )
        return rows, columns

    def _weights(self, axis: int, length: int) -> tuple[int, Array]:
        """First pixel needed of the slice, and rows that read the window's pixels off those from there on."""
        ratio = self.step / self.spacing[axis]
        at = np.asarray((np.arange(self.side) - (self.side - 1) / 2) * ratio + self.centre[axis], np.float64)
        width = max(1.0, ratio)
        low = int(np.clip(np.floor(at[0] - width), 0, length - 1))
        high = int(np.clip(np.ceil(at[-1] + width), low, length - 1))
        return low, averaged(at - low, width, high - low + 1)


def box_of(mask: Mask) -> tuple[Pixel, Pixel]:
    """First and last row and column of a mask that is not empty."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return (float(rows[0]), float(columns[0])), (float(rows[-1]), float(columns[-1]))
