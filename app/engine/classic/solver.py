"""Logits of the supervoxels: which pieces lie nearer to the include seeds than to the exclude seeds or the border."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from app.engine.classic.extent import best_reach
from app.engine.classic.features import Features
from app.engine.classic.seeds import Indices, Seeds
from app.engine.protocol import Prior

_STEEPNESS = 6.0


def solve(features: Features, seeds: Seeds, prior: Prior | None) -> NDArray[np.float32]:
    """(n,) logits of the pieces."""
    include, exclude = _nodes(features, seeds.include), _nodes(features, seeds.exclude)
    include = np.setdiff1d(include, exclude)
    if not include.size and len(seeds.include):
        include = _nodes(features, seeds.include)
        exclude = np.setdiff1d(exclude, include)
    near = features.graph.distances(include)
    far = features.graph.distances(exclude)
    reach = np.where(near < far, near, np.inf)
    reach[include] = 0.0
    cut = max(best_reach(features.pieces, reach, features.graph.noise, float(np.prod(features.lattice.steps))), 1e-6)
    other = np.minimum(far, cut)
    logits = _STEEPNESS * (other - near) / np.maximum(other + near, 1e-6)
    logits = np.where(np.isfinite(near), logits, -_STEEPNESS)
    logits[include], logits[exclude] = _STEEPNESS, -_STEEPNESS
    return np.asarray(logits, dtype=np.float32)


def _nodes(features: Features, indices: Indices) -> NDArray[np.int64]:
    cells = features.lattice.cells(indices)
    return np.unique(features.pieces.labels[tuple(cells.T)]).astype(np.int64)
