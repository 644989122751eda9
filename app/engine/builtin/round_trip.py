"""The logit at which a carried mask keeps its size: told by carrying a given one to the next slice and back.

Which of the pixels along an edge belong to the object differs from person to person and from organ to organ, and only
the given slice tells it. What is a little too generous there takes a little more on each slice. A mask that went to the
next slice and came back should be as large as it was (the idea of forward-backward consistency: Kalal, Mikolajczyk and
Matas, 2010, Forward-backward error: automatic detection of tracking failures).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from app.engine.classic.propagator import SliceMemory, carry

Mask = NDArray[np.bool_]
Floats = NDArray[np.float32]

_MOST = 1.5  # logit: what comes back far too large or too small has lost its object, and tells nothing
_STEPS = 2  # there and back: half of what both changed is what one changes
_TRIPS = 3  # given slices that are asked, the largest: four carried slices each


def threshold(memory: SliceMemory) -> float:
    """`SliceMemory.threshold` beside given slices, the only ones in memory; 0 where there is nowhere to go."""
    trips = [trip for index in _largest(memory) for trip in _there_and_back(memory, index)]
    if not trips:
        return 0.0
    logits = np.concatenate([returned.ravel() for returned, _ in trips])
    out = logits.size - sum(int(given.sum()) for _, given in trips)  # pixels outside the given masks
    ordered = np.partition(logits, (max(0, out - 1), out))
    level = np.clip(0.0, ordered[max(0, out - 1)], ordered[out])  # of all that part as many pixels, nearest to 0
    return float(np.clip(level, -_MOST, _MOST)) / _STEPS


def _largest(memory: SliceMemory) -> list[int]:
    drawn = [index for index, mask in memory.masks.items() if mask.any()]
    return sorted(drawn, key=lambda index: int(memory.masks[index].sum()))[-_TRIPS:]


def _there_and_back(memory: SliceMemory, index: int) -> Iterator[tuple[Floats, Mask]]:
    """Logits of slice `index` after a trip to either neighbour, and its mask."""
    for neighbour in (index - 1, index + 1):
        if not 0 <= neighbour < memory.features.volume.shape[memory.axis]:
            continue
        aside = memory.aside()
        carry(aside, neighbour, index)
        if aside.masks[neighbour].any():
            yield carry(aside, index, neighbour)[0], memory.masks[index]
