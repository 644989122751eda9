"""Linear interpolation of volumes axis by axis: for grids whose axes are parallel, three short lists of weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Line:
    """Where results lie along an axis: between the values `low` and `high`, at `share` of the way, if `inside`."""

    low: NDArray[np.int64]
    high: NDArray[np.int64]
    share: Floats
    inside: NDArray[np.bool_]

    @classmethod
    def at(cls, positions: NDArray[np.float64], length: int) -> Line:
        """At `positions` among `length` values; beyond the outer halves of the first and the last nothing is."""
        clamped = np.clip(positions, 0, length - 1)
        low = np.floor(clamped).astype(np.int64)
        high = np.minimum(low + 1, length - 1)
        return cls(low, high, (clamped - low).astype(np.float32), within(positions, length))

    def matrix(self, length: int) -> Floats:
        """The weights as a matrix (results, values); the ends are held."""
        rows = np.arange(len(self.low))
        weights = np.zeros((len(rows), length), np.float32)
        weights[rows, self.low] += 1 - self.share
        weights[rows, self.high] += self.share
        return weights


def within(positions: NDArray[np.float64], length: int) -> NDArray[np.bool_]:
    """Which positions lie on one of `length` values, half a step to either side."""
    return np.asarray((positions >= -0.5) & (positions < length - 0.5), dtype=bool)


def interpolated(array: NDArray[np.generic], lines: Sequence[Line]) -> Floats:
    """The values of a volume along three lines, one for each axis; 0 where any of them is outside."""
    spans = [(int(line.low.min()), int(line.high.max()) + 1) for line in lines]
    box = array[tuple(slice(*span) for span in spans)]
    for axis, (line, (start, _)) in enumerate(zip(lines, spans, strict=True)):
        shape = [-1 if axis == other else 1 for other in range(3)]
        low = np.take(box, line.low - start, axis=axis).astype(np.float32, copy=False)
        high = np.take(box, line.high - start, axis=axis).astype(np.float32, copy=False)
        box = (low + (high - low) * line.share.reshape(shape)) * line.inside.reshape(shape)
    return np.asarray(box, dtype=np.float32)
