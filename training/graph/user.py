"""The simulated user on a graph: prompts of every kind, then clicks where the answer is wrong."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from app.engine.builtin.deciding import answer
from app.engine.builtin.features import BuiltinFeatures
from app.engine.builtin.graph_network import GraphNetwork
from app.engine.builtin.looking import Looking
from app.engine.builtin.subgraph import Subgraph
from app.engine.classic.graph import Floats
from app.engine.classic.seeds import Seeds
from app.engine.evaluation.metrics import Spacing
from app.engine.evaluation.protocols import largest_slice, slicing_axis
from app.prompts import Box, Point, Prompt, Scribble, SliceMask
from training import clicks
from training.graph.scans import Example, Mask
from training.shapes import Random

_ON_A_SLICE = 0.15  # share of the lessons with all clicks on one slice, as before it is carried to its neighbours
_FLAT = 0.25  # share of the boxes in volumes that are drawn on a slice
_LOOSE = 20  # voxels of the object to one more that lies between it and its box at most
_SMALLEST = 0.3  # of the largest slice's area: a slice that is shown first has at least that
_LEAST = 4  # pixels
_DEEPEST = 0.8  # share of the clicks that lie as deep as can be in the object, or in what is wrong

_Look = Callable[[BuiltinFeatures, Seeds, Floats | None], Looking | None]
"""What a network is shown: `Looking.of` or `Looking.in_boxes`."""


@dataclass(frozen=True)
class Lesson:
    """One answer to learn from: what the network saw, the truth (m,), and how many prompts there were."""

    graph: Subgraph
    target: NDArray[np.float32]
    prompts: int


@dataclass(frozen=True)
class Hand:
    """Clicks anywhere, or on the slice `index` across `axis` alone.

    Args:
        spacing: Of the voxels, or of that slice's pixels.
    """

    mask: Mask
    spacing: tuple[float, ...]
    random: Random
    axis: int | None = None
    index: int = 0

    @classmethod
    def of(cls, example: Example, random: Random) -> Hand:
        """Mostly anywhere, else on the object's largest slice across a random axis."""
        mask, spacing = example.mask, example.features.lattice.spacing
        if random.random() >= _ON_A_SLICE:
            return cls(mask, spacing, random)
        axis = int(random.integers(3))
        return cls(mask, tuple(np.delete(spacing, axis)), random, axis, largest_slice(mask, axis))

    def first(self) -> Prompt:
        """Of any kind, but on a slice a click."""
        return first(self.mask, self.inside, self.random) if self.axis is None else self.click(self.seen(self.mask))

    def click(self, part: Mask) -> Point:
        """On something that is seen; include where that lies in the object."""
        index = self.inside(part)
        return _point(index, bool(self.mask[index]))

    def seen(self, mask: Mask) -> Mask:
        """What of a mask the user looks at, in 3D or 2D."""
        return mask if self.axis is None else np.take(mask, self.index, self.axis)

    def inside(self, part: Mask) -> tuple[int, ...]:
        """A voxel of something that is seen."""
        place = clicks.inside(part, self.random, self.spacing, _DEEPEST)
        return place if self.axis is None else (*place[: self.axis], self.index, *place[self.axis :])


def lessons(example: Example, network: GraphNetwork, rounds: int, random: Random) -> list[Lesson]:
    """What the network sees at each of its own answers, corrected `rounds` times at most."""
    hand = Hand.of(example, random)
    prompt = hand.first()
    if _looking(example, [prompt], None, Looking.of) is None:  # on a slice: thinner than its pieces, inside of none
        prompt = hand.click(hand.seen(example.mask))
    return _corrected(example, network, rounds, hand, prompt, Looking.of)


def lessons_in_box(example: Example, network: GraphNetwork, rounds: int, random: Random) -> list[Lesson]:
    """The same from a box around the object, or around its cut with a slice."""
    hand = Hand(example.mask, example.features.lattice.spacing, random)
    flat = example.mask.shape[0] > 1 and random.random() < _FLAT
    prompt = _flat_box(example, random) if flat else _box(example.mask, random)
    return _corrected(example, network, rounds, hand, prompt, Looking.in_boxes)


