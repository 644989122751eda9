"""From features to classes: the decoder slides over a scan, the class with the largest sum of probabilities wins."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from app.engine.interpolation import Floats
from app.engine.sam3d.embedding import Embedded
from app.engine.sam3d.windows import importance, starts

Decode = Callable[[Floats], Floats]
"""(1, channels, depth, h, w) to probabilities (1, classes, depth, 16 h, 16 w)."""


def classified(embedded: Embedded, depth: int, side: int, decode: Decode) -> Iterator[tuple[int, NDArray[np.uint8]]]:
    """Slice numbers where finished classes begin, and the classes (slices, rows, columns); padding is cut off.

    Only as many slices as a window is deep are held as probabilities at a time: those of a whole scan with 14 classes
    would take gigabytes.
    """
    layout, bell = embedded.layout, importance((depth, side, side))
    rows, columns = layout.shape[1:]
    sums: Floats | None = None
    firsts = starts(layout.shape[0], depth)
    for number, first in enumerate(firsts):
        for window, (row, column) in enumerate(layout.windows):
            features = embedded.features[window, first : first + depth].transpose(1, 0, 2, 3)[None]
            probabilities = decode(np.ascontiguousarray(features, dtype=np.float32))[0]
            if sums is None:
                sums = np.zeros((probabilities.shape[0], depth, rows, columns), np.float32)
            place = slice(row, row + side), slice(column, column + side)
            sums[(slice(None), slice(None), *place)] += probabilities * bell
        if sums is None:
            return
        done = firsts[number + 1] - first if number + 1 < len(firsts) else depth
        yield from _inner(first, sums[:, :done].argmax(axis=0).astype(np.uint8), layout.inner)
        sums[:, : depth - done], sums[:, depth - done :] = sums[:, done:].copy(), 0


def _inner(first: int, classes: NDArray[np.uint8], inner: tuple[slice, ...]) -> Iterator[tuple[int, NDArray[np.uint8]]]:
    """Without padding."""
    begin, end = max(first, inner[0].start), min(first + len(classes), inner[0].stop)
    if begin < end:
        yield begin - inner[0].start, classes[begin - first : end - first, inner[1], inner[2]]
