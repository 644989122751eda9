"""What the network is told of one step from slice to slice: maps on the points of a `Square`, and a few numbers.

As for the pieces (`node_features.py`) all is in units of the image's contrast and noise, of points and of what the
border may move, so that little of it depends on modality or zoom.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from app.engine.builtin.contrast import Contrast
from app.engine.builtin.square import Square
from app.engine.classic.propagator import SliceMemory, Step
from app.engine.classic.refinement import SURE

Mask = NDArray[np.bool_]
Floats = NDArray[np.float32]

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
    contrast = _contrast(step, memory.features.graph.noise)
    maps = [
        *_of_tones(memory, step, square, nearest, contrast),
        *_of_evidence(step, square),
        square.depth(memory.masks[step.previous]),
        square.depth(given[nearest]),
        square.take_limited(step.logits, step.window, SURE, -SURE),
        square.within,
    ]
    numbers = _numbers(memory, step, square, nearest, known, contrast)
    return np.stack(maps).astype(np.float32), np.array(numbers, dtype=np.float32)


def _of_tones(memory: SliceMemory, step: Step, square: Square, nearest: int, contrast: Contrast) -> list[Floats]:
    """Of the slice at hand, of the one before as it has moved, and of the nearest given one."""
    now, given = (square.take(memory.tone(n)[square.window], square.window) for n in (step.index, nearest))
    return [contrast(seen) for seen in (now, square.take(step.before, step.window), given)]


def _of_evidence(step: Step, square: Square) -> list[Floats]:
    """What `classic` weighs by hand."""
    return [
        square.take_limited(step.looks, step.window, 4, -4),
        square.take_limited(step.nearby, step.window, 3, -3),
        square.take_limited(step.told, step.window, 4, -4),
        square.take_limited(step.depth / step.reach, step.window, 3, _FAR),
        square.take_limited(step.depth / square.pitch, step.window, Square.DEEPEST, _FAR),
    ]


def _numbers(
    memory: SliceMemory, step: Step, square: Square, nearest: int, known: float, contrast: Contrast
) -> tuple[float, ...]:
    return (
        min(abs(step.index - nearest), _LONG) / 10,
        memory.threshold,
        np.clip(np.log((int(memory.masks[step.previous].sum()) + 1) / (memory.area + 1)), -3, 0) / 3,
        known,
        np.clip(np.log(memory.gap / square.pitch), -2, 2) / 2,
        np.clip(np.log(step.reach / square.pitch), -1, 3) / 3,
        min(contrast.in_noise / 8, 2.0),
    )


def _contrast(step: Step, noise: float) -> Contrast:
    """Of the slice before, near the border of its mask."""
    inner = (step.depth > 0) & (step.depth < _INSIDE * step.reach)
    outer = (step.depth <= 0) & (step.depth > _AROUND * step.reach)
    return Contrast.of(step.before, inner, outer, noise, step.now)
