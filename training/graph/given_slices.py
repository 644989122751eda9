"""`GivenSlicesLesson`: what a step teaches the network that is asked about given slices, from which masks are carried.

One slice of the object is given, then a second one, as after some slices were carried; half of the masks are as they
should be, the others as if somebody had drawn them in a hurry.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from app.engine.builtin import beside
from app.engine.builtin.deciding import answer
from app.engine.builtin.graph_network import GraphNetwork
from app.engine.builtin.looking import Looking
from app.engine.builtin.node_features import COUNT
from app.engine.classic.seeds import Seeds
from app.engine.classic.signed_distance import signed_distance
from app.prompts import SliceMask
from training.graph.lesson import GraphLesson
from training.graph.network import TrainedGraphNetwork
from training.graph.scans import Example, Mask
from training.graph.user import Lesson, large_slice, shown_axis
from training.shapes import Random

_TRUE = 0.5  # share of the masks that are as they should be
_WORST = 0.35  # of the largest circle's radius: deviation of a hurried border
_FARTHEST = 14  # slices from the first to the second


class GivenSlicesLesson(GraphLesson):
    """See `train.Lesson`."""

    def network(self) -> TrainedGraphNetwork:
        """Untrained."""
        return TrainedGraphNetwork(COUNT + beside.COUNT)

    def lessons(self, example: Example, asked: GraphNetwork, random: Random) -> list[Lesson]:
        """What the network sees of one given slice and of two."""
        mask, spacing = example.mask, example.features.lattice.spacing
        axis = shown_axis(spacing, random)
        masks: tuple[SliceMask, ...] = ()
        made: list[Lesson] = []
        for index in _slices(mask, axis, random):
            given = drawn(np.take(mask, index, axis), np.delete(spacing, axis).tolist(), random)
            masks = (*masks, SliceMask(axis, index, given))
            looking = Looking.at_slices(example.features, Seeds.of(masks, mask.shape, spacing))
            if looking is not None:
                graph, _ = answer(asked, looking)
                made.append(Lesson(graph, example.target[graph.nodes], len(masks)))
        return made


def _slices(mask: Mask, axis: int, random: Random) -> list[int]:
    """A first one, and one not far from it, if there is one."""
    first = large_slice(mask, axis, random)
    others = np.flatnonzero(mask.any(axis=tuple(a for a in range(3) if a != axis)))
    others = others[(np.abs(others - first) <= _FARTHEST) & (others != first)]
    return [first, int(random.choice(others))] if others.size else [first]


def drawn(mask: Mask, steps: list[float], random: Random) -> Mask:
    """As it is, or with a border that wanders."""
    if random.random() < _TRUE:
        return mask
    depth = signed_distance(mask, steps)
    radius = max(float(depth.max()), min(steps))
    noise = ndimage.gaussian_filter(
        random.standard_normal(mask.shape), random.uniform(0.2, 0.8) * radius / np.array(steps)
    )
    noise *= random.uniform(0.05, _WORST) * radius / max(1e-9, float(noise.std()))
    changed = depth + noise > 0
    return changed if (changed & mask).any() else mask
