"""Carrying slices with the network's own idea of the whole object, which tells where it lies and where it ends.

Another network sees every step once more (`square_network.py`): what `classic` weighs by hand, and the slices.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from app.engine.builtin import round_trip
from app.engine.builtin.features import BuiltinFeatures
from app.engine.builtin.square import Square
from app.engine.builtin.step_features import of_step
from app.engine.classic import propagator
from app.engine.classic.propagator import SliceMemory, Step
from app.engine.protocol import Logits
from app.geometry import Region

Mask = NDArray[np.bool_]
Idea = NDArray[np.float32]
Ask = Callable[[Mapping[int, Mask]], Idea]
"""What the network makes of masks of slices: logits (n,) of the pieces, 0 where it does not look."""

Correct = Callable[[Logits, Logits], Logits]
"""What to add to the logits of a step, from maps and numbers (`SquareNetwork`)."""

_FAR = 8  # slices after which the network is asked anew, with the last carried mask: a long object has left its view
_ENOUGH = 0.5  # of the support on the given slices: with so much a mask is not doubted
_NO_IDEA = 0.1  # support on the given slices: with less the network does not know the object, and is not heard
_WEIGHT, _CAP = 1.4, 3.0  # of the network's logits as evidence
_HEEDED = 0.5  # of what the network adds: all of it harms scans that it did not learn from (`training/REPORT.md`)
_PLACE = 3.2  # more than `classic`'s, whose other evidence says less: train 0.812 to 0.816 (`training/REPORT.md`)
_FADES = 5  # slices after which half of `near_threshold` is left: its error adds up until a vessel is lost
_EASE = 0.57  # exponent that brings 0.12, the best threshold on invented torsos and train objects, to the engine's 0.3


def _unasked(masks: Mapping[int, Mask]) -> Idea:
    raise RuntimeError("nothing was given yet")


@dataclass(slots=True, eq=False)
class GuidedMemory(SliceMemory):
    """See `SliceMemory`.

    Args:
        ask: The network.
        given: Slice -> mask, as given.
        ideas: Slice -> what the network made of it, of those at which it was asked.
        asked: Slice -> the one at which it was last asked on the way there.
        view: (rows, columns) its logits on the slice at hand.
        known: Support on the given slices, 0..1.
        near_threshold: The threshold beside a given slice, at which a mask keeps its size (`round_trip.py`).
        correct: Sees every step once more; None where nothing does.
        given_tones: Given slice -> its tones, which every step is compared with.
    """

    ask: Ask = field(default=_unasked)
    given: dict[int, Mask] = field(default_factory=dict)
    ideas: dict[int, Idea] = field(default_factory=dict)
    asked: dict[int, int] = field(default_factory=dict)
    view: Logits = field(default_factory=lambda: np.zeros((0, 0), dtype=np.float32))
    known: float = 0.0
    near_threshold: float = 0.0
    correct: Correct | None = None
    given_tones: dict[int, Logits] = field(default_factory=dict)
    place: float = _PLACE

    def listen(self, ask: Ask, given: Mapping[int, Mask]) -> None:
        """Hear what the network makes of the given slices."""
        self.ask, self.given = ask, dict(given)
        self.ideas = dict.fromkeys(given, ask(given))
        found = []
        for index, mask in given.items():
            self._look(index, index)
            found.append(self.support(mask))
        self.known = float(np.mean(found or [0.0]))

    def step(self, index: int, previous: int) -> None:
        """Go on to a slice from one whose mask is known; after some the network is asked anew."""
        at = self.asked[previous]
        if abs(index - at) > _FAR and self.masks[previous].any():
            at = previous
            self.ideas[at] = self.ask(self.given | {at: self.masks[at]})
        self._look(index, at)
        away = min(abs(index - start) for start in self.given)
        self.threshold = self.near_threshold / (1 + (away - 1) / _FADES)

    def told(self, window: tuple[slice, slice]) -> Logits:
        """The network's logits; less of them where it knows the given slices badly, as what is thinner than a piece."""
        weight = np.float32(_WEIGHT * max(0.0, 2 * self.known - 1) ** 2)
        return np.asarray(weight * np.clip(self.view[window], -_CAP, _CAP))

    def tone(self, index: int) -> Logits:
        """See `SliceMemory`; those of given slices stay."""
        if index not in self.given:
            return SliceMemory.tone(self, index)
        if index not in self.given_tones:
            self.given_tones[index] = SliceMemory.tone(self, index)
        return self.given_tones[index]

    def corrected(self, step: Step) -> Logits:
        """Its logits and half of what the network would add, but for what is too far from the last mask."""
        if self.correct is None:
            return step.logits
        square = Square.around(self.masks[step.previous], self.steps)
        told = of_step(self, step, square, self.given, self.known)
        added = square.put(self.correct(*told), step.window)
        return np.where(step.beyond, step.logits, step.logits + np.float32(_HEEDED) * added)

    def support(self, mask: Mask) -> float:
        """Mean probability that the network gives the pixels of a mask on the slice at hand."""
        return float(expit(self.view[mask]).mean()) if mask.any() else 0.0

    def _look(self, index: int, at: int) -> None:
        """At a slice, with what the network said at slice `at`."""
        self.asked[index] = at
        lattice, plane = self.features.lattice, Region.plane(self.features.volume.shape, self.axis, index)
        cells = lattice.touched(plane)
        logits = self.ideas[at][self.features.pieces.labels[cells.slices]]
        self.view = np.asarray(lattice.spread(logits, cells, plane).squeeze(self.axis))


def remember(
    features: BuiltinFeatures, axis: int, given: Mapping[int, Mask], ask: Ask, correct: Correct | None = None
) -> GuidedMemory:
    """See `SlicePropagator.remember`."""
    memory = GuidedMemory.of(features, axis, given)
    memory.correct = correct
    memory.listen(ask, given)
    memory.near_threshold = round_trip.threshold(memory)
    return memory


def carry(memory: GuidedMemory, index: int, previous: int) -> tuple[Logits, float]:
    """As `classic` carries, with `told`; the confidence falls where the network says that the object is not there."""
    logits, confidence = propagator.carry(memory, index, previous)
    if memory.known < _NO_IDEA:
        return logits, confidence
    support = min(1.0, memory.support(logits > 0) / (_ENOUGH * memory.known))
    return logits, float((confidence * support) ** _EASE)
