"""How deep each pixel of a slice lies in a mask."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage


def signed_distance(mask: NDArray[np.bool_], steps: Sequence[float]) -> NDArray[np.float32]:
    """Millimetres to the mask's border, positive inside.

    A mask goes on beyond the rim of its image; a border lies half a pixel beside the middle of the last pixel.

    Args:
        mask: (rows, columns); from an empty one everything is as far outside as the image is wide.
        steps: Millimetres between rows and between columns.
    """
    if not mask.any():
        return np.full(mask.shape, -math.hypot(*(n * s for n, s in zip(mask.shape, steps, strict=True))), np.float32)
    inside = ndimage.distance_transform_edt(np.pad(mask, 1, mode="edge"), sampling=steps)[1:-1, 1:-1]
    outside = ndimage.distance_transform_edt(~mask, sampling=steps)
    half = 0.5 * min(steps)
    return np.asarray(np.where(mask, inside - half, half - outside), dtype=np.float32)
