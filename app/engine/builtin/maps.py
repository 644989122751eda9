"""What the network sees, the same in training and in use: the channels of its image and of its prompt maps."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

CHANNELS = 6
INCLUDE, EXCLUDE, KNOWN_INSIDE, KNOWN_OUTSIDE, BOX, LAST = range(CHANNELS)
"""Balls around include and exclude points (scribbles: along them), voxels whose answer is given (a mask on a slice),
the inside of a box, and the last answer as 2p - 1 (0 where there is none)."""

IMAGE_CHANNELS = 2
"""The intensities between their 0.5 and 99.5 percentiles, and their ranks: in a CT with air and bone the soft tissues
share 5 % of the first channel's range and most of the second's."""

RADIUS = 2
"""Of a point's ball, in voxels of the cube."""

Array = NDArray[np.float32]
_SAMPLED = 8192  # voxels are enough for quantiles to half a percent
_ROUNDING = 1e-5  # of a value, twenty times what reading it between voxels in float32 may change
_LEVELS = np.linspace(0, 1, 65)


def image_channels(cube: Array) -> Array:
    """(IMAGE_CHANNELS, S, S, S) in -1..1 from a cube of intensities; a constant cube gives zeros."""
    values = np.sort(cube.reshape(-1)[:: max(1, cube.size // _SAMPLED)])
    low, high = (float(values[int(share * (values.size - 1))]) for share in (0.005, 0.995))
    out = np.zeros((IMAGE_CHANNELS, *cube.shape), np.float32)
    if high - low > _ROUNDING * max(abs(low), abs(high)):
        middle, half = high / 2 + low / 2, high / 2 - low / 2  # halved first: 1e38 is a legal intensity
        out[0] = np.clip((np.clip(cube, low, high).astype(np.float64) - middle) / half, -1, 1)
        quantiles, levels = _rising(values)
        out[1] = np.interp(cube, quantiles, levels)
    return out


def empty(side: int) -> Array:
    """Maps without a prompt."""
    return np.zeros((CHANNELS, side, side, side), np.float32)


def draw_points(maps: Array, channel: int, positions: Iterable[tuple[int, int, int]]) -> None:
    """Draw balls around voxels of the cube; what lies outside it is cut off."""
    side = maps.shape[1]
    for position in positions:
        low = [max(0, p - RADIUS) for p in position]
        high = [min(side, p + RADIUS + 1) for p in position]
        if all(a < b for a, b in zip(low, high, strict=True)):
            inside = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
            ball = tuple(slice(a - p + RADIUS, b - p + RADIUS) for a, b, p in zip(low, high, position, strict=True))
            np.maximum(maps[channel][inside], _BALL[ball], out=maps[channel][inside])


def _rising(values: Array) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Quantiles without repeats, each with the middle of the ranks that share it, scaled to -1..1."""
    quantiles = values[(_LEVELS * (values.size - 1)).astype(int)].astype(np.float64)
    unique, first, count = np.unique(quantiles, return_index=True, return_counts=True)
    middle = (first + (count - 1) / 2) / (_LEVELS.size - 1)
    return unique, middle * 2 - 1


def _ball() -> Array:
    offsets = np.arange(-RADIUS, RADIUS + 1)
    squared = offsets[:, None, None] ** 2 + offsets[:, None] ** 2 + offsets**2
    return (squared <= RADIUS**2 + 0.5).astype(np.float32)


_BALL = _ball()
