"""Logits of the supervoxels from what is known of a few: a race of two fronts, then looks, then agreement."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.spatial import KDTree

from app.engine.classic.appearance import Appearance
from app.engine.classic.extent import best_reach
from app.engine.classic.features import Features
from app.engine.classic.graph import Floats, Nodes, distances
from app.engine.classic.seeds import Indices, Seeds
from app.engine.protocol import Prior
from app.geometry import Region

# Tuned on the 28 training objects of the benchmark (benchmarks/README.md says how).
_STEEPNESS = 6.0  # logit of a piece that only one front can reach
_STRANGE = 0.6  # length, in units of the noise, that a unit of difference in looks adds to a contact
_ANYWHERE = 0.3  # share of the whole image in the looks of the background
_TRUST = 0.3
_ROUNDS = 20
_KEEP = 0.8  # share of the last answer away from the newest prompt
_SURE_BEFORE = 2.0  # logit at which the last answer is cut: settling has made it surer than it was
_HOLE = 0.1  # of the object's volume: smaller holes without an exclude prompt are filled
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


def solve(features: Features, seeds: Seeds, prior: Prior | None) -> NDArray[np.float32]:
    """(n,) logits of the pieces.

    Args:
        prior: The answer before the newest prompt; away from that prompt it weighs more than a new judgement.
    """
    graph, known = features.graph, Known.of(features, seeds)
    if not known.include.size:
        return np.full(graph.pieces.count, -_STEEPNESS, dtype=np.float32)
    place = _race(features, graph.lengths, known, known.exclude)
    looks = _looks(features, known, place)
    a, b = graph.pieces.first, graph.pieces.second
    lengths = graph.lengthened(_STRANGE * graph.noise * np.abs(looks[a] - looks[b]))
    # What lies outside a box is background, save where the box cuts through the object itself.
    background = np.setdiff1d(np.flatnonzero(known.outside & (looks < 0)), known.include)
    place = _race(features, lengths, known, np.union1d(known.exclude, background))
    logits = place + _looks(features, known, place)
    if prior is not None and known.newest.size:
        logits = _kept(features, known, prior, logits)
    logits[known.include], logits[known.exclude] = _STEEPNESS, -_STEEPNESS
    fixed = np.concatenate([known.include, known.exclude])
    p = np.clip(graph.settle(1.0 / (1.0 + np.exp(-logits)), _TRUST, fixed, _ROUNDS), 1e-3, 1 - 1e-3)
    logits = np.where(known.outside, -_STEEPNESS, np.log(p / (1.0 - p)))
    return _whole(features, known, logits).astype(np.float32)


def _race(features: Features, lengths: sparse.csr_array, known: Known, exclude: Nodes) -> Floats:
    """Logits from where the includes' front meets that of the excludes, or the cut that looks most like a border."""
    near, far = distances(lengths, known.include), distances(lengths, exclude)
    reach = np.where((near < far) & ~known.outside, near, np.inf)
    reach[known.include] = 0.0
    cell = float(np.prod(features.lattice.steps))
    other = np.minimum(far, max(best_reach(features.pieces, reach, features.graph.noise, cell), 1e-6))
    logits = _STEEPNESS * (other - near) / np.maximum(other + near, 1e-6)
    return np.where(np.isfinite(near), logits, -_STEEPNESS)


def _looks(features: Features, known: Known, place: Floats) -> Floats:
    """Evidence (n,) of each piece's tone, from the pieces that lie inside and those around."""
    pieces = features.pieces
    p = 1.0 / (1.0 + np.exp(-place))
    around = (1.0 - p) * (place > -0.8 * _STEEPNESS)
    seen = Appearance.weighted(pieces.tone, p * pieces.size * ~known.outside, around * pieces.size)
    return np.asarray(seen.against(pieces.tone, pieces.size, _ANYWHERE).evidence(pieces.tone, features.graph.noise))


def _kept(features: Features, known: Known, prior: Prior, logits: Floats) -> Floats:
    """The last answer where older prompts are nearer than the newest, the new one where it is nearer."""
    before = np.clip(_on_pieces(features, prior), -_SURE_BEFORE, _SURE_BEFORE)
    older = np.setdiff1d(np.concatenate([known.include, known.exclude]), known.newest)
    if not older.size:
        return logits
    new, old = (_millimetres(features, nodes) for nodes in (known.newest, older))
    share = _KEEP * new / (old + new + 1e-9)
    return np.asarray((1.0 - share) * logits + share * before)


def _millimetres(features: Features, nodes: Nodes) -> Floats:
    """(n,) straight distance of each piece's centre to the nearest of `nodes`."""
    centre = features.pieces.centre
    return np.asarray(KDTree(centre[nodes]).query(centre)[0], dtype=np.float64)


def _on_pieces(features: Features, prior: Prior) -> Floats:
    """(n,) mean logit of each piece, sampled at the middle of its cells; -6 outside the prior's region."""
    lattice, labels = features.lattice, features.pieces.labels
    result = np.full(features.pieces.count, -_STEEPNESS)
    cells, values = lattice.sampled(prior.region, prior.logits)
    if not values.size:
        return result
    inside = labels[cells.slices].ravel()
    sums = np.bincount(inside, np.clip(values.ravel(), -_STEEPNESS, _STEEPNESS), result.size)
    covered = np.bincount(inside, minlength=result.size)
    size = features.pieces.size
    return np.asarray((sums - _STEEPNESS * np.maximum(size - covered, 0)) / size, dtype=np.float64)


def _whole(features: Features, known: Known, logits: Floats) -> Floats:
    """Without islands that no include prompt lies in, and without small holes."""
    graph, size = features.graph, features.pieces.size
    inside = logits > 0
    count, of = graph.components(inside)
    wanted = np.zeros(count, dtype=bool)
    wanted[of[known.include]] = True
    logits = np.where(inside & ~wanted[of], -np.abs(logits), logits)
    inside = logits > 0
    count, of = graph.components(~inside)
    volume = np.bincount(of, size * ~inside, count)
    open_ = volume > _HOLE * float(size[inside].sum())
    open_[int(np.argmax(volume))] = True
    open_[of[known.exclude]] = True
    return np.where(~inside & ~open_[of], np.abs(logits) + 0.1, logits)


def _votes(features: Features, indices: Indices) -> Floats:
    """(n,) how many of the voxels lie in each piece."""
    cells = features.lattice.cells(indices)
    pieces = features.pieces.labels[tuple(cells.T)]
    return np.bincount(pieces, minlength=features.pieces.count).astype(np.float64)


def _inside(features: Features, bounds: Region) -> NDArray[np.bool_]:
    """(n,) whether a piece's centre lies in the region."""
    spacing = np.array(features.lattice.spacing)
    first = 0.5 * (np.array(features.lattice.steps) - spacing)  # from the first voxel's centre to the first cell's
    middle = (features.pieces.centre + first) / spacing
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
