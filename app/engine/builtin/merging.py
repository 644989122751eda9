"""Coarser pieces of whole pieces: the same volume as it looks from farther away.

SLIC as in `classic/slic.py`, over pieces instead of cells: k-means over tone and place, a piece looking only at the
eight centres around it. Borders stay where the finer pieces have theirs, and nothing is cut anew.
"""

from __future__ import annotations

from itertools import product

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from app.engine.classic.joining import ROUNDS, SMALLEST, joining
from app.engine.classic.rivals import COMPACTNESS
from app.engine.classic.supervoxels import Supervoxels, contacts_of, seed_grid

Floats = NDArray[np.float64]
Places = NDArray[np.int64]

_ITERATIONS = 3


def groups(pieces: Supervoxels, steps: tuple[float, float, float], wanted: int) -> NDArray[np.int32]:
    """(n,) which coarser piece each piece is part of; each is connected.

    Args:
        steps: Millimetres between cells along (k, j, i).
        wanted: How many coarser pieces, about.
    """
    return _connected(pieces, _nearest(pieces, steps, wanted))


def merged(pieces: Supervoxels, part: NDArray[np.int32]) -> Supervoxels:
    """What `describe` would say of the coarser pieces."""
    count, a, b = int(part.max()) + 1, part[pieces.first], part[pieces.second]
    weight, tone = pieces.size.astype(np.float64), pieces.tone.astype(np.float64)
    size = np.bincount(part, weight, count)
    mean = np.bincount(part, weight * tone, count) / size
    square = np.bincount(part, weight * (pieces.spread.astype(np.float64) ** 2 + tone**2), count) / size
    centre = np.stack([np.bincount(part, weight * along, count) / size for along in pieces.centre.T], axis=1)
    apart = a != b
    face = pieces.contact[apart].astype(np.complex128)
    face += 1j * face.real * pieces.step[apart]
    pairs = (np.minimum(a, b)[apart], np.maximum(a, b)[apart])
    return Supervoxels(
        labels=part[pieces.labels],
        tone=mean.astype(np.float32),
        spread=np.sqrt(np.maximum(square - mean**2, 0)).astype(np.float32),
        size=size.astype(np.float32),
        centre=centre.astype(np.float32),
        **contacts_of(sparse.coo_array((face, pairs), shape=(count, count)).tocsr()),
    )


def _nearest(pieces: Supervoxels, steps: tuple[float, float, float], wanted: int) -> Places:
    """(n,) the centre that each piece is nearest to. Places are in units of the boxes that the centres start from."""
    shape = pieces.labels.shape
    box = np.array(seed_grid(shape, steps, pieces.labels.size / wanted))
    counts = -(-np.array(shape) // box)
    at = np.ascontiguousarray(((pieces.centre / np.array(steps) + 0.5) / box - 0.5).T)
    nearest, centre, tone = _first(pieces, at, counts)
    weight = pieces.size.astype(np.float64)
    low = np.floor(at).astype(np.int64)
    around = [_flat(low + np.array(corner)[:, None], counts) for corner in product((0, 1), repeat=3)]
    for _ in range(_ITERATIONS):
        least = np.full(pieces.count, np.inf)
        for there in around:
            far = (pieces.tone - tone[there]) ** 2 + COMPACTNESS**2 * _squared(at, centre, there)
            closer = far < least
            np.copyto(least, far, where=closer)
            np.copyto(nearest, there, where=closer)
        held = np.bincount(nearest, weight, tone.size)
        for found, values in zip((tone, *centre), (pieces.tone, *at), strict=True):
            means = np.bincount(nearest, weight * values, tone.size) / np.maximum(held, 1e-9)
            np.copyto(found, means, where=held > 0)
    return nearest


def _first(pieces: Supervoxels, at: Floats, counts: Places) -> tuple[Places, Floats, Floats]:
    """The box of each piece (n,), the middles of all (3, c), and the tone (c,) of the piece that is nearest to each."""
    own = _flat(np.round(at).astype(np.int64), counts)
    centre = np.indices(tuple(counts.tolist())).reshape(3, -1).astype(np.float64)
    tone = np.full(centre.shape[1], np.inf)
    last_wins = np.argsort(-_squared(at, centre, own), kind="stable")
    tone[own[last_wins]] = pieces.tone[last_wins]
    return own, centre, tone


def _squared(at: Floats, centre: Floats, there: Places) -> Floats:
    """(n,) squared distances from places (3, n) to their centres, of (3, c)."""
    k, j, i = ((place - middle[there]) ** 2 for place, middle in zip(at, centre, strict=True))
    return np.asarray(k + j + i)


def _flat(boxes: Places, counts: Places) -> Places:
    """(n,) numbers of boxes (3, n), of those inside the nearest."""
    inside = np.clip(boxes, 0, counts[:, None] - 1)
    return np.asarray(np.ravel_multi_index(tuple(inside), tuple(counts.tolist())))


def _connected(pieces: Supervoxels, nearest: Places) -> NDArray[np.int32]:
    """Groups in one connected part each; parts too small for a piece join what they touch most of."""
    same = nearest[pieces.first] == nearest[pieces.second]
    links = (np.ones(int(same.sum()), dtype=np.int8), (pieces.first[same], pieces.second[same]))
    _, part = connected_components(sparse.coo_array(links, shape=(pieces.count,) * 2), directed=False)
    size = np.bincount(part, pieces.size)
    stays = size >= SMALLEST * np.median(size)
    for _ in range(ROUNDS):
        a, b = part[pieces.first], part[pieces.second]
        out, back = ~stays[a] & stays[b], ~stays[b] & stays[a]
        if not out.any() and not back.any():
            break
        loose, kept = np.concatenate([a[out], b[back]]), np.concatenate([b[out], a[back]])
        faces = np.concatenate([pieces.contact[out], pieces.contact[back]])
        shared = sparse.coo_array((faces, (loose, kept)), shape=(size.size,) * 2).tocsr().tocoo()
        part = joining(size.size, shared.row, shared.col, shared.data)[part]
    return np.unique(part, return_inverse=True)[1].astype(np.int32)
