"""How deep each piece lies in the last answer, and where it lies beside a correction.

People correct in the middle of what is wrong: what is missing around an include reaches about as far beyond the click
as the last answer is away from it. Distances are from centre to centre of pieces.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import KDTree

from app.engine.builtin.looking import Looking
from app.engine.classic.graph import Floats, Nodes

COUNT = 4
"""Numbers a piece."""

_BLUR = 0.1  # of the way from piece to piece, which keeps logarithms finite
_LIMIT = 2.0


def depths(looking: Looking, nodes: Nodes) -> NDArray[np.float32]:
    """(m, COUNT) of some pieces; 0 where there is nothing to tell."""
    told = np.stack(np.broadcast_arrays(_in_answer(looking, nodes), *_from_newest(looking, nodes)), axis=1)
    return np.asarray(np.clip(told, -_LIMIT, _LIMIT), dtype=np.float32)


def _in_answer(looking: Looking, nodes: Nodes) -> Floats:
    """How deep each piece lies inside (positive) or outside of the last answer, or of `classic`'s."""
    centre, pitch = looking.features.pieces.centre[nodes], looking.features.pitch
    answer = looking.judged.logits if looking.before is None else looking.before
    inside = answer[nodes] > 0
    if inside.all() or not inside.any():
        return np.zeros(nodes.size)
    inner, outer = centre[inside], centre[~inside]
    depth = np.empty(nodes.size)
    depth[inside] = _log(KDTree(outer).query(inner)[0] / pitch)
    depth[~inside] = -_log(KDTree(inner).query(outer)[0] / pitch)
    return depth


def _from_newest(looking: Looking, nodes: Nodes) -> list[Floats]:
    """Of a correction: how deep it lies in what was answered wrongly, and where each piece is beside that."""
    clicks, before = looking.features.lattice.millimetres(looking.seeds.newest), looking.before
    right = np.zeros(nodes.size, dtype=bool) if before is None else (before[nodes] > 0) == looking.included
    if not right.any() or not len(clicks):
        return [np.zeros(nodes.size)] * 3
    click, pitch = clicks[len(clicks) // 2], looking.features.pitch
    ways = looking.features.pieces.centre[nodes].astype(np.float64) - click
    lengths = np.linalg.norm(ways, axis=1)
    nearest = np.flatnonzero(right)[np.argmin(lengths[right])]
    deep = _log(lengths[nearest] / pitch)
    beyond = -(ways @ ways[nearest]) / (lengths * lengths[nearest] + 1e-9)
    return [deep, _log(lengths / pitch) - deep, beyond]


def _log(ratio: NDArray[np.floating] | np.floating) -> Floats:
    """A third of the logarithm of a length in units of the way from piece to piece."""
    return np.asarray(np.log(ratio + _BLUR) / 3)