def _corrected(
    example: Example, network: GraphNetwork, rounds: int, hand: Hand, prompt: Prompt, look: _Look
) -> list[Lesson]:
    target, prompts, before, made = example.target, [prompt], None, []
    for _ in range(rounds + 1):
        looking = _looking(example, prompts, before, look)
        if looking is None:
            break
        graph, before = answer(network, looking)
        made.append(Lesson(graph, target[graph.nodes], len(prompts)))
        wrong = hand.seen((before > 0)[example.features.pieces.labels] ^ example.mask)
        if not wrong.any():
            break
        prompts.append(hand.click(clicks.largest(wrong)))
    return made


def _looking(example: Example, prompts: list[Prompt], before: Floats | None, look: _Look) -> Looking | None:
    lattice = example.features.lattice
    return look(example.features, Seeds.of(tuple(prompts), lattice.full, lattice.spacing), before)


def first(mask: Mask, inside: Callable[[Mask], tuple[int, ...]], random: Random) -> Prompt:
    """Mostly one click; else a scribble, a box as a person would draw it, or the object on one slice."""
    kind = random.random()
    if kind < 0.8:
        return _point(inside(mask), True)
    if kind < 0.86:
        return _scribble(mask, random)
    if kind < 0.92:
        return _box(mask, random)
    axis = int(random.integers(3))
    index = largest_slice(mask, axis)
    return SliceMask(axis, index, np.take(mask, index, axis))


def _point(index: tuple[int, ...], positive: bool) -> Point:
    k, j, i = index
    return Point((k, j, i), positive)


def _scribble(mask: Mask, random: Random) -> Scribble:
    start, stop = (np.array(clicks.inside(mask, random)) for _ in range(2))
    line = np.rint(start + (stop - start) * np.linspace(0, 1, 20)[:, None]).astype(int)
    k, j, i = np.unique(line[mask[tuple(line.T)]], axis=0).T.tolist()
    return Scribble(tuple(zip(k, j, i, strict=True)), True)


def _box(mask: Mask, random: Random) -> Box:
    low, high = _corners(mask, random)
    k, j, i = low
    kk, jj, ii = high
    return Box((k, j, i), (kk, jj, ii))


def _flat_box(example: Example, random: Random) -> Box:
    """Around what a slice shows, its last voxels in it."""
    mask = example.mask
    axis = shown_axis(example.features.lattice.spacing, random)
    index = large_slice(mask, axis, random)
    low, high = _corners(np.take(mask, index, axis), random)
    k, j, i = (*low[:axis], index, *low[axis:])
    kk, jj, ii = (*high[:axis], index, *high[axis:])
    return Box((k, j, i), (kk, jj, ii))


def _corners(mask: Mask, random: Random) -> tuple[list[int], list[int]]:
    """The first and the last voxel of a box around a mask, as a person would draw it: a little too large."""
    found = ndimage.find_objects(mask.astype(np.uint8))[0]
    slack = random.integers(0, [[3 + (s.stop - s.start) // _LOOSE] * 2 for s in found])
    low = [max(0, s.start - int(a)) for s, (a, _) in zip(found, slack, strict=True)]
    high = [min(n - 1, s.stop - 1 + int(b)) for s, (_, b), n in zip(found, slack, mask.shape, strict=True)]
    return low, high


def shown_axis(spacing: Spacing, random: Random, as_sliced: float = 0.5) -> int:
    """The axis across which an object is looked at: in that share of the lessons across the slices of the scan."""
    return slicing_axis(spacing) if random.random() < as_sliced else int(random.integers(3))


def large_slice(mask: Mask, axis: int, random: Random) -> int:
    """The largest slice or another large one."""
    areas = mask.sum(axis=tuple(a for a in range(3) if a != axis))
    large = np.flatnonzero(areas >= max(_LEAST, _SMALLEST * areas.max()))
    return int(random.choice(large)) if large.size and random.random() < 0.5 else largest_slice(mask, axis)
