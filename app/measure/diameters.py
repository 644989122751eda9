"""`Diameters`: how long a structure is at most: in space, and on the axial slice where it is longest.

Ends lie on the faces of voxels, so one voxel of 1 mm is 1 mm long, as it is to a ruler along its axes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import ConvexHull
from scipy.spatial.distance import pdist, squareform

from app.geometry import Geometry, Region

Points = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Diameters:
    """Millimetres.

    Args:
        longest: Between any two ends in space.
        axial: The longest on one axial slice (of the array axis that follows the body's).
        across: The extent at right angles to that, on the same slice.
        axial_slice: Index of that slice.
    """

    longest: float
    axial: float
    across: float
    axial_slice: int


def diameters(crop: NDArray[np.bool_], region: Region, geometry: Geometry) -> Diameters:
    """Of the True voxels of a crop (k, j, i) at `region`, at least one of them."""
    start = np.array(region.start, dtype=np.float64)
    longest = _longest(geometry.world(_faces(crop) + start))[0]
    axis = geometry.axis_of(2)
    best = (0.0, 0.0, region.start[axis])
    for number in np.flatnonzero(crop.any(axis=tuple(a for a in range(3) if a != axis))).tolist():
        flat = _faces(np.asarray(crop.take(number, axis=axis)))
        index = np.insert(flat, axis, float(number), axis=1) + start
        points = _in_plane(geometry.world(index), geometry, axis)
        length, along = _longest(points)
        if length > best[0]:
            across = points @ np.array([-along[1], along[0]])
            best = length, float(np.ptp(across)), region.start[axis] + number
    return Diameters(longest, *best)


def _faces(mask: NDArray[np.bool_]) -> Points:
    """Middles of voxel faces that can be ends: on every line of voxels along an axis the first and the last."""
    found = []
    for axis in range(mask.ndim):
        lines = np.moveaxis(mask, axis, -1)
        others = np.argwhere(lines.any(axis=-1))
        rows = lines[tuple(others.T)]
        first = rows.argmax(axis=-1) - 0.5
        last = rows.shape[-1] - rows[:, ::-1].argmax(axis=-1) - 0.5
        found += [np.insert(others.astype(np.float64), axis, end, axis=1) for end in (first, last)]
    return np.concatenate(found)


def _longest(points: Points) -> tuple[float, Points]:
    """Greatest distance between two points, and the unit vector along it."""
    hull = points[ConvexHull(points).vertices]
    distances = squareform(pdist(hull))
    a, b = np.unravel_index(int(distances.argmax()), distances.shape)
    return float(distances[a, b]), (hull[b] - hull[a]) / distances[a, b]


def _in_plane(world: Points, geometry: Geometry, axis: int) -> Points:
    """(n, 2) millimetres in the plane of two array axes, from points (n, 3) in that plane."""
    one, other = (geometry.directions[a] for a in range(3) if a != axis)
    square = other - (other @ one) * one
    return np.asarray((world - world[0]) @ np.stack([one, square / np.linalg.norm(square)], axis=1))
