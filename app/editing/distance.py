"""Distances in millimetres on anisotropic grids."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from app.editing.scene import Mask

_SHORT = 30  # voxels in all along the axes; up to about these, looking at every place in reach is quicker
_ROUNDING = 1 + 1e-5  # of a squared distance, so that a voxel at just that distance counts


def grown(mask: Mask, millimetres: float, spacing: tuple[float, ...]) -> Mask:
    """Voxels whose centre lies within `millimetres` of the centre of a voxel of the mask (2D or 3D); exact."""
    if not mask.any():
        return mask.copy()
    reach = [int(millimetres * _ROUNDING / step) for step in spacing]
    if sum(min(n, length) for n, length in zip(reach, mask.shape, strict=True)) > _SHORT:
        distance = ndimage.distance_transform_edt(~mask, sampling=spacing)
        return np.asarray(distance**2 <= millimetres**2 * _ROUNDING)
    squared = np.where(mask, np.float32(0), np.float32(np.inf))
    for axis, (step, far) in enumerate(zip(spacing, reach, strict=True)):
        squared = _nearest_along(squared, axis, step, far)
    return np.asarray(squared <= millimetres**2 * _ROUNDING)


def _nearest_along(squared: NDArray[np.float32], axis: int, step: float, far: int) -> NDArray[np.float32]:
    """The least of each value and of those up to `far` places away on its line, each with that distance's square."""
    lines = np.moveaxis(squared, axis, 0)
    least, other = lines.copy(), np.empty_like(lines)
    for n in range(1, min(far, len(lines) - 1) + 1):
        beside = other[:-n]
        np.add(lines[n:], np.float32((n * step) ** 2), out=beside)
        np.minimum(least[:-n], beside, out=least[:-n])
        np.add(lines[:-n], np.float32((n * step) ** 2), out=beside)
        np.minimum(least[n:], beside, out=least[n:])
    return np.moveaxis(least, 0, axis)


def shrunk(mask: Mask, millimetres: float, spacing: tuple[float, ...]) -> Mask:
    """Voxels of the mask further than `millimetres` from every voxel outside it; nothing is outside the array."""
    return mask & ~grown(~mask, millimetres, spacing)


def signed(mask: Mask, spacing: tuple[float, ...]) -> NDArray[np.float32]:
    """Distance to the border of a 2D mask, positive inside, the same on both sides of it."""
    inside = ndimage.distance_transform_edt(mask, sampling=spacing)
    outside = ndimage.distance_transform_edt(~mask, sampling=spacing)
    return np.asarray(inside - outside, np.float32)
