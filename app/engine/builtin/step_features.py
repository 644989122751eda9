"""What the network is told of one step from slice to slice: maps on the points of a `Square`, and a few numbers.

As for the pieces (`node_features.py`) all is in units of the image's contrast and noise, of points and of what the
border may move, so that little of it depends on modality or zoom.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from app.engine.builtin.square import Square
from app.engine.classic.propagator import SliceMemory, Step
from app.engine.classic.signed_distance import signed_distance

Mask = NDArray[np.bool_]
Floats = NDArray[np.float32]

MAPS, NUMBERS = 12, 7
LOGITS = 10
"""Which map holds the logits that the network corrects, divided by `SURE`."""
SURE = 8.0

_INSIDE, _AROUND = 6, -4  # times what the border may move: how far into and out of the mask tones are compared
_DEEP = 8  # points
_HALF = 0.5  # of a mask between pixels
_FAR = -99.0
_LONG = 20  # slices


def of_step(
    memory: SliceMemory, step: Step, square: Square, given: Mapping[int, Mask], known: float
) -> tuple[Floats, Floats]:
    """Maps (MAPS, SIDE, SIDE) and numbers (NUMBERS,).

    Args:
        given: Slice -> mask that carrying began with.
        known: How well the graph network knows these, 0..1.
    """
    inside, around, contrast = _tones(step, memory.features.graph.noise)
    nearest = min(given, key=lambda index: abs(index - step.index))

    def on_square(plane: Floats, least: float, most: float, beyond: float) -> Floats:
        return np.asarray(np.clip(square.take(plane, step.window, beyond), least, most) / most)

    def tone(index: int) -> Floats:
        plane = memory.tone(index)[square.window]
        return _normed(square.take(plane, square.window), inside, contrast)

    def depth(mask: Mask) -> Floats:
        inside = square.take(mask[square.window], square.window, 0.0) > _HALF
        return np.asarray(np.clip(signed_distance(inside, (1.0, 1.0)), -_DEEP, _DEEP) / _DEEP)

    maps = [
        tone(step.index),
        _normed(square.take(step.before, step.window), inside, contrast),
        tone(nearest),
        on_square(step.looks, -4, 4, -4),
        on_square(step.nearby, -3, 3, -3),
        on_square(step.told, -4, 4, -4),
        on_square(step.depth / step.reach, -3, 3, _FAR),
        on_square(step.depth / square.pitch, -_DEEP, _DEEP, _FAR),
        depth(memory.masks[step.previous]),
        depth(given[nearest]),
        on_square(step.logits, -SURE, SURE, -SURE),
        square.take(np.ones(memory.tone(step.index)[square.window].shape, np.float32), square.window, 0.0),
    ]
    area = int(memory.masks[step.previous].sum())
    numbers = (
        min(abs(step.index - nearest), _LONG) / 10,
        memory.threshold,
        np.clip(np.log((area + 1) / (memory.area + 1)), -3, 0) / 3,
        known,
        np.clip(np.log(memory.gap / square.pitch), -2, 2) / 2,
        np.clip(np.log(step.reach / square.pitch), -1, 3) / 3,
        np.clip(abs(inside - around) / memory.features.graph.noise / 8, 0, 2),
    )
    return np.stack(maps).astype(np.float32), np.array(numbers, dtype=np.float32)


def _tones(step: Step, noise: float) -> tuple[float, float, float]:
    """Mean tone of the object near its border and around it on the slice before, and half of what parts them."""
    inner = (step.depth > 0) & (step.depth < _INSIDE * step.reach)
    outer = (step.depth <= 0) & (step.depth > _AROUND * step.reach)
    inside = float(step.before[inner].mean()) if inner.any() else float(step.now.mean())
    around = float(step.before[outer].mean()) if outer.any() else inside
    return inside, around, 0.5 * abs(inside - around) + 2 * noise


def _normed(tones: Floats, middle: float, unit: float) -> Floats:
    return np.asarray(np.clip((tones - np.float32(middle)) / np.float32(unit), -3, 3) / 3)
