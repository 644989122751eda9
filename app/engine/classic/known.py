"""`Known`: the pieces that prompts speak of."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.engine.classic.boxed import Boxed
from app.engine.classic.features import Features
from app.engine.classic.graph import Floats, Nodes
from app.engine.classic.seeds import Indices, Seeds
from app.geometry import Region


@dataclass(frozen=True, slots=True, eq=False)
class Known:
    """Pieces that prompts speak of, without overlap: a piece with both goes to whom more of its voxels speak for.

    Args:
        outside: (n,) whether a piece lies outside the boxes.
        guessed: Whether nobody said of any piece that it is inside: it is the middle of a box.
    """

    include: Nodes
    exclude: Nodes
    newest: Nodes
    outside: NDArray[np.bool_]
    guessed: bool = False

    @classmethod
    def of(cls, features: Features, seeds: Seeds) -> Known:
        """Pieces under the seeds; from a box alone, those in its middle."""
        votes = _votes(features, seeds.include) - _votes(features, seeds.exclude)
        outside = ~_inside(features, seeds.bounds) if seeds.boxes else np.zeros(votes.size, dtype=bool)
        newest = np.flatnonzero(_votes(features, seeds.newest))
        include, exclude = np.flatnonzero(votes > 0), np.flatnonzero(votes < 0)
        if include.size or not seeds.boxes:
            return cls(include, exclude, newest, outside)
        core = Boxed.of(features, seeds.boxes[-1]).core(exclude)
        outside[core] = False
        return cls(core, exclude, newest, outside, guessed=True)


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
