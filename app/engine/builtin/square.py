"""`Square`: the part of a slice around a mask, at as many points whatever its size: what the network carries on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Mask = NDArray[np.bool_]
Floats = NDArray[np.float32]
Window = tuple[slice, slice]

SIDE = 64
_FILLED = 50  # points that a mask takes at most, so that there is something to see around it
_BLURRED = 1.5  # pixels to a point, above which they are averaged before they are looked at
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
        if max(self.strides) > _BLURRED:
            plane = ndimage.uniform_filter(plane.astype(np.float32), [max(1, round(s)) for s in self.strides])
        points = [
            first - span.start + np.arange(SIDE) * stride
            for first, span, stride in zip(self.origin, window, self.strides, strict=True)
        ]
        places = np.stack(np.meshgrid(*points, indexing="ij"))
        mode, outside = ("nearest", 0.0) if beyond is None else ("constant", beyond)
        values = ndimage.map_coordinates(plane.astype(np.float32), places, order=1, mode=mode, cval=outside)
        return np.asarray(values, dtype=np.float32)

    def put(self, values: Floats, window: Window) -> Floats:
        """The way back: values at the points (SIDE, SIDE) on the pixels of `window`, 0 outside of the square."""
        rows, columns = (
            (np.arange(span.start, span.stop) - first) / stride
            for first, span, stride in zip(self.origin, window, self.strides, strict=True)
        )
        places = np.stack(np.meshgrid(rows, columns, indexing="ij"))
        return np.asarray(ndimage.map_coordinates(values, places, order=1, mode="constant"), dtype=np.float32)
