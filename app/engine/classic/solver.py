"""Logits of the supervoxels: which pieces lie nearer to the include seeds than to the exclude seeds or the border."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from app.engine.classic.appearance import Appearance
from app.engine.classic.extent import best_reach
from app.engine.classic.features import Features
from app.engine.classic.seeds import Indices, Seeds
from app.engine.protocol import Prior

_STEEPNESS = 6.0
_LOOKS=1.0
_TRUST=0.3
_ROUNDS=20
_SOFT=1.0
_SEEDTRUST=1e3
_LSC=2.0

def solve(features: Features, seeds: Seeds, prior: Prior | None) -> NDArray[np.float32]:
    """(n,) logits of the pieces."""
    pieces, graph = features.pieces, features.graph
    include, exclude = _nodes(features, seeds.include), _nodes(features, seeds.exclude)
    include = np.setdiff1d(include, exclude)
    if not include.size and len(seeds.include):
        include = _nodes(features, seeds.include)
        exclude = np.setdiff1d(exclude, include)
    near = graph.distances(include)
    far = graph.distances(exclude)
    reach = np.where(near < far, near, np.inf)
    reach[include] = 0.0
    cut = max(best_reach(pieces, reach, graph.noise, float(np.prod(features.lattice.steps))), 1e-6)
    other = np.minimum(far, cut)
    place = _STEEPNESS * (other - near) / np.maximum(other + near, 1e-6)
    place = np.where(np.isfinite(near), place, -_STEEPNESS)
    logits = place.copy()
    if _LOOKS:
        e = looks(pieces, place, include, exclude, graph.noise)
        logits = logits + _LOOKS * e
    logits[include], logits[exclude] = _STEEPNESS, -_STEEPNESS
    if _ROUNDS:
        logits = settle_graph(features, logits, include, exclude)
    return np.asarray(logits, dtype=np.float32)


def looks(pieces, place, include, exclude, noise):
    p = 1 / (1 + np.exp(-place / _SOFT))
    win = p * pieces.size
    wout = ((place > -_STEEPNESS * 0.8)) * (1 - p) * pieces.size
    a = Appearance(_hist(pieces.tone, win), _hist(pieces.tone, wout))
    return a.evidence(pieces.tone, noise)

def _hist(t, w):
    c = np.bincount(np.clip(t * 63 + .5, 0, 63).astype(int), w, 64)
    return c / max(c.sum(), 1e-9)

def settle_graph(features, logits, include, exclude):
    from scipy import sparse
    P = features.pieces; n = features.graph.noise
    like = P.contact / np.median(P.contact)
    un = .5 * (np.abs(P.tone[P.first] - P.tone[P.second]) + P.step) / (_LSC * n)
    w = like / (1 + un ** 4) + 1e-3
    h = sparse.coo_array((w, (P.first, P.second)), shape=(P.count,) * 2).tocsr()
    W = (h + h.T).tocsr()
    b = 1 / (1 + np.exp(-np.clip(logits, -30, 30)))
    trust = np.full(P.count, _TRUST) * np.minimum(P.size / np.median(P.size),3)
    trust[include] = trust[exclude] = _SEEDTRUST
    d = W.sum(1) + trust
    x = b.copy(); rhs = trust * b
    r = rhs - (d * x - W @ x); z = r / d; q = z.copy(); e = r @ z
    for _ in range(_ROUNDS):
        Aq = d * q - W @ q; al = e / (q @ Aq); x += al * q; r -= al * Aq; z = r / d; e, l = r @ z, e; q = z + e / l * q
        if e < 1e-9: break
    x = np.clip(x, 1e-3, 1 - 1e-3)
    return np.log(x / (1 - x))


def _nodes(features: Features, indices: Indices) -> NDArray[np.int64]:
    cells = features.lattice.cells(indices)
    return np.unique(features.pieces.labels[tuple(cells.T)]).astype(np.int64)
