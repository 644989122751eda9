"""`Square`: the part of a slice around a mask, at as many points whatever its size: what the network carries on."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from app.engine.classic.signed_distance import signed_distance

Mask = NDArray[np.bool_]
Floats = NDArray[np.float32]
Window = tuple[slice, slice]

SIDE = 64
_FILLED = 50  # points that a mask takes at most, so that there is something to see around it
_BLURRED = 1.5  # pixels to a point, above which they are averaged before they are looked at
_HALF = 0.5  # of a mask between pixels
_EQUAL = 1.001  # times as far apart: the same but for rounding of a header


@dataclass(frozen=True, slots=True)
class Square:
    """`SIDE` x `SIDE` points of a slice, as far apart in millimetres in both directions.

    Where that is the distance of the pixels, points lie on pixels.

    Args:
        origin: Row and column (pixels, with fractions) of the first point.
        strides: Pixels between points along rows and columns.
        pitch: Millimetres between points.
        window: Pixels that hold the square, and a margin of an eighth around it.
    """

    DEEPEST: ClassVar[float] = 8.0
    """Points of depth in a mask, beyond which it makes no difference."""

    origin: tuple[float, float]
    strides: tuple[float, float]
    pitch: float
    window: Window

    @classmethod
    def around(cls, mask: Mask, steps: tuple[float, float]) -> Square:
        """The square in whose middle a mask lies that is not empty.

        Args:
            steps: Millimetres between pixels.
        """
        lines = [np.flatnonzero(mask.any(axis=1 - axis)) for axis in (0, 1)]
        middles = [(int(line[0]) + int(line[-1])) / 2 for line in lines]
        extents = [(int(line[-1]) - int(line[0]) + 1) * step for line, step in zip(lines, steps, strict=True)]
        pitch = max(min(steps), max(extents) / _FILLED)
        strides = pitch / steps[0], pitch / steps[1]
        firsts = [middle - (SIDE - 1) / 2 * stride for middle, stride in zip(middles, strides, strict=True)]
        if max(strides) <= _EQUAL and max(steps) <= _EQUAL * min(steps):
            firsts = [float(round(first)) for first in firsts]
        margins = [SIDE / 8 * stride for stride in strides]
        spans = [
            slice(max(0, int(first - margin)), min(n, int(np.ceil(first + SIDE * stride + margin)) + 1))
            for first, stride, margin, n in zip(firsts, strides, margins, mask.shape, strict=True)
        ]
        return cls((firsts[0], firsts[1]), strides, pitch, (spans[0], spans[1]))

    def take(self, plane: NDArray[np.generic], window: Window, beyond: float | None = None) -> Floats:
        """(SIDE, SIDE) values at the points, between pixels in proportion.

        Args:
            plane: Of the pixels of `window`.
            beyond: What is there outside of them; the nearest value where it is None.
        """
        rows, columns = self._averaging(window)
        values = rows.weights @ plane.astype(np.float32) @ columns.weights.T
        if beyond is not None:
            values[~(rows.within[:, None] & columns.within)] = beyond
        return np.asarray(values, dtype=np.float32)

    def take_limited(self, plane: NDArray[np.generic], window: Window, most: float, beyond: float) -> Floats:
        """The same in units of the most that counts: -1..1."""
        return np.asarray(np.clip(self.take(plane, window, beyond), -most, most) / np.float32(most))

    @property
    def within(self) -> Floats:
        """(SIDE, SIDE) 1 where a point lies on the slice, else 0."""
        rows, columns = self._averaging(self.window)
        return (rows.within[:, None] & columns.within).astype(np.float32)

    def depth(self, mask: Mask) -> Floats:
        """(SIDE, SIDE) how many points deep each lies in a mask of the slice, in units of `DEEPEST`: -1..1."""
        inside = self.take(mask[self.window], self.window, 0.0) > _HALF
        depth = signed_distance(inside, (1.0, 1.0))
        return np.asarray(np.clip(depth, -self.DEEPEST, self.DEEPEST) / self.DEEPEST, dtype=np.float32)

    def put(self, values: Floats, window: Window) -> Floats:
        """The way back: values at the points (SIDE, SIDE) on the pixels of `window`, 0 outside of the square."""
        rows, columns = (
            _between(first - span.start, stride, span.stop - span.start)
            for first, span, stride in zip(self.origin, window, self.strides, strict=True)
        )
        return np.asarray(rows @ values @ columns.T, dtype=np.float32)

    def _averaging(self, window: Window) -> tuple[_Averaging, _Averaging]:
        blurred = max(self.strides) > _BLURRED
        rows, columns = (
            _averaging(first - span.start, stride, span.stop - span.start, max(1, round(stride)) if blurred else 1)
            for first, span, stride in zip(self.origin, window, self.strides, strict=True)
        )
        return rows, columns


@dataclass(frozen=True, slots=True, eq=False)
class _Averaging:
    """One axis of `Square.take`: weights (SIDE, n) of pixels at each point, and which points lie between pixels."""

    weights: Floats
    within: Mask


@lru_cache(maxsize=8)  # a square takes a dozen maps of the same pixels
def _averaging(first: float, stride: float, count: int, size: int) -> _Averaging:
    """Linear between running means of `size` pixels, which are mirrored beyond the rim; there it is the nearest.

    Products with these weights are what `ndimage.uniform_filter` and `map_coordinates` give, in a third of their time.

    Args:
        first, stride: Place of the first point along the axis, and how far apart they are, in pixels.
        count: Pixels.
    """
    places = first + np.arange(SIDE) * stride
    at = np.clip(places, 0, count - 1)
    lower = np.minimum(np.floor(at).astype(int), max(0, count - 2))
    weights = np.zeros((len(at), count), dtype=np.float32)
    for pixel, share in ((lower, 1 - (at - lower)), (np.minimum(lower + 1, count - 1), at - lower)):
        around = pixel[:, None] - size // 2 + np.arange(size)
        around = np.abs(around + (around < 0)) % (2 * count)  # mirrored about the outer side of the first pixel
        around = np.minimum(around, 2 * count - 1 - around)
        np.add.at(weights, (np.arange(len(at))[:, None], around), (share / size)[:, None].astype(np.float32))
    return _Averaging(weights, (places >= 0) & (places <= count - 1))


@lru_cache(maxsize=8)
def _between(first: float, stride: float, count: int) -> Floats:
    """(count, SIDE) weights of the points at each pixel between them; nothing beyond the first and the last."""
    places = (np.arange(count) - first) / stride
    lower = np.clip(np.floor(places).astype(int), 0, SIDE - 2)
    within, lines = (places >= 0) & (places <= SIDE - 1), np.arange(len(places))
    weights = np.zeros((len(places), SIDE), dtype=np.float32)
    weights[lines, lower], weights[lines, lower + 1] = 1 - (places - lower), places - lower
    weights[~within] = 0
    return weights
