"""Distances in millimetres on anisotropic grids, by ITK and scipy."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from app.editing.scene import Mask


def grown(mask: Mask, millimetres: float, spacing: tuple[float, ...]) -> Mask:
    """Voxels whose centre lies within `millimetres` of the centre of a voxel of the mask (2D or 3D).

    Exact squared Euclidean distances: Maurer, Qi and Raghavan, IEEE TPAMI 25 (2003), as ITK has them.
    """
    if not mask.any():
        return mask.copy()
    import SimpleITK as sitk  # large: loaded at the first margin, not when the window starts

    image = sitk.GetImageFromArray(mask.astype(np.uint8))
    image.SetSpacing(spacing[::-1])
    squared = sitk.SignedMaurerDistanceMap(image, insideIsPositive=False, squaredDistance=True, useImageSpacing=True)
    return np.asarray(sitk.GetArrayViewFromImage(squared) <= millimetres**2 * (1 + 1e-5)) | mask


def shrunk(mask: Mask, millimetres: float, spacing: tuple[float, ...]) -> Mask:
    """Voxels of the mask further than `millimetres` from every voxel outside it; nothing is outside the array."""
    return mask & ~grown(~mask, millimetres, spacing)


def signed(mask: Mask, spacing: tuple[float, ...]) -> NDArray[np.float32]:
    """Distance to the border of a 2D mask, positive inside, the same on both sides of it."""
    inside = ndimage.distance_transform_edt(mask, sampling=spacing)
    outside = ndimage.distance_transform_edt(~mask, sampling=spacing)
    return np.asarray(inside - outside, np.float32)
