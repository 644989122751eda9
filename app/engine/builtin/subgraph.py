"""`Subgraph`: the pieces around the prompts, and how they speak to each other."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from app.engine.builtin.beside import beside
from app.engine.builtin.depths import depths
from app.engine.builtin.in_box import from_middle, in_box
from app.engine.builtin.looking import Looking
from app.engine.builtin.node_features import along_paths, around, of_pieces
from app.engine.classic.graph import Nodes
from app.engine.classic.solver import millimetres
from app.threads import pool

Array = NDArray[np.float32]

_LEAST, MOST = 2_500, 6_000  # pieces the network looks at: it takes 10 ms a thousand
_AROUND = 6  # times the pieces that the object might have
_AROUND_BOX = 2  # times those in a box
_HALVES = (np.inf, 0.7, 2.5)
"""In units of the noise, the steps of tone at which two pieces are half strangers: one kernel for each."""

_MANY = 2_000  # includes: from a drawn slice, no search for the nearest of them


@dataclass(frozen=True, slots=True, eq=False)
class Subgraph:
    """What the network sees.

    Args:
        nodes: (m,) which pieces of the volume.
        told: (m, node_features.COUNT), and for the network for slices beside.COUNT more, for that for boxes
            in_box.COUNT.
        size: (m,) cells of each, in units of the usual.
        kernels: For each of `_HALVES` a matrix (m, m) whose rows take the mean over the neighbours, likelier ones more.
    """

    nodes: Nodes
    told: Array
    size: Array
    kernels: tuple[sparse.csr_array, ...]

    @classmethod
    def around(cls, looking: Looking, most: int = MOST) -> Subgraph:
        """The pieces that the includes' front takes first and those nearest to the includes, half and half.

        With boxes, those nearest to their middle.
        """
        if looking.boxes:
            return cls.of(looking, _boxed(looking, most))
        return cls.of(looking, _chosen(looking, int(np.clip(_AROUND * looking.extent, min(_LEAST, most), most))))

    @classmethod
    def near(cls, looking: Looking, inside: NDArray[np.bool_], count: int) -> Subgraph:
        """The `count` pieces, at most `MOST`, nearest to those (n,) that an answer has inside."""
        away = millimetres(looking.features, np.flatnonzero(inside))
        count = min(count, MOST, looking.count)
        return cls.of(looking, np.sort(np.argpartition(away, count - 1)[:count]))

    @classmethod
    def of(cls, looking: Looking, nodes: Nodes) -> Subgraph:
        """These pieces, in rising order."""
        pairs = looking.features.graph.among(nodes)
        with pool() as threads:  # the kernels are made beside what is told: a click takes 8 ms less on two cores
            paths = threads.submit(along_paths, looking, nodes, pairs)
            told = threads.map(lambda part: part(looking, nodes), (depths, of_pieces, around))
            kernels = _kernels(looking, pairs)
            deep, own, surrounding = told
        pieces = looking.features.pieces
        columns = [own, paths.result(), surrounding, deep, *_further(looking, nodes)]
        size = (pieces.size[nodes] / pieces.usual_size).astype(np.float32)
        return cls(nodes, np.concatenate(columns, axis=1), size, kernels)

    def cut(self, looking: Looking, inside: NDArray[np.bool_]) -> float:
        """Share of its pieces inside (n,) that touch one which is not looked at, 0..1."""
        every = np.diff(looking.features.graph.lengths.indptr)[self.nodes]
        rim, own = np.diff(self.kernels[0].indptr) < every, inside[self.nodes]
        return float((rim & own).sum() / max(1, int(own.sum())))


def _chosen(looking: Looking, count: int) -> Nodes:
    if count >= looking.count:
        return np.arange(looking.count)
    near = looking.judged.second.near
    early = np.argpartition(np.where(np.isfinite(near), near, 1e30), count // 2)[: count // 2]
    taken = np.zeros(looking.count, dtype=bool)
    taken[early] = True
    includes, rest = looking.known.include, count - count // 2
    away = millimetres(looking.features, includes) if includes.size < _MANY else np.zeros(looking.count)
    away[taken] = np.inf
    taken[np.argpartition(away, rest - 1)[:rest]] = True
    return np.flatnonzero(taken)


def _boxed(looking: Looking, most: int) -> Nodes:
    away = from_middle(looking)
    count = int(np.clip(_AROUND_BOX * np.count_nonzero(away <= 1), min(_LEAST, most), most))
    return np.sort(np.argpartition(away, count - 1)[:count]) if count < looking.count else np.arange(looking.count)


def _further(looking: Looking, nodes: Nodes) -> list[Array]:
    """What networks that are asked about other prompts than clicks are told besides."""
    if looking.drawn:
        return [beside(looking, nodes)]
    return [in_box(looking, nodes)] if looking.boxes else []


def _kernels(looking: Looking, pairs: sparse.csr_array) -> tuple[sparse.csr_array, ...]:
    pieces, graph = looking.features.pieces, looking.features.graph
    rows = np.repeat(np.arange(pairs.shape[0]), np.diff(pairs.indptr))
    contacts = graph.contact[pairs.data]
    contact, unlike = pieces.contact[contacts], pieces.unlike(contacts) / graph.noise
    little = 1e-6 * float(np.median(contact)) + 1e-9 if contact.size else 1e-9
    kernels = []
    for half in _HALVES:
        weight = contact / (1.0 + (unlike / half) ** 4)
        shares = weight / (np.bincount(rows, weight, pairs.shape[0]) + little)[rows]
        kernels.append(sparse.csr_array((shares.astype(np.float32), pairs.indices, pairs.indptr), shape=pairs.shape))
    return tuple(kernels)
