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
        contact: (2m,) which contact of `pieces` each entry of `lengths` is: each is there both ways.
    """

    pieces: Supervoxels
    noise: float
    lengths: sparse.csr_array
    bonds: sparse.csr_array
    pull: NDArray[np.float32]
    contact: NDArray[np.int64]

    @classmethod
    def of(cls, pieces: Supervoxels, noise: float) -> Graph:
        """Lengths from steps of tone and distances, bonds from shared faces and likeness."""
        a, b = pieces.first, pieces.second
        apart = np.linalg.norm(pieces.centre[a] - pieces.centre[b], axis=1)
        unlike = pieces.unlike()
        length = unlike + _NEAR * noise * apart + 1e-6
        usual = float(np.median(pieces.contact)) if pieces.contact.size else 1.0
        bond = pieces.contact / usual / (1.0 + (unlike / (_HALF * noise)) ** 4) + 1e-3
        pattern = _both_ways(pieces)
        lengths, bonds = with_data(pattern, length.astype(np.float64)), with_data(pattern, bond.astype(np.float32))
        pull = np.asarray(bonds.sum(axis=1), dtype=np.float32)
        return cls(pieces, noise, lengths, bonds, pull, pattern.data)

    def lengthened(self, by: Floats) -> sparse.csr_array:
        """The lengths with `by` (m,) added to each contact."""
        data = self.lengths.data + by[self.contact]
        return sparse.csr_array((data, self.lengths.indices, self.lengths.indptr), shape=self.lengths.shape)

    def among(self, nodes: Nodes) -> sparse.csr_array:
        """(k, k) of some pieces in rising order: which entry of `lengths` each pair of them is."""
        entries = np.arange(self.contact.size)
        every = sparse.csr_array((entries, self.lengths.indices, self.lengths.indptr), shape=self.lengths.shape)
        return sparse.csr_array(every[nodes][:, nodes])

    def settle(self, belief: Floats, trust: float, fixed: Nodes, rounds: int) -> Floats:
        """Probabilities after neighbours that look alike came to agree; pieces `fixed` keep their belief.

        Minimises sum of trust (p - belief)^2 + sum of bonds (p - p')^2 by conjugate gradients (Grady, 2005).
        """
        held = (trust * np.minimum(self.pieces.size / self.pieces.usual_size, 3.0)).astype(np.float32)
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


def with_data(pattern: sparse.csr_array, values: NDArray[np.generic]) -> sparse.csr_array:
    """A matrix of values that are picked by the numbers in another one."""
    return sparse.csr_array((values[pattern.data], pattern.indices, pattern.indptr), shape=pattern.shape)


def _both_ways(pieces: Supervoxels) -> sparse.csr_array:
    """(n, n) the number of the contact of each pair."""
    rows = np.concatenate([pieces.first, pieces.second])
    columns = np.concatenate([pieces.second, pieces.first])
    order = order_of(rows.astype(np.int64) * pieces.count + columns)
    starts = np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=pieces.count))]).astype(np.int32)
    return sparse.csr_array((order % max(1, pieces.first.size), columns[order], starts), shape=(pieces.count,) * 2)


def order_of(keys: NDArray[np.int64]) -> NDArray[np.int64]:
    """Places of the keys in their order: each key and its place as one number, which numpy sorts ten times as fast."""
    bits = keys.size.bit_length()
    return np.sort((keys << bits) | np.arange(keys.size)) & ((1 << bits) - 1)
