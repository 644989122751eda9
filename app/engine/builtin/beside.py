"""Where each piece lies beside the masks of given slices, which says how far an object with such cuts might reach.

A ball reaches as high above a point of a cut through its middle as follows from how deep the point lies in the cut.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.engine.builtin.looking import Looking
from app.engine.classic.graph import Floats, Nodes
from app.engine.classic.signed_distance import signed_distance
from app.prompts import SliceMask

COUNT = 7
"""Numbers a piece."""

_BLUR = 0.1  # of each unit of length, which keeps logarithms finite
_LIMIT = 2.0


def beside(looking: Looking, nodes: Nodes) -> NDArray[np.float32]:
    """(m, COUNT) of some pieces: what the nearest given slice says, and whether they lie between two."""
    features, axis = looking.features, looking.drawn[0].axis
    spacing, pitch = np.array(features.lattice.spacing), features.pitch
    place = features.pieces.centre[nodes] + features.lattice.first
    away = place[:, axis, None] - spacing[axis] * np.array([drawn.index for drawn in looking.drawn])
    nearest = np.argmin(np.abs(away), axis=1)
    cuts = [_Cut.of(drawn, np.delete(spacing, axis)) for drawn in looking.drawn]
    widest = max(cut.area for cut in cuts)
    told = np.empty((nodes.size, COUNT))
    for number, cut in enumerate(cuts):
        own = np.flatnonzero(nearest == number)
        told[own, :-1] = cut.told(np.delete(place[own], axis, axis=1), np.abs(away[own, number]), pitch, widest)
    told[:, -1] = (away.max(axis=1) > 0) & (away.min(axis=1) < 0)
    return np.asarray(np.clip(told, -_LIMIT, _LIMIT), dtype=np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class _Cut:
    """One given slice.

    Args:
        steps: Millimetres between its pixels.
        depth: Signed distance (mm) of each pixel to the mask's border, positive inside.
        radius: Millimetres, of the largest circle in the mask.
        area: Pixels of the mask.
    """

    steps: Floats
    depth: NDArray[np.float32]
    radius: float
    area: int

    @classmethod
    def of(cls, drawn: SliceMask, steps: Floats) -> _Cut:
        mask = drawn.mask
        depth = signed_distance(mask, steps.tolist())
        return cls(steps, depth, float(max(depth.max(), 0.5 * steps.min())), int(mask.sum()))

    def told(self, place: Floats, away: Floats, pitch: float, widest: int) -> Floats:
        """(m, 6) of pieces at `place` (m, 2) millimetres in the slice's plane and `away` (m,) from it."""
        a, b = np.clip(np.rint(place / self.steps).astype(int), 0, np.array(self.depth.shape) - 1).T
        depth, radius = self.depth[a, b], self.radius
        inner = np.clip(depth, 0, radius)
        height = np.sqrt(inner * (2 * radius - inner))  # of a ball whose middle lies in this slice
        as_circle = float(np.sqrt(max(1, self.area) * self.steps.prod() / np.pi))
        columns = [
            *(np.log(away / unit + _BLUR) / 3 for unit in (pitch, radius, as_circle)),
            depth / radius,
            (away - height) / radius,
            np.array(np.log((self.area + 1) / (widest + 1)) / 3),
        ]
        return np.stack(np.broadcast_arrays(*columns), axis=1)
