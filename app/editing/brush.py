"""Strokes: the voxels that a disc or a ball covers on its way, and those inside a drawn outline."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from app.editing.scene import Mask
from app.geometry import Index, Region


@dataclass(frozen=True, slots=True)
class Tip:
    """What paints.

    Args:
        millimetres: Radius.
        axis: Array axis across the slice that a disc lies on; None for a ball.
    """

    millimetres: float
    axis: int | None = None


def dab(tip: Tip, start: Index, stop: Index, spacing: tuple[float, float, float], shape: Index) -> tuple[Region, Mask]:
    """Voxels whose centre lies within the radius of the straight way from one voxel to another; those two always.

    Returns:
        A region inside the grid, and the mask (k, j, i) of its shape.
    """
    reach = [0 if axis == tip.axis else int(tip.millimetres / step) for axis, step in enumerate(spacing)]
    region = Region(_least(start, stop), _past(start, stop)).grown((reach[0], reach[1], reach[2]), shape)
    steps = np.array(spacing, np.float32)
    a, b = np.array(start) * steps, np.array(stop) * steps
    way = (b - a).astype(np.float32)
    length = float(way @ way)
    axes = np.ogrid[region.slices]
    apart = [axis * np.float32(step) - np.float32(x) for axis, step, x in zip(axes, steps, a, strict=True)]
    if length:
        along = np.clip(sum(x * w for x, w in zip(apart, way, strict=True)) / np.float32(length), 0, 1)
        squared = sum((x - along * w) ** 2 for x, w in zip(apart, way, strict=True))
    else:
        squared = sum(x**2 for x in apart)
    mask = np.asarray(squared <= np.float32(tip.millimetres**2 * 1.0001))
    for index in (start, stop):
        if region.contains(index):
            mask[tuple(x - c for x, c in zip(index, region.start, strict=True))] = True
    return region, mask


def inside(outline: ArrayLike, shape: tuple[int, int]) -> NDArray[np.bool_]:
    """Pixels whose centre lies inside a closed polygon, by the even-odd rule.

    Args:
        outline: (n, 2) corners as (row, column) in voxels; (0, 0) is the centre of the first pixel.
        shape: Rows and columns of the answer.
    """
    corners = np.asarray(outline, np.float64)
    mask = np.zeros(shape, bool)
    columns = np.arange(shape[1])
    for (r0, c0), (r1, c1) in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        if r0 == r1:
            continue
        (r0, c0), (r1, c1) = sorted(((r0, c0), (r1, c1)))
        rows = np.arange(max(0, int(np.ceil(r0))), min(shape[0], int(np.ceil(r1))))
        crossing = c0 + (rows - r0) * (c1 - c0) / (r1 - r0)
        mask[rows] ^= columns[None, :] > crossing[:, None]
    return mask


def _least(a: Index, b: Index) -> Index:
    return min(a[0], b[0]), min(a[1], b[1]), min(a[2], b[2])


def _past(a: Index, b: Index) -> Index:
    return max(a[0], b[0]) + 1, max(a[1], b[1]) + 1, max(a[2], b[2]) + 1
