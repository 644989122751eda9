"""How the end of an object shows in the areas of the slices on the way there."""

from __future__ import annotations

_SMALL = 0.5  # of the largest given mask: below, an object may be about to end


def regrown(least: int, area: int, given: int) -> float:
    """Share (0..1) of confidence left when a mask grows again after it was small.

    An object ends by shrinking; what follows from there is its neighbour.

    Args:
        least: Pixels of the smallest mask on the way, this slice's included.
        area: Pixels on this slice.
        given: Pixels of the largest given mask.
    """
    return least / area if area and least < _SMALL * given else 1.0
