"""`Seen`: what a network of squares was told once, and what it should have said."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """One slice.

    Args:
        maps, numbers: See `step_features.of_step` and `click_features.of_clicks`.
        target: (side, side) share of the object at each point.
        turn: Slices from the given one; of clicked ones, prompts so far.
    """

    maps: Floats
    numbers: Floats
    target: Floats
    turn: int
