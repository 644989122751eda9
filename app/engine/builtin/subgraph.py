"""`Subgraph`: the pieces around the prompts, and how they speak to each other."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from app.engine.builtin.depths import depths
from app.engine.builtin.looking import Looking
from app.engine.builtin.node_features import along_paths, around, of_pieces
from app.engine.classic.graph import Nodes, order_of
from app.engine.classic.solver import millimetres
from app.threads import pool

Array = NDArray[np.float32]

_LEAST, MOST = 2_500, 6_000  # pieces the network looks at: it takes 10 ms a thousand
_AROUND = 6  # times the pieces that the object might have
_HALVES = (np.inf, 0.7, 2.5)
"""In units of the noise, the steps of tone at which two pieces are half strangers: one kernel for each."""

_MANY = 2_000  # includes: from a drawn slice, no search for the nearest of them


@dataclass(frozen=True, slots=True, eq=False)
class Subgraph:
    """What the network sees.

    Args:
        nodes: (m,) which pieces of the volume.
        told: (m, node_features.COUNT).
        size: (m,) cells of each, in units of the usual.
        kernels: For each of `_HALVES` a matrix (m, m) whose rows take the mean over the neighbours, likelier ones more.
    """

    nodes: Nodes
    told: Array
    size: Array
    kernels: tuple[sparse.csr_array, ...]

    @classmethod
    def around(cls, looking: Looking, most: int = MOST) -> Subgraph:
        """The pieces that the includes' front takes first and those nearest to the includes, half and half."""
        nodes = _chosen(looking, int(np.clip(_AROUND * looking.extent, min(_LEAST, most), most)))
        with pool() as threads:
            told = threads.map(lambda part: part(looking, nodes), (along_paths, depths, of_pieces, around))
            kernels = _kernels(looking, nodes)
            paths, deep, own, surrounding = told
        size = looking.features.pieces.size
        columns = np.concatenate([own, paths, surrounding, deep], axis=1)
        return cls(nodes, columns, (size[nodes] / np.median(size)).astype(np.float32), kernels)


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


def _kernels(looking: Looking, nodes: Nodes) -> tuple[sparse.csr_array, ...]:
    pieces, noise = looking.features.pieces, looking.features.graph.noise
    place = looking.places(nodes)
    first, second = place[pieces.first], place[pieces.second]
    both = (first >= 0) & (second >= 0)
    first, second, contact = first[both], second[both], pieces.contact[both]
    unlike = pieces.unlike[both] / noise
    rows, columns = np.concatenate([first, second]), np.concatenate([second, first])
    order = order_of(rows * nodes.size + columns)
    rows, columns = rows[order], columns[order]
    starts = np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=nodes.size))])
    little = 1e-6 * float(np.median(contact)) + 1e-9 if contact.size else 1e-9
    kernels = []
    for half in _HALVES:
        weight = np.tile(contact / (1.0 + (unlike / half) ** 4), 2)[order]
        shares = weight / (np.bincount(rows, weight, nodes.size) + little)[rows]
        kernels.append(sparse.csr_array((shares.astype(np.float32), columns, starts), shape=(nodes.size,) * 2))
    return tuple(kernels)
