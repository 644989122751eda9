"""What the network is told of each piece: 121 numbers of about unit size, in units of noise and pieces."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from app.engine.builtin import depths, surroundings
from app.engine.builtin.looking import Looking
from app.engine.builtin.surroundings import squashed
from app.engine.classic.graph import Floats, Nodes, distances, with_data
from app.engine.classic.race import STEEPNESS, Race
from app.engine.classic.solver import millimetres

Array = NDArray[np.float32]

COUNT = 41 + surroundings.COUNT + 2 * surroundings.SEEN + depths.COUNT
"""Numbers a piece: those of `of_pieces`, of `along_paths`, of `around`, and of `depths`."""

JUDGED = 16
"""Column of the logits that `classic` gives, in units of `STEEPNESS`: the network adds to them."""

_LIMIT = 4.0
_NOWHERE = 1.5  # stands for the distance to prompts that are not there
_FAR = 1e4  # in units of the noise: where no path leads
_STEEP_FAR = 1e3
_POWER = 4  # of the lengths: the sum along a path is then nearly that of its largest step


def of_pieces(looking: Looking, nodes: Nodes) -> Array:
    """(m, 38) of some pieces: their looks, the fronts, what they mean, the prompts, the last answer."""
    parts = (_looks, _fronts, _extents, _prompts, _answers)
    columns = [column for part in parts for column in part(looking, nodes)]
    return _bounded(np.stack(np.broadcast_arrays(*columns), axis=1))


def along_paths(looking: Looking, nodes: Nodes, pairs: sparse.csr_array) -> Array:
    """(m, 3) of some pieces: the largest step on the way from what is inside, from what is outside; the newest prompt.

    Paths keep to these pieces.

    Args:
        pairs: See `Graph.among`.
    """
    noise, known = looking.features.graph.noise, looking.known
    place = looking.places(nodes)
    include, exclude, newest = (place[n][place[n] >= 0] for n in (known.include, known.exclude, known.newest))
    lengths = with_data(pairs, looking.judged.lengths.data)
    steep = sparse.csr_array(((lengths.data / noise) ** _POWER, lengths.indices, lengths.indptr), shape=lengths.shape)
    largest = [distances(steep, ends) ** (1 / _POWER) for ends in (include, exclude)]
    away = distances(lengths, newest) / noise
    columns = [np.log1p(np.minimum(way, _STEEP_FAR)) / 3 for way in largest]
    return _bounded(np.stack([*columns, np.log1p(np.minimum(away, _FAR)) / 4], axis=1))


def around(looking: Looking, nodes: Nodes) -> Array:
    """(m, 76) of some pieces: their surroundings, and how unlike those of what is included or excluded."""
    features, known = looking.features, looking.known
    seen = features.surroundings[:, : surroundings.SEEN]
    apart = [_unlike(seen, nodes, ends, features.pieces.size) for ends in (known.include, known.exclude)]
    return np.concatenate([features.surroundings[nodes], *apart], axis=1)


def _unlike(seen: Array, nodes: Nodes, ends: Nodes, size: Array) -> Array:
    if not ends.size:
        return np.zeros((nodes.size, seen.shape[1]), dtype=np.float32)
    return np.abs(seen[nodes] - np.average(seen[ends], axis=0, weights=size[ends]).astype(np.float32))


def _looks(looking: Looking, nodes: Nodes) -> list[Floats]:
    """Tone, texture, size, and how unlike the tone is to what was included and excluded."""
    pieces, noise, known = looking.features.pieces, looking.features.graph.noise, looking.known
    usual = float(pieces.usual_size)
    inside = float(np.average(pieces.tone[known.include], weights=pieces.size[known.include]))
    tone = pieces.tone[nodes]
    unlike_in = squashed((tone - inside) / noise)
    unlike_out = np.zeros(nodes.size)
    if known.exclude.size:
        unlike_out = squashed((tone - float(pieces.tone[known.exclude].mean())) / noise)
    return [
        tone * 2.0 - 1.0,
        np.log(pieces.spread[nodes] / noise + 0.1),
        np.log(pieces.size[nodes] / usual + 0.05),
        unlike_in,
        np.abs(unlike_in),
        unlike_out,
        np.abs(unlike_out),
        np.array(float(known.exclude.size > 0)),
    ]


def _fronts(looking: Looking, nodes: Nodes) -> list[Floats]:
    """How far the fronts of both races went, and what `classic` makes of it."""
    noise, judged = looking.features.graph.noise, looking.judged
    ways = (judged.first.near, judged.first.far, judged.second.near, judged.second.far)
    return [
        *(np.log1p(np.minimum(way[nodes] / noise, _FAR)) / 4 for way in ways),
        judged.first.place[nodes] / STEEPNESS,
        judged.second.place[nodes] / STEEPNESS,
        judged.looks_first[nodes] / 3,
        judged.looks[nodes] / 3,
        judged.logits[nodes] / STEEPNESS,
    ]


def _extents(looking: Looking, nodes: Nodes) -> list[Floats]:
    """How an object would look that reaches as far as this piece."""
    race, pieces, lattice = looking.judged.second, looking.features.pieces, looking.features.lattice
    cuts, near = race.cuts, np.where(np.isfinite(race.near[nodes]), race.near[nodes], 1e6)
    own = np.minimum(np.searchsorted(cuts.cut, near), cuts.cut.size - 1)
    usual = float(pieces.usual_size)
    score = _score(race)
    return [
        np.clip(np.log((near + 1e-4) / max(cuts.best, 1e-6)), -4, 4) / 2,
        np.log(cuts.volume[own] / lattice.cell / usual + 0.1) / 4,
        np.log(cuts.contrast[own] + 0.1) / 2,
        np.log(cuts.spread[own] + 0.1) / 2,
        np.log(cuts.volume[own] ** (2 / 3) / cuts.border[own] + 0.01) / 2,
        np.clip((score[own] - score.max()) * 5, -2, 0),
    ]


def _score(race: Race) -> Floats:
    return np.where(race.cuts.possible, race.cuts.score, -1.0)


def _prompts(looking: Looking, nodes: Nodes) -> list[Floats]:
    """How near the prompts are, and which pieces they are on."""
    known, newest = looking.known, np.zeros(looking.count)
    newest[known.newest] = np.where(np.isin(known.newest, known.include), 1.0, -1.0)
    return [
        *(_away(looking, nodes, ends) for ends in (known.include, known.exclude, known.newest)),
        np.isin(nodes, known.include).astype(np.float64),
        np.isin(nodes, known.exclude).astype(np.float64),
        newest[nodes],
        known.outside[nodes].astype(np.float64),
    ]


def _answers(looking: Looking, nodes: Nodes) -> list[Floats]:
    """The last answer, what was asked so far, and where the piece lies."""
    seeds, before = looking.seeds, looking.before
    last = np.array(0.0) if before is None else np.clip(before[nodes], -STEEPNESS, STEEPNESS) / STEEPNESS
    pieces, lattice = looking.features.pieces, looking.features.lattice
    extent = np.array(lattice.shape) * np.array(lattice.steps)
    centre = pieces.centre[nodes]
    rim = np.minimum(centre, extent - centre).min(axis=1)
    return [
        last,
        np.array(float(before is not None)),
        np.array(float(looking.included)),
        np.array(np.log1p(len(seeds.include)) / 3),
        np.array(np.log1p(len(seeds.exclude)) / 3),
        np.log1p(np.maximum(rim, 0) / looking.features.pitch) / 3,
        squashed(_edges(looking)[nodes]),
        looking.judged.evidence[nodes] / STEEPNESS,
    ]


def _edges(looking: Looking) -> Floats:
    """Mean step of tone across a piece's contacts, in units of the noise."""
    pieces, count = looking.features.pieces, looking.count
    steps = pieces.contact * pieces.step
    area, step = (
        np.bincount(pieces.first, values, count) + np.bincount(pieces.second, values, count)
        for values in (pieces.contact, steps)
    )
    return np.asarray(step / np.maximum(area, 1e-6) / looking.features.graph.noise)


def _away(looking: Looking, nodes: Nodes, ends: Nodes) -> Floats:
    if not ends.size:
        return np.array(_NOWHERE)
    return np.asarray(np.log1p(millimetres(looking.features, ends, nodes) / looking.features.pitch) / 3)


def _bounded(columns: Floats) -> Array:
    """Prompts on nothing but air, or a scan of one grey, leave undefined logarithms: they become 0 or a bound."""
    return np.clip(np.nan_to_num(columns, nan=0.0, posinf=3.0, neginf=-3.0), -_LIMIT, _LIMIT).astype(np.float32)
