"""How a slice differs from its neighbour by displacement alone: what moved where."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from app.median import median3

Floats = NDArray[np.float32]

_WINDOW = 3.0  # pixels (sigma) that are taken to move together
_ROUNDS = 3  # each moves by a pixel at most; six gain nothing on the training objects


def displacement(before: Floats, now: Floats, noise: float) -> Floats:
    """Where each pixel of `now` lay on `before`: Lucas and Kanade's least squares (1981), iterated with warping.

    Where the slices have no more structure than the noise, nothing moves.

    Args:
        before: (rows, columns) tones of the slice before.
        now: (rows, columns) tones of the slice at hand.
        noise: Step of tone between two neighbours that means nothing.

    Returns:
        (2, rows, columns) pixels to add to a position in `now`.
    """
    moved = np.zeros((2, *now.shape), dtype=np.float32)
    for _ in range(_ROUNDS):
        step = _step(warped(before, moved), now, noise * noise)
        moved += np.clip(step, -1.0, 1.0)
        moved = median3(moved, (0, 1, 1))
    return moved


def warped(plane: Floats, moved: Floats) -> Floats:
    """A plane of the slice before, brought to where things are now."""
    places = np.indices(plane.shape, dtype=np.float32) + moved
    return np.asarray(ndimage.map_coordinates(plane, places, order=1, mode="nearest"), dtype=np.float32)


def _step(before: Floats, now: Floats, still: float) -> Floats:
    """The displacement that explains the difference best around each pixel; `still` is what holds it at zero."""
    mean = 0.5 * (before + now)
    rows, columns = _slope(mean, 0), _slope(mean, 1)
    error = now - before
    a, b, c = _sum(rows * rows) + still, _sum(rows * columns), _sum(columns * columns) + still
    p, q = _sum(rows * error), _sum(columns * error)
    step = np.stack([c * p - b * q, a * q - b * p]) / np.maximum(a * c - b * b, 1e-12)
    return np.asarray(step, dtype=np.float32)


def _slope(plane: Floats, axis: int) -> Floats:
    """Tone per pixel; flat along an axis of one pixel, which numpy's gradient refuses."""
    return np.gradient(plane, axis=axis) if plane.shape[axis] > 1 else np.zeros_like(plane)


def _sum(plane: Floats) -> Floats:
    return np.asarray(ndimage.gaussian_filter(plane, _WINDOW, mode="nearest"), dtype=np.float32)
