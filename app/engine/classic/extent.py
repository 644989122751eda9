"""How far an object reaches that only few clicks describe: the cut of a growing front where its border is clearest."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from app.engine.classic.supervoxels import Supervoxels

_CUTS = 64


def best_reach(pieces: Supervoxels, reach: NDArray[np.float64], noise: float) -> float:
    """The reach at which {reach < T} has the best border: strong steps for its area, not too long for its size.

    Args:
        pieces: The nodes.
        reach: (n,) how late a growing front takes each node; infinite where it never does.
        noise: Standard deviation of the tone inside tissue.
    """
    cuts = _candidates(reach)
    if cuts.size < 2:
        return float(cuts[-1]) if cuts.size else 0.0
    volume, border, contrast = _profiles(pieces, reach, cuts)
    share = volume / pieces.size.sum()
    score = contrast / (border + 1e-9) / (noise + contrast / (border + 1e-9)) - 0.8 * share
    return float(cuts[int(np.argmax(score))])


def _candidates(reach: NDArray[np.float64]) -> NDArray[np.float64]:
    finite = np.sort(reach[np.isfinite(reach)])
    if finite.size < 2:
        return finite + 1e-6
    ranks = np.unique(np.geomspace(1, finite.size - 1, _CUTS).astype(np.int64))
    return np.unique(finite[ranks])


def _profiles(
    pieces: Supervoxels, reach: NDArray[np.float64], cuts: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """For each cut: cells inside, border area in mm2, and step of tone summed over the border."""
    inside = np.searchsorted(cuts, reach, side="right")  # the first cut that holds the node
    volume = np.cumsum(np.bincount(inside, pieces.size, cuts.size + 1)[: cuts.size])
    a, b = inside[pieces.first], inside[pieces.second]
    low, high = np.minimum(a, b), np.maximum(a, b)
    open_, shut = (np.bincount(e, pieces.contact, cuts.size + 1)[: cuts.size] for e in (low, high))
    weight = pieces.contact * pieces.step
    open_step, shut_step = (np.bincount(e, weight, cuts.size + 1)[: cuts.size] for e in (low, high))
    return volume, np.cumsum(open_ - shut), np.cumsum(open_step - shut_step)
