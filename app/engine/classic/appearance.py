"""`Appearance`: histograms of the tones of an object and of what surrounds it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Floats = NDArray[np.float32]
_BINS = 64
_SURROUNDINGS = 12.0  # pixels around the object that count as its surroundings


@dataclass(frozen=True, slots=True, eq=False)
class Appearance:
    """How often each of 64 tones is seen.

    Args:
        inside, outside: (64,) shares that add to 1, or all 0 when nothing was seen.
    """

    inside: NDArray[np.float64]
    outside: NDArray[np.float64]

    @classmethod
    def blank(cls) -> Appearance:
        """Nothing seen yet."""
        return cls(np.zeros(_BINS), np.zeros(_BINS))

    @classmethod
    def of(cls, tone: Floats, mask: NDArray[np.bool_], steps: tuple[float, ...]) -> Appearance:
        """Of an object and a band around it on one slice or volume of tones."""
        if not mask.any():
            return cls(np.zeros(_BINS), _histogram(tone))
        distance = ndimage.distance_transform_edt(~mask, sampling=steps)
        band = (distance > 0) & (distance < _SURROUNDINGS * min(steps))
        return cls(_histogram(tone[mask]), _histogram(tone[band]))

    @classmethod
    def weighted(cls, tone: Floats, inside: NDArray[np.floating], outside: NDArray[np.floating]) -> Appearance:
        """Of tones that belong to the object and to its surroundings by so much."""
        return cls(_histogram(tone, inside), _histogram(tone, outside))

    def against(self, tone: Floats, size: NDArray[np.floating], share: float) -> Appearance:
        """With a share of all tones of the image mixed into the surroundings."""
        return Appearance(self.inside, (1.0 - share) * self.outside + share * _histogram(tone, size))

    def joined(self, other: Appearance, share: float) -> Appearance:
        """A mixture in which this one keeps `share`; a side that saw nothing takes the other's."""
        return Appearance(_mix(self.inside, other.inside, share), _mix(self.outside, other.outside, share))

    def evidence(self, tone: Floats, noise: float) -> Floats:
        """Log odds for the object of each tone, -3..3; histograms are blurred by the noise first."""
        inside, outside = (_blurred(h, noise) for h in (self.inside, self.outside))
        odds = np.clip(np.log((inside + 2e-3) / (outside + 2e-3)), -3.0, 3.0).astype(np.float32)
        place = np.clip(tone * (_BINS - 1) + 0.5, 0, _BINS - 1).astype(np.int32)
        return np.asarray(odds[place], dtype=np.float32)

    def likeness(self, tone: Floats, noise: float) -> float:
        """How far these tones are spread as the object's: Bhattacharyya's coefficient (1943), 0..1, 1 when alike."""
        ours, theirs = (_blurred(h, noise) for h in (self.inside, _histogram(tone)))
        return float(np.sqrt(ours * theirs).sum() / max(1e-9, np.sqrt(ours.sum() * theirs.sum())))


def _blurred(histogram: NDArray[np.float64], noise: float) -> NDArray[np.float64]:
    return np.asarray(ndimage.gaussian_filter1d(histogram, max(1.0, noise * _BINS), mode="nearest"))


def _histogram(tones: Floats, weights: NDArray[np.floating] | None = None) -> NDArray[np.float64]:
    place = np.clip(tones.ravel() * (_BINS - 1) + 0.5, 0, _BINS - 1).astype(np.int64)
    counts = np.bincount(place, weights, _BINS).astype(np.float64)
    return np.asarray(counts / max(1e-9, counts.sum()), dtype=np.float64)


def _mix(a: NDArray[np.float64], b: NDArray[np.float64], share: float) -> NDArray[np.float64]:
    if not a.any() or not b.any():
        return a + b
    return share * a + (1.0 - share) * b
