"""Windows that slide over a scan by half their length, and how much the middle of one counts (nnU-Net's inference)."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

_SIGMA = 1 / 8  # of a window's length


def starts(length: int, window: int) -> tuple[int, ...]:
    """First positions of windows over `length` values, evenly, at most half a window apart."""
    room = max(0, length - window)
    steps = math.ceil(room / (window / 2))
    return tuple(round(room * step / steps) for step in range(steps + 1)) if steps else (0,)


def padded(array: NDArray[np.float32], shape: tuple[int, ...]) -> tuple[NDArray[np.float32], tuple[slice, ...]]:
    """At least of `shape`, zeros around, and where the values lie in it."""
    missing = [max(0, wanted - have) for wanted, have in zip(shape, array.shape, strict=True)]
    around = [(gap // 2, gap - gap // 2) for gap in missing]
    inner = tuple(slice(before, before + length) for (before, _), length in zip(around, array.shape, strict=True))
    return np.pad(array, around), inner


def importance(shape: tuple[int, ...]) -> NDArray[np.float32]:
    """A Gaussian bell over a window, 1 in its middle, never 0."""
    bell = np.ones((1,) * len(shape))
    for axis, length in enumerate(shape):
        places = (np.arange(length) - (length - 1) / 2) / (length * _SIGMA)
        bell = bell * np.exp(-0.5 * places**2).reshape([-1 if axis == a else 1 for a in range(len(shape))])
    least = float(bell[bell > 0].min())
    return np.maximum(bell, least).astype(np.float32)
