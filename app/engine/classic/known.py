"""`Known`: the pieces that prompts speak of."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from app.engine.classic.features import Features
from app.engine.classic.graph import Floats, Nodes
from app.engine.classic.seeds import Indices, Seeds
from app.geometry import Region

_CORE = 0.5  # of a box's half sides: the ellipsoid that is taken to be inside when nothing else is said
_AROUND = 2.0  # of them: how far what lies around the box is looked at
_MIDDLING = 2.0  # how much less a piece counts that lies farther from the middle
_ALIKE = 2.0  # in units of the noise
_BINS = 2  # of tone to a unit of noise
_RARE = 1e-3  # share of a tone that may as well be chance


@dataclass(frozen=True, slots=True, eq=False)
class Known:
    """Pieces that prompts speak of, without overlap: a piece with both goes to whom more of its voxels speak for.

    Args:
        outside: (n,) whether a piece lies outside the boxes.
    """

    include: Nodes
    exclude: Nodes
    newest: Nodes
    outside: NDArray[np.bool_]

    @classmethod
    def of(cls, features: Features, seeds: Seeds) -> Known:
        """Pieces under the seeds; from a box alone, those in its middle."""
        votes = _votes(features, seeds.include) - _votes(features, seeds.exclude)
        outside = ~_inside(features, seeds.bounds) if seeds.boxes else np.zeros(votes.size, dtype=bool)
        newest = np.flatnonzero(_votes(features, seeds.newest))
        include, exclude = np.flatnonzero(votes > 0), np.flatnonzero(votes < 0)
        if not include.size and seeds.boxes:
            include = _core(features, seeds.boxes[-1], exclude)
            outside[include] = False
        return cls(include, exclude, newest, outside)


def _votes(features: Features, indices: Indices) -> Floats:
    """(n,) how many of the voxels lie in each piece."""
    cells = features.lattice.cells(indices)
    pieces = features.pieces.labels[tuple(cells.T)]
    return np.bincount(pieces, minlength=features.pieces.count).astype(np.float64)


def _inside(features: Features, bounds: Region) -> NDArray[np.bool_]:
    """(n,) whether a piece's centre lies in the region."""
    middle = (features.pieces.centre + features.lattice.first) / np.array(features.lattice.spacing)
    inside = (middle >= np.array(bounds.start) - 0.5) & (middle <= np.array(bounds.stop) - 0.5)
    return np.asarray(inside.all(axis=1))


def _core(features: Features, box: Region, exclude: Nodes) -> Nodes:
    """Pieces in the middle of a box, of the tone by which most of it differs from what lies around it."""
    away, around = _from_box(features, box)
    farthest = away.max(axis=1)
    farthest[exclude] = np.inf
    within = farthest <= 1.0
    if not within.any():
        nearest = int(np.argmin(farthest))
        return np.array([nearest] if np.isfinite(farthest[nearest]) else [], dtype=np.int64)
    pieces, from_middle = features.pieces, np.linalg.norm(away, axis=1)
    middling = np.where(within, pieces.size * np.exp(-_MIDDLING * from_middle**2), 0.0)
    apart = np.abs(pieces.tone - _own_tone(features, middling, np.where(around, pieces.size, 0.0)))
    alike = np.flatnonzero(within & (apart <= max(_ALIKE * features.graph.noise, float(apart[within].min()))))
    core = alike[from_middle[alike] < _CORE]
    return core if core.size else alike[[int(np.argmin(from_middle[alike]))]]


def _from_box(features: Features, box: Region) -> tuple[Floats, NDArray[np.bool_]]:
    """(n, 3) distances to a box's middle in units of its half sides; (n,) whether a piece lies around the box.

    Of a flat one that is beside it on its own slice: above and below, the object goes on.
    """
    spacing, steps = np.array(features.lattice.spacing), np.array(features.lattice.steps)
    start, stop = np.array(box.start) * spacing, np.array(box.stop) * spacing
    middle, half = 0.5 * (start + stop) - 0.5 * steps, np.maximum(0.5 * (stop - start), steps)
    flat = np.array(box.shape) == 1
    half[flat] = np.maximum(half[flat], 0.5 * features.pitch)
    away = np.abs(features.pieces.centre - middle) / half
    around = (away <= np.where(flat, 1.0, _AROUND)).all(axis=1) & (away.max(axis=1) > 1.0)
    return away, around


def _own_tone(features: Features, inside: Floats, around: Floats) -> float:
    """The tone that adds most to the divergence (Kullback and Leibler, 1951) of what is inside from what is around.

    Args:
        inside, around: (n,) how much of each piece counts.
    """
    tone, noise = features.pieces.tone[inside > 0], max(features.graph.noise, 1e-3)
    low, high = float(tone.min()), float(tone.max())
    bins = max(1, int(np.ceil((high - low) * _BINS / noise)))
    here, there = (_shares(features.pieces.tone, amount, bins, (low, high)) for amount in (inside, around))
    best = int(np.argmax(here * np.log((here + _RARE) / (there + _RARE))))
    return low + (best + 0.5) * (high - low) / bins


def _shares(tone: NDArray[np.float32], amount: Floats, bins: int, span: tuple[float, float]) -> Floats:
    """How much of all has about each tone."""
    counts, _ = np.histogram(tone, bins, span, weights=amount)
    return np.asarray(ndimage.gaussian_filter1d(counts, _BINS, mode="constant") / max(1e-9, float(amount.sum())))
