"""Agreement of two masks on one grid: Dice, normalised surface distance, 95th percentile Hausdorff distance."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from app.geometry import Region

Mask = NDArray[np.bool_]
Spacing = tuple[float, ...]
"""Millimetres between voxels along the array axes."""


def dice(mask: Mask, reference: Mask) -> float:
    """2 |A and B| / (|A| + |B|); 1 when both are empty."""
    total = int(np.count_nonzero(mask)) + int(np.count_nonzero(reference))
    return 2.0 * int(np.count_nonzero(mask & reference)) / total if total else 1.0


def surface_dice(mask: Mask, reference: Mask, spacing: Spacing, tolerance: float = 2.0) -> float:
    """Normalised surface distance: the share of both borders that lies within `tolerance` mm of the other border.

    Borders are the mask's voxels that touch the outside (6-neighbours; the end of the grid is outside), each counted
    once. 1 when both masks are empty, 0 when one is.
    """
    there, back = surface_distances(mask, reference, spacing)
    if not there.size or not back.size:
        return 1.0 if there.size == back.size else 0.0
    near = int(np.count_nonzero(there <= tolerance)) + int(np.count_nonzero(back <= tolerance))
    return near / (there.size + back.size)


def hausdorff95(mask: Mask, reference: Mask, spacing: Spacing) -> float:
    """The larger of the two directed 95th percentile border distances in mm; infinite when just one mask is empty."""
    there, back = surface_distances(mask, reference, spacing)
    if not there.size or not back.size:
        return 0.0 if there.size == back.size else float("inf")
    return float(max(np.percentile(there, 95), np.percentile(back, 95)))


def surface_distances(mask: Mask, reference: Mask, spacing: Spacing) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Distance in mm of every border voxel of each mask to the nearest border voxel of the other.

    Both are empty when both masks are; with one mask empty, its own list is empty and the other's is infinite.
    """
    region = _common_box(mask, reference)
    ours, theirs = border(mask[region]), border(reference[region])
    return _distances(ours, theirs, spacing), _distances(theirs, ours, spacing)


def border(mask: Mask) -> Mask:
    """The True voxels with a False 6-neighbour, or at the end of the array."""
    return np.asarray(mask & ~ndimage.binary_erosion(mask, border_value=0), dtype=bool)


def deepest(mask: Mask, spacing: Spacing) -> tuple[int, ...]:
    """Index of the voxel farthest (mm) from the outside, which the end of the grid is; of equals the first.

    Raises:
        ValueError: when the mask is empty.
    """
    if not mask.any():
        raise ValueError("an empty mask has no deepest point")
    region = _common_box(mask, mask)
    depth = ndimage.distance_transform_edt(np.pad(mask[region], 1), sampling=spacing)
    inner = depth[tuple(slice(1, -1) for _ in range(mask.ndim))]
    at = np.unravel_index(int(np.argmax(inner)), inner.shape)
    return tuple(int(x) + s.start for x, s in zip(at, region, strict=True))


def largest_component(mask: Mask) -> Mask:
    """The connected component (face neighbours) with the most voxels; the first of equals; empty stays empty."""
    region = _common_box(mask, mask)
    labels, count = ndimage.label(mask[region])
    result = np.zeros_like(mask)
    if count:
        sizes = np.bincount(labels.ravel())
        sizes[0] = 0
        result[region] = labels == int(np.argmax(sizes))
    return result


def _distances(source: Mask, target: Mask, spacing: Spacing) -> NDArray[np.float64]:
    if not target.any():
        return np.full(int(np.count_nonzero(source)), np.inf)
    return np.asarray(ndimage.distance_transform_edt(~target, sampling=spacing)[source], dtype=np.float64)


def _common_box(mask: Mask, other: Mask) -> tuple[slice, ...]:
    # Distances between borders need no more than the box of both: at a share of the cost of the whole grid.
    both = mask | other
    if both.ndim == 2:
        region = Region.around(both[None])
        return region.slices[1:] if region else (slice(0, 1),) * 2
    region = Region.around(both)
    return region.slices if region else (slice(0, 1),) * 3
