"""The intensity scale that the classic predictor works in: 0..1, with equal steps about equally frequent."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

_BINS = 1024
_TEMPER = 0.5  # 1 would be full equalisation (noise in air fills the scale), 0 none (metal and air fill it)
_SAMPLE = 2_000_000

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Tone:
    """A rising map from image values to 0..1: the cumulative histogram, tempered by a square root.

    CT and MR spread their values badly: most voxels are air, a few are metal, and the tissues that matter lie close
    together. Equalisation gives each its share without knowing the modality.

    Args:
        values: Image values, rising.
        tones: What they become, 0..1.
    """

    values: NDArray[np.float64]
    tones: NDArray[np.float64]

    @classmethod
    def of(cls, array: NDArray[np.generic]) -> Tone:
        """Learned from at most two million voxels spread over the array."""
        step = max(1, round((array.size / _SAMPLE) ** (1 / 3)))
        values, often = np.unique(array[::step, ::step, ::step], return_counts=True)  # few, in a CT: quick to count
        values = values.astype(np.float64)
        low, high = _percentile(values, often, 0.1), _percentile(values, often, 99.9)
        if not high > low:
            low, high = float(values[0]), float(values[-1])
        if not high > low:
            return cls(np.array([low, low + 1.0]), np.array([0.5, 0.5]))
        counts, edges = np.histogram(np.clip(values, low, high), bins=_BINS, range=(low, high), weights=often)
        # Integers leave empty bins between their values; a short running mean closes the gaps.
        smooth = np.convolve(np.pad(counts.astype(np.float64), 8, mode="edge"), np.ones(17) / 17, mode="valid")
        share = np.cumsum(smooth**_TEMPER)
        return cls(edges, np.concatenate([[0.0], share / share[-1]]))

    def __call__(self, array: NDArray[np.generic]) -> Floats:
        """The array on this scale."""
        if array.dtype.itemsize <= 2 and array.dtype.kind in "ui" and array.size > 70_000:
            return self._by_table(array)
        return np.interp(array.astype(np.float32, copy=False), self.values, self.tones).astype(np.float32)

    def _by_table(self, array: NDArray[np.generic]) -> Floats:
        unsigned = array.view(f"u{array.dtype.itemsize}")
        toned = np.empty(array.shape, dtype=np.float32)
        # None lies outside: with "wrap" numpy need not look for that first, which takes twice as long.
        return np.take(_table(self, array.dtype), unsigned, out=toned, mode="wrap")


@lru_cache(maxsize=8)
def _table(tone: Tone, kind: np.dtype[Any]) -> Floats:
    """The tone of every value of an 8 or 16-bit image (65,536 at most), by its bits as an unsigned number.

    Looking them up is ten times as fast as interpolating.
    """
    limits = np.iinfo(kind)
    values = np.arange(limits.min, limits.max + 1)
    return np.roll(np.interp(values, tone.values, tone.tones).astype(np.float32), limits.min)


def _percentile(values: NDArray[np.float64], often: NDArray[np.int64], share: float) -> float:
    """As `np.percentile` of all of them would give, of values that rise, each there so often."""
    place, ends = share / 100 * (int(often.sum()) - 1), np.cumsum(often)
    below, above = (values[np.searchsorted(ends, n, side="right")] for n in (np.floor(place), np.ceil(place)))
    return float(below + (above - below) * (place % 1))
