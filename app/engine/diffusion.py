"""Settling beliefs on a pixel or voxel grid: neighbours that look alike come to agree (random walks with a prior)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


def settle(
    tone: Floats, belief: Floats, trust: Floats, scale: float, steps: tuple[float, ...], rounds: int = 25
) -> Floats:
    """Probabilities p that minimise sum of trust (p - belief)^2 + sum over neighbours of w (p - p')^2.

    That is the random walker with priors (Grady, 2005), solved by conjugate gradients from `belief`; some twenty
    rounds carry what is known about as many pixels far, farther than a border is ever moved here.

    Args:
        tone: Image, 2D or 3D.
        belief: What is thought of each pixel alone, 0..1.
        trust: How firmly, above 0; large values fix a pixel.
        scale: The step of tone at which two neighbours are half strangers.
        steps: Distance between neighbours along each axis; far neighbours pull less.
    """
    weights = [_likeness(tone, axis, scale) * np.float32((min(steps) / s) ** 2) for axis, s in enumerate(steps)]
    diagonal = trust.copy()
    for axis, weight in enumerate(weights):
        low, high = _sides(tone.ndim, axis)
        diagonal[low] += weight
        diagonal[high] += weight
    return np.clip(_conjugate_gradients(weights, diagonal, trust * belief, belief, rounds), 0.0, 1.0)


def _likeness(tone: Floats, axis: int, scale: float) -> Floats:
    step = np.diff(tone, axis=axis) / np.float32(scale)
    return np.asarray(1.0 / (1.0 + step * step * step * step) + 1e-3, dtype=np.float32)


def _sides(ndim: int, axis: int) -> tuple[tuple[slice, ...], tuple[slice, ...]]:
    low = tuple(slice(None, -1) if a == axis else slice(None) for a in range(ndim))
    high = tuple(slice(1, None) if a == axis else slice(None) for a in range(ndim))
    return low, high


def _conjugate_gradients(weights: list[Floats], diagonal: Floats, right: Floats, start: Floats, rounds: int) -> Floats:
    x = start.astype(np.float32, copy=True)
    residual = right - _apply(weights, diagonal, x)
    scaled = residual / diagonal
    direction = scaled.copy()
    energy = float(np.vdot(residual, scaled))
    enough = 1e-6 * max(1e-12, float(np.vdot(right, right / diagonal)))
    for _ in range(rounds):
        if energy <= enough:
            break
        product = _apply(weights, diagonal, direction)
        length = np.float32(energy / float(np.vdot(direction, product)))
        x += length * direction
        residual -= length * product
        scaled = residual / diagonal
        energy, last = float(np.vdot(residual, scaled)), energy
        direction *= np.float32(energy / last)
        direction += scaled
    return x


def _apply(weights: list[Floats], diagonal: Floats, x: Floats) -> Floats:
    result = diagonal * x
    for axis, weight in enumerate(weights):
        low, high = _sides(x.ndim, axis)
        result[low] -= weight * x[high]
        result[high] -= weight * x[low]
    return result
