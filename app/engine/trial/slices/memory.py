"""`SliceMemory`: slices of a segment that are known, given or carried, and the next one from them.

As a video network does it (SAM 2, arXiv 2408.00714, in small): the slice before and the nearest given one are shown to
the decoder with their masks; the window follows the mask from slice to slice.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from app.engine.endings import regrown
from app.engine.protocol import Logits
from app.engine.trial import maps
from app.engine.trial.binding import SURE
from app.engine.trial.logits import probability
from app.engine.trial.slices.runtime import Encoded
from app.engine.trial.slices.views import FILL, SliceViews
from app.engine.trial.slices.window import Array, Mask, Window, box_of

_TIGHT, _LOOSE = 0.3, 0.7  # shares of the window's side between which the window stays as it is
_MARGIN = 0.08  # of the side that a mask keeps from the window's border


@dataclass(slots=True, eq=False)
class SliceMemory:
    """Known slices across the views' axis: `given` ones as the user left them, carried ones as probabilities.

    Args:
        least: Slice -> pixels of the smallest mask on the way to it.
    """

    views: SliceViews
    given: dict[int, Mask]
    carried: dict[int, Array] = field(default_factory=dict)
    windows: dict[int, Window] = field(default_factory=dict)
    least: dict[int, int] = field(default_factory=dict)

    @classmethod
    def of(cls, views: SliceViews, conditioning: Mapping[int, Mask]) -> SliceMemory:
        """From the given slices."""
        return cls(views, dict(conditioning))

    def known(self, index: int) -> Array:
        """Probabilities of a known slice."""
        return self.carried[index] if index in self.carried else self.given[index].astype(np.float32)

    def nearest(self, index: int) -> int:
        """The nearest given slice."""
        return min((n for n in self.given if self.given[n].any()), key=lambda n: abs(n - index))


def carry(memory: SliceMemory, index: int, previous: int, before: Array | None = None) -> tuple[Logits, float]:
    """See `SlicePropagator.carry`.

    Args:
        before: Logits of an older answer on the slice, which may be right in what the memory does not tell.
    """
    views, last = memory.views, memory.known(previous)
    if not (last > 0.5).any():
        memory.carried[index] = np.zeros_like(last)
        return np.full(last.shape, -SURE, np.float32), 0.0
    window = _followed(memory, index, previous)
    start = memory.nearest(index)
    first = _window(memory, start)
    tones = views.tones(start, first)
    seen: list[tuple[Encoded, Array]] = [
        (views.encoded(n, where, tones), where.read(memory.known(n)))
        for n, where in ((previous, window), (start, first))
    ]
    drawn = maps.empty(views.runtime.side, 2)
    if before is not None:
        drawn[maps.LAST] = np.tanh(window.read(before) / 2)
    answer, quality = views.runtime.decode(views.encoded(index, window, tones), drawn, None, seen)
    logits = window.placed(answer, last.shape, -SURE)
    memory.carried[index] = probability(logits)
    memory.carried.pop(previous, None)  # only the slice before is asked for again
    area = int((logits > 0).sum())
    memory.least[index] = min(memory.least.get(previous, int((last > 0.5).sum())), area)
    largest = max(int(mask.sum()) for mask in memory.given.values())
    return logits, _confidence(logits, last, quality) * regrown(memory.least[index], area, largest)


def _followed(memory: SliceMemory, index: int, previous: int) -> Window:
    """The window of the slice before while the mask sits well in it, else one that fits the mask."""
    mask = memory.known(previous) > 0.5
    window = _window(memory, previous)
    low, high = (np.array(corner) for corner in box_of(mask))
    scale = np.array(window.spacing) / window.step
    share = float(((high - low + 1) * scale).max()) / window.side
    at = [(corner - window.centre) * scale / window.side + 0.5 for corner in (low, high)]
    cut = at[0].min() < _MARGIN or at[1].max() > 1 - _MARGIN
    if not _TIGHT < share < _LOOSE or (cut and share < FILL):
        window = memory.views.window(mask)
    memory.windows[index] = window
    return window


def _window(memory: SliceMemory, index: int) -> Window:
    if index not in memory.windows:
        memory.windows[index] = memory.views.window(memory.known(index) > 0.5)
    return memory.windows[index]


def _confidence(logits: Logits, before: Array, quality: float) -> float:
    """0..1: the Dice that the network expects, where the mask does not leave the one before."""
    mask, last = logits > 0, before > 0.5
    if not mask.any():
        return 0.0
    overlap = float((mask & last).sum() / max(1, (mask | last).sum()))
    return float(quality * overlap**0.5)
