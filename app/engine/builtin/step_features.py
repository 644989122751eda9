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
from app.engine.classic.refinement import SURE

Mask = NDArray[np.bool_]
Floats = NDArray[np.float32]
Tones = tuple[float, float, float]
"""Mean tone of the object near its border and around it on the slice before, and a unit: half of what parts them."""

MAPS, NUMBERS = 12, 7
TONES, TOLD, GIVEN_TONE, GIVEN_DEPTH, LOGITS, ON_SLICE = slice(0, 3), 5, 2, 9, 10, 11
"""Which maps hold tones, what the graph network told, tone of and depth in the given slice, the logits that are to be
corrected, divided by `SURE`, and 1 where a point lies on the slice."""

_INSIDE, _AROUND = 6, -4  # times what the border may move: how far into and out of the mask tones are compared
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
    nearest = min(given, key=lambda index: abs(index - step.index))
    tones = _tones(step, memory.features.graph.noise)
    maps = [
        *_of_tones(memory, step, square, nearest, tones),
        *_of_evidence(step, square),
        square.depth(memory.masks[step.previous]),
        square.depth(given[nearest]),
        _on(square, step, step.logits, SURE, -SURE),
        square.take(np.ones(memory.tone(step.index)[square.window].shape, np.float32), square.window, 0.0),
    ]
    numbers = _numbers(memory, step, square, nearest, known, tones)
    return np.stack(maps).astype(np.float32), np.array(numbers, dtype=np.float32)


def _of_tones(memory: SliceMemory, step: Step, square: Square, nearest: int, tones: Tones) -> list[Floats]:
    """Of the slice at hand, of the one before as it has moved, and of the nearest given one."""
    now, given = (square.take(memory.tone(n)[square.window], square.window) for n in (step.index, nearest))
    inside, _, unit = tones
    return [
        np.asarray(np.clip((seen - np.float32(inside)) / np.float32(unit), -3, 3) / 3)
        for seen in (now, square.take(step.before, step.window), given)
    ]


def _of_evidence(step: Step, square: Square) -> list[Floats]:
    """What `classic` weighs by hand."""
    return [
        _on(square, step, step.looks, 4, -4),
        _on(square, step, step.nearby, 3, -3),
        _on(square, step, step.told, 4, -4),
        _on(square, step, step.depth / step.reach, 3, _FAR),
        _on(square, step, step.depth / square.pitch, Square.DEEPEST, _FAR),
    ]


def _on(square: Square, step: Step, plane: Floats, most: float, beyond: float) -> Floats:
    """What lies on the step's window, in units of the most that counts."""
    return np.asarray(np.clip(square.take(plane, step.window, beyond), -most, most) / most)


def _numbers(
    memory: SliceMemory, step: Step, square: Square, nearest: int, known: float, tones: Tones
) -> tuple[float, ...]:
    inside, around, _ = tones
    return (
        min(abs(step.index - nearest), _LONG) / 10,
        memory.threshold,
        np.clip(np.log((int(memory.masks[step.previous].sum()) + 1) / (memory.area + 1)), -3, 0) / 3,
        known,
        np.clip(np.log(memory.gap / square.pitch), -2, 2) / 2,
        np.clip(np.log(step.reach / square.pitch), -1, 3) / 3,
        np.clip(abs(inside - around) / memory.features.graph.noise / 8, 0, 2),
    )


def _tones(step: Step, noise: float) -> Tones:
    inner = (step.depth > 0) & (step.depth < _INSIDE * step.reach)
    outer = (step.depth <= 0) & (step.depth > _AROUND * step.reach)
    inside = float(step.before[inner].mean()) if inner.any() else float(step.now.mean())
    around = float(step.before[outer].mean()) if outer.any() else inside
    return inside, around, 0.5 * abs(inside - around) + 2 * noise
