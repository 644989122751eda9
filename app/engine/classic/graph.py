"""`Graph`: supervoxels joined where they touch; lengths of its edges say how unlike their ends are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.csgraph import connected_components, dijkstra

from app.engine.classic.supervoxels import Supervoxels

Floats = NDArray[np.float64]
Nodes = NDArray[np.int64]

_NEAR = 0.05  # of the noise, a millimetre of path: keeps paths short where the image is flat
_HALF = 1.0  # in units of the noise, the step at which two pieces are half strangers
_FIXED = 1e3  # trust that holds a piece whatever its neighbours say


@dataclass(frozen=True, slots=True, eq=False)
class Graph:
    """Adjacency with lengths and bonds.

    Args:
        pieces: The nodes.
        noise: Standard deviation of the tone inside tissue.
        lengths: (n, n) symmetric sparse matrix, for shortest paths.
        bonds: (n, n) symmetric sparse matrix, how strongly neighbours pull each other.
        pull: (n,) sum of each piece's bonds.
        edge: Position of each contact of `pieces` in the data of `lengths`, upper and lower triangle: (2, m).
    """

    pieces: Supervoxels
    noise: float
    lengths: sparse.csr_array
    bonds: sparse.csr_array
    pull: NDArray[np.float32]
    edge: NDArray[np.int64]

    @classmethod
    def of(cls, pieces: Supervoxels, noise: float) -> Graph:
        """Lengths from steps of tone and distances, bonds from shared faces and likeness."""
        a, b = pieces.first, pieces.second
        apart = np.linalg.norm(pieces.centre[a] - pieces.centre[b], axis=1)
        unlike = pieces.unlike
        length = unlike + _NEAR * noise * apart + 1e-6
        usual = float(np.median(pieces.contact)) if pieces.contact.size else 1.0
        bond = pieces.contact / usual / (1.0 + (unlike / (_HALF * noise)) ** 4) + 1e-3
        ends = np.stack([np.concatenate([a, b]), np.concatenate([b, a])]).astype(np.int64)
        order = order_of(ends[0] * pieces.count + ends[1])
        edge = np.empty(order.size, dtype=np.int64)
        edge[order] = np.arange(order.size)
        starts = np.concatenate([[0], np.cumsum(np.bincount(ends[0], minlength=pieces.count))])
        columns = ends[1][order].astype(np.int32), starts.astype(np.int32)

        def symmetric(values: NDArray[np.floating]) -> sparse.csr_array:
            return sparse.csr_array((np.tile(values, 2)[order], *columns), shape=(pieces.count,) * 2)

        bonds = symmetric(bond.astype(np.float32))
        pull = np.asarray(bonds.sum(axis=1), dtype=np.float32)
        return cls(pieces, noise, symmetric(length.astype(np.float64)), bonds, pull, edge.reshape(2, -1))

    def lengthened(self, by: Floats) -> sparse.csr_array:
        """The lengths with `by` (m,) added to each contact."""
        data = self.lengths.data.copy()
        data[self.edge[0]] += by
        data[self.edge[1]] += by
        return sparse.csr_array((data, self.lengths.indices, self.lengths.indptr), shape=self.lengths.shape)

    def settle(self, belief: Floats, trust: float, fixed: Nodes, rounds: int) -> Floats:
        """Probabilities after neighbours that look alike came to agree; pieces `fixed` keep their belief.

        Minimises sum of trust (p - belief)^2 + sum of bonds (p - p')^2 by conjugate gradients (Grady, 2005).
        """
        size = self.pieces.size
        held = (trust * np.minimum(size / np.median(size), 3.0)).astype(np.float32)
        held[fixed] = _FIXED
        diagonal = self.pull + held
        p = belief.astype(np.float32)
        residual = held * p - (diagonal * p - self.bonds @ p)
        scaled = residual / diagonal
        direction, energy = scaled.copy(), float(residual @ scaled)
        for _ in range(rounds):
            if energy < 1e-6:
                break
            product = diagonal * direction - self.bonds @ direction
            length = np.float32(energy / float(direction @ product))
            p += length * direction
            residual -= length * product
            scaled = residual / diagonal
            energy, last = float(residual @ scaled), energy
            direction = scaled + np.float32(energy / last) * direction
        return np.clip(p, 0.0, 1.0).astype(np.float64)

    def components(self, chosen: NDArray[np.bool_]) -> tuple[int, NDArray[np.int32]]:
        """Number of connected components among the chosen pieces, and the component of each piece."""
        both = chosen[self.pieces.first] & chosen[self.pieces.second]
        links = (np.ones(int(both.sum()), dtype=np.int8), (self.pieces.first[both], self.pieces.second[both]))
        count, of = connected_components(sparse.coo_array(links, shape=(self.pieces.count,) * 2), directed=False)
        return int(count), of


def distances(lengths: sparse.csr_array, nodes: Nodes) -> Floats:
    """(n,) length of the shortest path from any of `nodes`; infinite where there is none."""
    if not nodes.size:
        return np.full(lengths.shape[0], np.inf)
    return np.asarray(dijkstra(lengths, directed=True, indices=nodes, min_only=True))


def order_of(keys: NDArray[np.int64]) -> NDArray[np.int64]:
    """Places of the keys in their order: each key and its place as one number, which numpy sorts ten times as fast."""
    bits = keys.size.bit_length()
    return np.sort((keys << bits) | np.arange(keys.size)) & ((1 << bits) - 1)
