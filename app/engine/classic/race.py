"""`Race`: a front from what is known inside against one from what is known outside, or against the likeliest border."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from app.engine.classic.extent import Cuts
from app.engine.classic.features import Features
from app.engine.classic.graph import Floats, Nodes, distances
from app.engine.classic.known import Known

STEEPNESS = 6.0
"""Logit of a piece that only one front can reach."""


@dataclass(frozen=True, slots=True, eq=False)
class Race:
    """Two fronts on the graph.

    Args:
        near, far: (n,) lengths of the shortest paths from the includes and from the excludes; infinite where none is.
        cuts: Where the first front might have come to rest, as far as it is ahead of the other.
        place: (n,) logits from which front is ahead; the second one arrives at the best cut at the latest.
    """

    near: Floats
    far: Floats
    cuts: Cuts
    place: Floats

    @classmethod
    def run(cls, features: Features, lengths: sparse.csr_array, known: Known, exclude: Nodes) -> Race:
        """Both fronts along `lengths`, the second from `exclude`."""
        near, far = distances(lengths, known.include), distances(lengths, exclude)
        reach = np.where((near < far) & ~known.outside, near, np.inf)
        reach[known.include] = 0.0
        cuts = Cuts.of(features.pieces, reach, features.graph.noise, features.lattice.cell)
        other = np.minimum(far, max(cuts.best, 1e-6))
        with np.errstate(invalid="ignore"):  # where neither front arrives
            ahead = STEEPNESS * (other - near) / np.maximum(other + near, 1e-6)
        return cls(near, far, cuts, np.where(np.isfinite(near), ahead, -STEEPNESS))
