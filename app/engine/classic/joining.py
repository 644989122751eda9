"""Pieces made whole: each in one connected part, and what is too small for a piece joined to a neighbour."""

from __future__ import annotations

import cc3d
import numpy as np
from numpy.typing import NDArray

Labels = NDArray[np.int32]

SMALLEST = 0.25
"""Of the usual piece: smaller connected parts join a neighbour."""

ROUNDS = 10
"""Of joining: parts that only touch other small parts wait for those."""


def connected(labels: Labels) -> Labels:
    """Pieces in one connected part each, numbered anew; parts too small for a piece join what they touch most of."""
    parts = cc3d.connected_components(labels + 1, connectivity=6).astype(np.intp) - 1  # what numpy indexes with
    flat, size = parts.ravel(), np.bincount(parts.ravel())
    stays = size >= SMALLEST * np.median(size[_largest(labels, parts, size)])
    target, loose = np.arange(size.size), np.flatnonzero(~stays[flat])
    for _ in range(ROUNDS):
        small, large = _touching(parts, target, loose, stays)
        if not small.size:
            break
        pairs, shared = np.unique(small * size.size + large, return_counts=True)
        target = joining(size.size, pairs // size.size, pairs % size.size, shared)[target]
        loose = loose[~stays[target[flat[loose]]]]
    used = np.zeros(size.size, dtype=np.int32)
    used[target] = 1
    return np.asarray((np.cumsum(used, dtype=np.int32) - 1)[target][parts], dtype=np.int32)


def joining(
    count: int, small: NDArray[np.int64], large: NDArray[np.int64], shared: NDArray[np.number]
) -> NDArray[np.int64]:
    """(count,) what each part becomes: a small one the large one that it touches most of, any other itself.

    Args:
        small, large: (m,) pairs that touch, each once.
        shared: (m,) how much of each other they touch.
    """
    order = np.lexsort((shared, small))
    rows = small[order]
    most = order[np.append(rows[1:] != rows[:-1], True)]
    moved = np.arange(count)
    moved[small[most]] = large[most]
    return moved


def _largest(labels: Labels, parts: NDArray[np.intp], size: NDArray[np.int64]) -> NDArray[np.int64]:
    """Of each label the largest part."""
    of = np.empty(size.size, dtype=np.int64)
    of[parts.ravel()] = labels.ravel()
    order = np.lexsort((-size, of))
    return np.asarray(order[np.append(True, of[order][1:] != of[order][:-1])])


def _touching(
    parts: NDArray[np.intp], target: NDArray[np.int64], loose: NDArray[np.int64], stays: NDArray[np.bool_]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """For every face between a loose cell and a part that stays: the part of the one, and the other, as they are now.

    Args:
        target: What each part has become.
    """
    flat, small, large = parts.ravel(), [], []
    place = np.unravel_index(loose, parts.shape)
    for axis, length in enumerate(parts.shape):
        stride = int(np.prod(parts.shape[axis + 1 :]))
        for step, inside in ((-stride, place[axis] > 0), (stride, place[axis] < length - 1)):
            cells = loose[inside]
            there = target[flat[cells + step]]
            kept = stays[there]
            small.append(target[flat[cells[kept]]])
            large.append(there[kept])
    return np.concatenate(small), np.concatenate(large)
