"""Carried slices of one object, as they are without the network that is to learn, with all errors on the way."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from app.engine.builtin.predictor import BuiltinPredictor
from app.engine.builtin.propagator import GuidedMemory, carry, remember
from app.engine.builtin.square import Square
from training.graph.given_slices import drawn
from training.graph.scans import Example, Mask
from training.graph.user import large_slice, shown_axis
from training.once_more.seen import Floats, Seen
from training.shapes import Random

_AS_SLICED = 0.6  # share of the objects that are carried across the slices of the scan
_TRUE = 0.75  # share of the given masks that are as they should be
_PUT_RIGHT = 0.12  # share of the carried slices that are corrected, so that later ones are not all lost
_BEYOND = 2  # slices past an object's end
_LONGEST = 40  # slices to one side
_FEWEST, _SMALLEST = 5, 25  # slices of an object, pixels of its largest


@dataclass
class Listening:
    """A network that notes what it is told and adds nothing."""

    told: tuple[Floats, Floats] | None = None

    def __call__(self, maps: Floats, numbers: Floats) -> Floats:
        """See `SquareNetwork`."""
        self.told = maps, numbers
        return np.zeros(maps.shape[1:], dtype=np.float32)


def walk(example: Example, predictor: BuiltinPredictor, random: Random) -> list[Seen]:
    """Both ways from a given slice; nothing from an object of few slices."""
    mask, spacing = example.mask, example.features.lattice.spacing
    axis = shown_axis(spacing, random, _AS_SLICED)
    areas = mask.sum(axis=tuple(a for a in range(3) if a != axis))
    if np.count_nonzero(areas) < _FEWEST or areas.max() < _SMALLEST:
        return []
    first = large_slice(mask, axis, random)
    plane = np.take(mask, first, axis)
    given = plane if random.random() < _TRUE else drawn(plane, np.delete(spacing, axis).tolist(), random)
    listening = Listening()
    memory = remember(example.features, axis, {first: given}, predictor.asking(example.features, axis), listening)
    return [seen for way in (1, -1) for seen in _side(memory, first, way, mask, listening, random)]


def _side(
    memory: GuidedMemory, first: int, way: int, mask: Mask, listening: Listening, random: Random
) -> Iterator[Seen]:
    ends = np.flatnonzero(mask.any(axis=tuple(a for a in range(3) if a != memory.axis)))
    last = (ends[0] - _BEYOND, ends[-1] + _BEYOND)[way > 0]
    last = int(np.clip(last, max(0, first - _LONGEST), min(mask.shape[memory.axis] - 1, first + _LONGEST)))
    for index in range(first + way, last + way, way):
        square, listening.told = Square.around(memory.masks[index - way], memory.steps), None
        _, confidence = carry(memory, index, index - way)
        truth = np.take(mask, index, memory.axis)
        if listening.told:
            yield Seen(*listening.told, square.take(truth[square.window], square.window, 0.0), abs(index - first))
        if confidence <= 0 or not memory.masks[index].any():
            return
        if truth.any() and random.random() < _PUT_RIGHT:
            memory.masks[index] = truth
