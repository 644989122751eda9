"""`Known`: the pieces that prompts speak of."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.engine.classic.features import Features
from app.engine.classic.graph import Floats, Nodes
from app.engine.classic.seeds import Indices, Seeds
from app.geometry import Region

_CORE = 0.5  # of a box's half sides: the ellipsoid that is taken to be inside when nothing else is said


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
            include = np.setdiff1d(_core(features, seeds.boxes[-1]), exclude)
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


def _core(features: Features, box: Region) -> Nodes:
    """Pieces of the commonest tone in the middle of a box; the one at its centre when the box is that small."""
    spacing, steps = np.array(features.lattice.spacing), np.array(features.lattice.steps)
    start, stop = np.array(box.start) * spacing, np.array(box.stop) * spacing
    middle, half = 0.5 * (start + stop) - 0.5 * steps, np.maximum(0.5 * (stop - start), steps)
    away = (((features.pieces.centre - middle) / half) ** 2).sum(axis=1)
    core = np.flatnonzero(away < _CORE**2)
    if not core.size:
        return np.array([int(np.argmin(away))])
    tone = features.pieces.tone[core]
    usual = float(np.median(tone))
    near = np.abs(tone - usual) <= max(2.0 * features.graph.noise, float(np.median(np.abs(tone - usual))))
    return np.asarray(core[near], dtype=np.int64)
