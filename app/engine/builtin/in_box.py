"""Where each piece lies in a box, and whether its tone is commoner in there than around it."""

from __future__ import annotations

from functools import reduce

import numpy as np
from numpy.typing import NDArray

from app.engine.builtin.looking import Looking
from app.engine.builtin.surroundings import squashed
from app.engine.classic.boxed import Boxed
from app.engine.classic.graph import Floats, Nodes
from app.geometry import Region

COUNT = 11
"""Numbers a piece."""

_LIMIT = 3.0


def in_box(looking: Looking, nodes: Nodes) -> NDArray[np.float32]:
    """(m, COUNT) of some pieces: their place in the box, how large that is in pieces, and their tone."""
    boxed, pitch = _boxed(looking), looking.features.pitch
    half, free = _reach(boxed), ~boxed.flat if not boxed.flat.all() else boxed.flat
    ways, tones = boxed.ways[nodes], looking.features.pieces.tone[nodes]
    away = np.sort(ways / half, axis=1)
    off = ways[:, ~free].max(axis=1, initial=0.0)
    columns = [
        *away.T,
        np.linalg.norm(away, axis=1) / 2,
        squashed((half - ways)[:, free].min(axis=1) / pitch),
        *(np.log(np.array(side) / pitch) / 3 for side in (half[free].min(), half[free].max())),
        np.array(float(not free.all())),
        np.log1p(off / pitch) / 3,
        boxed.tones(boxed.within).of_tones(tones) / 3,
        np.array(float(looking.known.guessed)),
    ]
    told = np.stack(np.broadcast_arrays(*columns), axis=1)
    return np.asarray(np.clip(told, -_LIMIT, _LIMIT), dtype=np.float32)


def from_middle(looking: Looking) -> Floats:
    """(n,) distance of every piece from the middle of the box, in half sides: in the box it is at most 1.

    A flat box reaches as far to both sides of its slice as it is long.
    """
    boxed = _boxed(looking)
    return np.asarray((boxed.ways / _reach(boxed)).max(axis=1))


def _boxed(looking: Looking) -> Boxed:
    return Boxed.of(looking.features, reduce(Region.union, looking.boxes))


def _reach(boxed: Boxed) -> Floats:
    """Half sides (3,) of where the object may be."""
    return np.where(boxed.flat, boxed.half.max(), boxed.half)
