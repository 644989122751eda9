"""`median3`: the exact median of each voxel and its nearest neighbours."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from app.threads import on_threads

Image = NDArray[np.float32]
Exchange = tuple[int, int]
"""Two wires of a sorting network: the smaller value leaves on the first, the larger one on the second."""
Step = tuple[int, int, bool, bool]
"""An exchange, and which of its two results anything later needs."""

_CHUNK = 1 << 14
"""Voxels that go through all exchanges at once: the hundred arrays of that length stay in a core's own cache."""
_SLAB = 1 << 20
"""Voxels that one thread takes at a time."""


def median3(image: Image, radius: Sequence[int]) -> Image:
    """The image with each voxel replaced by the median of the box around it; voxels at the border are repeated.

    Not approximate: the same numbers as `scipy.ndimage.median_filter` with mode "nearest" gives.

    Args:
        image: Of any number of axes, without NaN.
        radius: For each axis 1 (the voxel and its two neighbours) or 0 (the voxel alone); at most three are 1.

    Returns:
        A new array of the image's shape and type.
    """
    if not any(radius) or not image.size:
        return image.copy()
    out = np.empty_like(image, order="C")
    thick = max(1, _SLAB * len(image) // image.size)
    cuts = [*range(0, len(image), thick), len(image)]
    on_threads(lambda cut: _fill(out, image, radius, *cut), pairwise(cuts))
    return out


def _fill(out: Image, image: Image, radius: Sequence[int], start: int, stop: int) -> None:
    """Write the layers [start, stop) of the first axis."""
    low, high = max(0, start - radius[0]), min(len(image), stop + radius[0])
    edges = (low - start + radius[0], stop + radius[0] - high)
    margins = [edges, *((r, r) for r in radius[1:])]
    padded = np.ascontiguousarray(np.pad(image[low:high], margins, mode="edge"))  # pad keeps a Fortran order
    flat, found = padded.ravel(), np.empty(padded.size, image.dtype)
    strides = [step // padded.itemsize for step, r in zip(padded.strides, radius, strict=True) if r]
    reach = 2 * sum(strides)
    # Boxes are named by their first corner. Those that would begin in the padding are worked out too and left out
    # below: so every shift is a shift of one long row, the form that numpy is quickest with.
    for begin in range(0, flat.size - reach, _CHUNK):
        end = min(begin + _CHUNK, flat.size - reach)
        found[begin:end] = _medians(flat[begin : end + reach], strides)
    inner = tuple(slice(0, n - 2 * r) for n, r in zip(padded.shape, radius, strict=True))
    out[start:stop] = found.reshape(padded.shape)[inner]


def _medians(row: Image, strides: list[int]) -> Image:
    """Of the boxes that begin at each place of a row and end within it."""
    ranked = [row]  # after each axis: the smallest, second smallest, ... values along the axes so far
    for number, stride in enumerate(strides, 1):
        length = len(ranked[0]) - 2 * stride
        wires = [values[shift : shift + length] for values in ranked for shift in (0, stride, 2 * stride)]
        steps = (_MIDDLES if number == len(strides) else _SORTS)[len(wires)]
        for first, second, low, high in steps:
            a, b = wires[first], wires[second]
            if low:
                wires[first] = np.minimum(a, b)
            if high:
                wires[second] = np.maximum(a, b)
        ranked = wires
    return ranked[len(ranked) // 2]


def _pruned(network: Sequence[Exchange], wanted: Iterable[int]) -> tuple[Step, ...]:
    """Without what does not reach the wanted wires."""
    needed, steps = set(wanted), list[Step]()
    for first, second in reversed(network):
        if first in needed or second in needed:
            steps.append((first, second, first in needed, second in needed))
            needed |= {first, second}
    return tuple(reversed(steps))


def _threes(count: int) -> list[Exchange]:
    """Each three wires sorted among themselves."""
    return [pair for n in range(0, count, 3) for pair in ((n, n + 1), (n + 1, n + 2), (n, n + 1))]


# Three sorted lists come in, the wires 3 r + c hold the value of rank r of list c. Once those of the same rank are
# sorted among themselves, rows and columns both ascend, which leaves 20 arrangements of 3 x 3 zeros and ones and 220 of
# 9 x 3. The exchanges that finish were found by a search over those; tests/unit/test_smoothing.py tries all.
_SORT_9 = [(2, 6), (1, 3), (5, 7), (2, 3), (3, 4), (4, 6), (5, 6)]
_MIDDLE_9 = [(6, 4), (4, 2), (6, 4)]
_MIDDLE_27 = [
    (18, 5), (21, 8), (24, 11), (15, 2), (13, 2), (24, 2), (21, 10), (16, 5),
    (18, 7), (19, 8), (10, 16), (7, 13), (10, 13), (16, 19), (24, 13), (13, 16),
]  # fmt: skip
_SORTS = {n: _pruned(_threes(n) + more, range(n)) for n, more in ((3, []), (9, _SORT_9))}
_MIDDLES = {n: _pruned(_threes(n) + more, [n // 2]) for n, more in ((3, []), (9, _MIDDLE_9), (27, _MIDDLE_27))}
