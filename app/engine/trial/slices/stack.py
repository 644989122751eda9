"""`Stack`: an object made of slices: prompts are answered on their own slices, and the answers carried to the others.

So a click costs some twenty passes of a small network, whatever the scan's size: where the slices lie close beside the
size of the object, every n-th is carried and those between are interpolated from their logits.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from app.engine.trial.binding import SURE
from app.engine.trial.logits import overlap, probability
from app.engine.trial.slices.answer import answer
from app.engine.trial.slices.memory import SliceMemory, carry
from app.engine.trial.slices.planes import PlanePrompts
from app.engine.trial.slices.views import SliceViews
from app.engine.trial.slices.window import Array, Mask, Window

_GAP = 2.5  # pixels of the window between carried slices, at most as the network was trained for
_LEAST = 0.35  # confidence at which a side ends
_SMALLEST = 0.01  # of the largest answered area: less than that has vanished
_SAME = 0.92  # Dice with the last answer from which on it need not be carried again


@dataclass(slots=True, eq=False)
class Stack:
    """Logits of slices across the views' axis; those that are not in it are outside the object.

    Args:
        told: Prompts by slice.
        newest: The slice of the newest prompt.
        last: Logits of the last answer by slice, empty for the first.
    """

    views: SliceViews
    told: dict[int, PlanePrompts]
    newest: int
    last: dict[int, Array]
    logits: dict[int, Array] = field(default_factory=dict)

    def solve(self) -> dict[int, Array]:
        """Logits by slice."""
        asked = self._asked()
        if asked is None:
            return dict(self.last)
        self.logits = {**self.last, self.newest: asked}
        given = self._given(asked > 0)
        if not given[self.newest].any():
            return self._emptied(given)
        step = self._step(self.views.window(asked > 0))
        for way in (-1, 1):
            self._side(given, way, step)
        return self.logits

    def _asked(self) -> Array | None:
        """Logits of the newest slice, None where nothing tells of a place on it."""
        told = self.told[self.newest]
        if told.mask is not None:
            return np.where(told.mask, SURE, -SURE).astype(np.float32)
        asked = answer(self.views, self.newest, told, self.last.get(self.newest))
        return None if asked is None else asked.logits

    def _given(self, mask: Mask) -> dict[int, Mask]:
        """The answered slices: the newest, outlined ones, and those clicked before, as the last answer has them."""
        before = {n: self.last[n] > 0 for n in self.told if n in self.last}
        outlined = {n: told.mask for n, told in self.told.items() if told.mask is not None}
        return {**before, **outlined, self.newest: mask}

    def _step(self, window: Window) -> int:
        """Slices from one carried slice to the next."""
        gap = self.views.steps[self.views.axis]
        return max(1, int(_GAP * window.step / gap))

    def _side(self, given: dict[int, Mask], way: int, step: int) -> None:
        """Carry from the newest slice until the object ends, or is as it was, or another clicked slice is near."""
        memory = SliceMemory.of(self.views, given)
        largest = max(int(mask.sum()) for mask in given.values())
        previous, stop = self.newest, self._stop(given, way)
        while previous != stop:
            index = previous + way * min(step, abs(stop - previous))
            logits, confidence = carry(memory, index, previous, self.last.get(index))
            ended = confidence < _LEAST or (logits > 0).sum() < max(1.0, _SMALLEST * largest)
            if ended and abs(index - previous) > 1:
                step = max(1, step // 2)
                memory.carried.setdefault(previous, probability(self.logits[previous]))
                continue
            known = self.last.get(index)
            if ended and known is None:
                self._clear(index, stop, way)
            if ended:
                return
            self._fill(previous, index, logits)
            if known is not None and overlap(known, logits) >= _SAME:
                return
            previous = index

    def _stop(self, given: dict[int, Mask], way: int) -> int:
        """The last slice that the newest one speaks for: half the way to the next clicked one."""
        length = self.views.array.shape[self.views.axis]
        beyond = [n for n in given if (n - self.newest) * way > 0]
        if not beyond:
            return length - 1 if way > 0 else 0
        nearest = min(beyond, key=lambda n: abs(n - self.newest))
        return self.newest + way * ((abs(nearest - self.newest)) // 2)

    def _fill(self, previous: int, index: int, logits: Array) -> None:
        """A carried slice, and those between it and the one before."""
        first = self.logits[previous]
        way = 1 if index > previous else -1
        for n in range(previous + way, index, way):
            share = np.float32((n - previous) / (index - previous))
            self.logits[n] = first + share * (logits - first)
        self.logits[index] = logits

    def _clear(self, index: int, stop: int, way: int) -> None:
        for n in range(index, stop + way, way):
            self.logits.pop(n, None)

    def _emptied(self, given: dict[int, Mask]) -> dict[int, Array]:
        """The newest slice turned out to be beyond the object's end: so is all beyond it."""
        others = [n for n, mask in given.items() if n != self.newest and mask.any()]
        self.logits.pop(self.newest, None)
        for way in (-1, 1):
            if not any((n - self.newest) * way > 0 for n in others):
                self._clear(self.newest + way, self._stop(given, way), way)
        return self.logits
