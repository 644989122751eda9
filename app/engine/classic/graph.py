"""`Graph`: supervoxels joined where they touch; lengths of its edges say how unlike their ends are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.csgraph import dijkstra

from app.engine.classic.supervoxels import Supervoxels

_NEAR = 0.05  # of the noise, a millimetre of path: keeps paths short where the image is flat


@dataclass(frozen=True, slots=True, eq=False)
class Graph:
    """Adjacency with lengths.

    Args:
        pieces: The nodes.
        noise: Standard deviation of the tone inside tissue.
        lengths: (n, n) symmetric sparse matrix.
    """

    pieces: Supervoxels
    noise: float
    lengths: sparse.csr_array

    @classmethod
    def of(cls, pieces: Supervoxels, noise: float) -> Graph:
        """Lengths from steps of tone and distances."""
        a, b = pieces.first, pieces.second
        apart = np.linalg.norm(pieces.centre[a] - pieces.centre[b], axis=1)
        unlike = 0.5 * (np.abs(pieces.tone[a] - pieces.tone[b]) + pieces.step)
        length = unlike + _NEAR * noise * apart + 1e-6
        half = sparse.coo_array((length, (a, b)), shape=(pieces.count,) * 2).tocsr()
        return cls(pieces, noise, (half + half.T).tocsr())

    def distances(self, nodes: NDArray[np.int64]) -> NDArray[np.float64]:
        """(n,) length of the shortest path from any of `nodes`; infinite where there is none."""
        if not nodes.size:
            return np.full(self.pieces.count, np.inf)
        return np.asarray(dijkstra(self.lengths, directed=True, indices=nodes, min_only=True))
