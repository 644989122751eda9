"""Supervoxels of an image, made as `prepare_cut` makes them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from app.engine.classic.joining import connected
from app.engine.classic.supervoxels import Supervoxels, cut_lattice, describe


def partition(tone: NDArray[np.float32], steps: tuple[float, float, float], pieces: int) -> Supervoxels:
    return describe(connected(cut_lattice(tone, steps, pieces)), tone, steps)
