"""`Judgement`: logits of the supervoxels from what is known of a few: a race, then looks, then agreement."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.spatial import KDTree

from app.engine.classic.appearance import Appearance
from app.engine.classic.features import Features
from app.engine.classic.graph import Floats, Nodes
from app.engine.classic.known import Known
from app.engine.classic.race import STEEPNESS, Race
from app.engine.classic.seeds import Seeds
from app.engine.classic.tally import sums
from app.engine.protocol import Prior

# Tuned on the 28 training objects of the benchmark (benchmarks/README.md says how).
_STRANGE = 0.6  # length, in units of the noise, that a unit of difference in looks adds to a contact
_ANYWHERE = 0.3  # share of the whole image in the looks of the background
_TRUST = 0.3
_ROUNDS = 20
_KEEP = 0.8  # share of the last answer away from the newest prompt
_SURE_BEFORE = 2.0  # logit at which the last answer is cut: settling has made it surer than it was
_FEW = 8  # pieces: one after the other takes less time than a tree
_HOLE = 0.1  # of the object's volume: smaller holes without an exclude prompt are filled


@dataclass(frozen=True, slots=True, eq=False)
class Judgement:
    """What each piece (n,) looks like after each step.

    Args:
        first, second: The race on the image's own lengths, and on those that looks were added to.
        lengths: The second race's.
        looks_first, looks: Evidence of each piece's tone after each race.
        evidence: Place and looks after the second race.
        logits: The same with the last answer kept away from the newest prompt, after neighbours came to agree.
    """

    first: Race
    second: Race
    lengths: sparse.csr_array
    looks_first: Floats
    looks: Floats
    evidence: Floats
    logits: Floats

    @classmethod
    def of(cls, features: Features, known: Known, before: Floats | None) -> Judgement:
        """Judge from what is `known`, at least one piece to include.

        Args:
            before: (n,) the answer before the newest prompt; away from that prompt it weighs more than a new judgement.
        """
        graph = features.graph
        first = Race.run(features, graph.lengths, known, known.exclude)
        looks_first = _looks(features, known, first.place)
        a, b = graph.pieces.first, graph.pieces.second
        lengths = graph.lengthened(_STRANGE * graph.noise * np.abs(looks_first[a] - looks_first[b]))
        # What lies outside a box is background, save where the box cuts through the object itself.
        background = np.setdiff1d(np.flatnonzero(known.outside & (looks_first < 0)), known.include)
        second = Race.run(features, lengths, known, np.union1d(known.exclude, background))
        looks = _looks(features, known, second.place)
        evidence = second.place + looks
        logits = _settled(features, known, _kept(features, known, before, evidence))
        return cls(first, second, lengths, looks_first, looks, evidence, logits)


def solve(features: Features, seeds: Seeds, prior: Prior | None) -> NDArray[np.float32]:
    """(n,) logits of the pieces; `prior` is the answer before the newest prompt."""
    known = Known.of(features, seeds)
    if not known.include.size:
        return np.full(features.pieces.count, -STEEPNESS, dtype=np.float32)
    judged = Judgement.of(features, known, None if prior is None else on_pieces(features, prior))
    return whole(features, known, judged.logits).astype(np.float32)


def _settled(features: Features, known: Known, logits: Floats) -> Floats:
    graph, logits = features.graph, logits.copy()
    logits[known.include], logits[known.exclude] = STEEPNESS, -STEEPNESS
    fixed = np.concatenate([known.include, known.exclude])
    p = np.clip(graph.settle(1.0 / (1.0 + np.exp(-logits)), _TRUST, fixed, _ROUNDS), 1e-3, 1 - 1e-3)
    return np.where(known.outside, -STEEPNESS, np.log(p / (1.0 - p)))


def _looks(features: Features, known: Known, place: Floats) -> Floats:
    """Evidence (n,) of each piece's tone, from the pieces that lie inside and those around."""
    pieces = features.pieces
    p = 1.0 / (1.0 + np.exp(-place))
    around = (1.0 - p) * (place > -0.8 * STEEPNESS)
    seen = Appearance.weighted(pieces.tone, p * pieces.size * ~known.outside, around * pieces.size)
    return np.asarray(seen.against(pieces.tone, pieces.size, _ANYWHERE).evidence(pieces.tone, features.graph.noise))


def _kept(features: Features, known: Known, before: Floats | None, logits: Floats) -> Floats:
    """The last answer where older prompts are nearer than the newest, the new one where it is nearer."""
    older = np.setdiff1d(np.concatenate([known.include, known.exclude]), known.newest)
    if before is None or not known.newest.size or not older.size:
        return logits
    new, old = (millimetres(features, nodes) for nodes in (known.newest, older))
    share = _KEEP * new / (old + new + 1e-9)
    return np.asarray((1.0 - share) * logits + share * np.clip(before, -_SURE_BEFORE, _SURE_BEFORE))


def millimetres(features: Features, ends: Nodes, nodes: Nodes | None = None) -> Floats:
    """Straight distance of each piece's centre, or of those of `nodes`, to the nearest of `ends`."""
    centre = features.pieces.centre.astype(np.float64)
    asked = centre if nodes is None else centre[nodes]
    if ends.size > _FEW:
        return np.asarray(KDTree(centre[ends]).query(asked)[0], dtype=np.float64)
    squares = (((asked - end) ** 2).sum(axis=1) for end in centre[ends])
    return np.asarray(np.sqrt(reduce(np.minimum, squares)))


def on_pieces(features: Features, prior: Prior) -> Floats:
    """(n,) mean logit of each piece, sampled at the middle of its cells; -6 outside the prior's region."""
    lattice, labels = features.lattice, features.pieces.labels
    result = np.full(features.pieces.count, -STEEPNESS)
    cells, values = prior.on(lattice)
    if not values.size:
        return result
    inside = labels[cells.slices]
    total = sums(inside, np.clip(values, -STEEPNESS, STEEPNESS), result.size)
    covered = sums(inside, np.broadcast_to(1.0, inside.shape), result.size)
    size = features.pieces.size
    return np.asarray((total - STEEPNESS * np.maximum(size - covered, 0)) / size, dtype=np.float64)


def whole(features: Features, known: Known, logits: Floats) -> Floats:
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
