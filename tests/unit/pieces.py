"""Supervoxels of an image, made as `prepare_cut` makes them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from app.engine.classic.joining import connected
from app.engine.classic.supervoxels import Supervoxels, describe, rough


def partition(tone: NDArray[np.float32], steps: tuple[float, float, float], pieces: int) -> Supervoxels:
    return describe(connected(rough(tone, steps, pieces)), tone, steps)
