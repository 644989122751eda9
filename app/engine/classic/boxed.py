"""`Boxed`: the pieces of a volume as they lie in a box, and which tones the box holds more of than its surroundings."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from app.engine.classic.features import Features
from app.engine.classic.graph import Floats, Nodes
from app.geometry import Region

_CORE = 0.5  # of a box's half sides: the ellipsoid that is taken to be inside when nothing else is said
_AROUND = 2.0  # of them: how far what lies around the box is looked at
_MIDDLING = 2.0  # how much less a piece counts that lies farther from the middle
_ALIKE = 2.0  # in units of the noise
_BINS = 2  # of tone to a unit of noise
_RARE = 1e-3  # share of a tone that may as well be chance


@dataclass(frozen=True, slots=True, eq=False)
class Boxed:
    """One box.

    Args:
        features: The prepared volume.
        flat: (3,) along which array axes the box is one voxel thick.
        half: (3,) millimetres, half of its sides.
        ways: (n, 3) millimetres along the axes between a piece's centre and the middle of the box.
    """

    features: Features
    flat: NDArray[np.bool_]
    half: Floats
    ways: Floats

    @classmethod
    def of(cls, features: Features, box: Region) -> Boxed:
        """A box that is not empty; it takes at least half a piece along axes where it is flat."""
        spacing, steps = np.array(features.lattice.spacing), np.array(features.lattice.steps)
        start, stop = np.array(box.start) * spacing, np.array(box.stop) * spacing
        middle, half = 0.5 * (start + stop) - 0.5 * steps, np.maximum(0.5 * (stop - start), steps)
        flat = np.array(box.shape) == 1
        half[flat] = np.maximum(half[flat], 0.5 * features.pitch)
        return cls(features, flat, half, np.abs(features.pieces.centre - middle))

    @property
    def away(self) -> Floats:
        """(n, 3) distances from the middle in units of the half sides."""
        return np.asarray(self.ways / self.half)

    @property
    def within(self) -> NDArray[np.bool_]:
        """(n,) pieces whose centre lies in the box, or the one next to it where there is none."""
        farthest = self.away.max(axis=1)
        return np.asarray(farthest <= max(1.0, float(farthest.min())))

    def core(self, exclude: Nodes) -> Nodes:
        """Pieces in the middle of the box, of the tone by which most of it differs from what lies around it.

        Args:
            exclude: Pieces that are known to be outside.
        """
        away, pieces = self.away, self.features.pieces
        farthest = away.max(axis=1)
        farthest[exclude] = np.inf
        within = farthest <= 1.0
        if not within.any():
            nearest = int(np.argmin(farthest))
            return np.array([nearest] if np.isfinite(farthest[nearest]) else [], dtype=np.int64)
        apart = np.abs(pieces.tone - self.tones(within).own)
        alike = np.flatnonzero(within & (apart <= max(_ALIKE * self.features.graph.noise, float(apart[within].min()))))
        from_middle = np.linalg.norm(away, axis=1)
        core = alike[from_middle[alike] < _CORE]
        return core if core.size else alike[[int(np.argmin(from_middle[alike]))]]

    def tones(self, within: NDArray[np.bool_]) -> BoxTones:
        """Of some pieces (n,) in the box, nearer to its middle more, and around it.

        Around a flat one is beside it on its own slice: above and below, the object goes on.
        """
        away, size = self.away, self.features.pieces.size
        around = (away <= np.where(self.flat, 1.0, _AROUND)).all(axis=1) & (away.max(axis=1) > 1.0)
        middling = size * np.exp(-_MIDDLING * (away**2).sum(axis=1))
        return BoxTones.of(self.features, np.where(within, middling, 0.0), np.where(around, size, 0.0))


@dataclass(frozen=True, slots=True, eq=False)
class BoxTones:
    """Shares of tones in a box and around it, from the darkest to the brightest tone in the box.

    Args:
        low, width: The first tone, and what a bin spans.
        here: (b,) share of what is in the box.
        ratio: (b,) logarithm of that over the share of what is around it.
    """

    low: float
    width: float
    here: Floats
    ratio: Floats

    @classmethod
    def of(cls, features: Features, inside: Floats, around: Floats) -> BoxTones:
        """From how much of each piece (n,) counts; something is inside."""
        tone, noise = features.pieces.tone[inside > 0], max(features.graph.noise, 1e-3)
        low, high = float(tone.min()), float(tone.max())
        bins = max(1, int(np.ceil((high - low) * _BINS / noise)))
        here, there = (_shares(features.pieces.tone, amount, bins, (low, high)) for amount in (inside, around))
        return cls(low, (high - low) / bins, here, np.log((here + _RARE) / (there + _RARE)))

    @property
    def own(self) -> float:
        """The tone that adds most to the divergence (Kullback and Leibler, 1951) of inside from around."""
        return self.low + (int(np.argmax(self.here * self.ratio)) + 0.5) * self.width

    def of_tones(self, tones: NDArray[np.float32]) -> Floats:
        """(m,) `ratio` of some tones; 0, which says nothing, of those that the box does not hold."""
        at = np.floor((tones - self.low) / max(self.width, 1e-9)).astype(np.int64)
        at[tones == self.low + self.width * self.ratio.size] = self.ratio.size - 1
        held = (at >= 0) & (at < self.ratio.size)
        return np.where(held, self.ratio[np.clip(at, 0, self.ratio.size - 1)], 0.0)


def _shares(tone: NDArray[np.float32], amount: Floats, bins: int, span: tuple[float, float]) -> Floats:
    """How much of all has about each tone."""
    counts, _ = np.histogram(tone, bins, span, weights=amount)
    return np.asarray(ndimage.gaussian_filter1d(counts, _BINS, mode="constant") / max(1e-9, float(amount.sum())))
