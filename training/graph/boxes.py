"""`BoxesLesson`: what a step teaches the network that is asked about boxes.

A box is drawn around the object, or around its cut with a slice, a little too large; clicks follow where the answer is
wrong. A slice is mostly looked at alone, as in use where a box on it is all that was said.
"""

from __future__ import annotations

import numpy as np

from app.engine.builtin import in_box
from app.engine.builtin.graph_network import GraphNetwork
from app.engine.builtin.node_features import COUNT
from app.engine.builtin.plane import Plane
from training.graph import scans
from training.graph.lesson import GraphLesson
from training.graph.network import TrainedGraphNetwork
from training.graph.scans import Example
from training.graph.user import Lesson, large_slice, lessons_in_box, shown_axis
from training.shapes import Random

_MOST_CORRECTIONS = 3
_ALONE = 0.4  # share of the lessons on a slice alone
_PIXELS = 3.0, 25.0  # to a piece of such a slice
_FEWEST, _MOST = 100, 12_000  # pieces of it


class BoxesLesson(GraphLesson):
    """See `train.Lesson`."""

    def network(self) -> TrainedGraphNetwork:
        """Untrained."""
        return TrainedGraphNetwork(COUNT + in_box.COUNT)

    def lessons(self, example: Example, asked: GraphNetwork, random: Random) -> list[Lesson]:
        """The answer to a box, and in half of the lessons one of those to clicks after it."""
        if random.random() < _ALONE:
            example = alone(example, random)
        made = lessons_in_box(example, asked, max(0, int(random.integers(-3, 1 + _MOST_CORRECTIONS))), random)
        return [*made[:1], *made[1:][-1:]]


def alone(example: Example, random: Random) -> Example:
    """A large slice of an object as a volume of its own."""
    mask, volume = example.mask, example.features.volume
    axis = shown_axis(volume.geometry.spacing, random)
    index = large_slice(mask, axis, random)
    flat = Plane(axis, index).alone(volume)
    pieces = flat.array.size / np.exp(random.uniform(*np.log(_PIXELS)))
    features = scans.prepared(flat.array, flat.geometry.spacing, float(np.clip(pieces, _FEWEST, _MOST)))
    return Example(features, np.take(mask, index, axis)[None])
