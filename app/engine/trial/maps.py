"""What the network sees, the same in training and in use: the channels of its image and of its prompt maps."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

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

REMEMBERED = 2
"""Slices that the decoder for slices is shown: the one before, and the nearest one whose mask was given."""

Array = NDArray[np.float32]
_SAMPLED = 8192  # voxels are enough for quantiles to half a percent
_ROUNDING = 1e-5  # of a value, twenty times what reading it between voxels in float32 may change
_LEVELS = np.linspace(0, 1, 65)


@dataclass(frozen=True, eq=False)
class Tones:
    """How intensities become what the network sees."""

    low: float
    high: float
    quantiles: NDArray[np.float64]
    levels: NDArray[np.float64]

    @classmethod
    def of(cls, image: Array) -> Tones:
        """By the percentiles and ranks of an image's own values."""
        values = np.sort(image.reshape(-1)[:: max(1, image.size // _SAMPLED)])
        low, high = (float(values[int(share * (values.size - 1))]) for share in (0.005, 0.995))
        return cls(low, high, *_rising(values))

    def channels(self, image: Array) -> Array:
        """(IMAGE_CHANNELS, ...) in -1..1 from an image of intensities; zeros where these were constant."""
        low, high = self.low, self.high
        out = np.zeros((IMAGE_CHANNELS, *image.shape), np.float32)
        if high - low > _ROUNDING * max(abs(low), abs(high)):
            middle, half = high / 2 + low / 2, high / 2 - low / 2  # halved first: 1e38 is a legal intensity
            out[0] = np.clip((np.clip(image, low, high).astype(np.float64) - middle) / half, -1, 1)
            out[1] = np.interp(image, self.quantiles, self.levels)
        return out


def image_channels(image: Array) -> Array:
    """(IMAGE_CHANNELS, ...) in -1..1 from intensities, by their own percentiles and ranks."""
    return Tones.of(image).channels(image)


def empty(side: int, dimensions: int = 3) -> Array:
    """Maps of a cube, or of a slice, without a prompt."""
    return np.zeros((CHANNELS, *(side,) * dimensions), np.float32)


def draw_points(maps: Array, channel: int, positions: Iterable[tuple[int, ...]]) -> None:
    """Draw balls around voxels of the cube (discs on a slice); what lies outside it is cut off."""
    side, filled = maps.shape[1], _ball(maps.ndim - 1)
    for position in positions:
        low = [max(0, p - RADIUS) for p in position]
        high = [min(side, p + RADIUS + 1) for p in position]
        if all(a < b for a, b in zip(low, high, strict=True)):
            inside = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
            ball = tuple(slice(a - p + RADIUS, b - p + RADIUS) for a, b, p in zip(low, high, position, strict=True))
            np.maximum(maps[channel][inside], filled[ball], out=maps[channel][inside])


def _rising(values: Array) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Quantiles without repeats, each with the middle of the ranks that share it, scaled to -1..1."""
    quantiles = values[(_LEVELS * (values.size - 1)).astype(int)].astype(np.float64)
    unique, first, count = np.unique(quantiles, return_index=True, return_counts=True)
    middle = (first + (count - 1) / 2) / (_LEVELS.size - 1)
    return unique, middle * 2 - 1


@lru_cache
def _ball(dimensions: int) -> Array:
    offsets = np.indices((2 * RADIUS + 1,) * dimensions) - RADIUS
    return np.asarray((offsets**2).sum(0) <= RADIUS**2 + 0.5, dtype=np.float32)
