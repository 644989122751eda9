"""`surface_area`: of a mask, from a surface smooth enough that the staircase of voxels adds nothing.

Measured on balls of 6 to 25 mm: within 3 % for voxels up to 2.5 times as long as wide, within 6 % for 5 mm slices of
0.7 mm pixels (tests/unit/test_measure.py). The surface that is shown and exported is smoothed less: 4 % larger.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from app.geometry import Geometry, Region
from app.render.mesh import area_vectors
from app.render.surfaces import surface

_ROUNDS = 40
_LONG = 3.0  # times the shortest side of a voxel: longer ones are cut, by depth in the shape (Raya and Udupa 1990)


def surface_area(crop: NDArray[np.bool_], region: Region, geometry: Geometry) -> float:
    """Square millimetres around the True voxels of a crop (k, j, i) at `region`; 0 for none."""
    if not crop.any():
        return 0.0
    affine = geometry.affine.copy()
    affine[:3, 3] = geometry.world(region.start)
    cut, grid = _cut(crop, Geometry(region.shape, affine))
    mesh = surface(cut, grid.region, grid, _ROUNDS)
    return float(np.linalg.norm(area_vectors(mesh.points, mesh.triangles), axis=1).sum())


def _cut(crop: NDArray[np.bool_], grid: Geometry) -> tuple[NDArray[np.bool_], Geometry]:
    """The same shape with sides of voxels of about one length: interpolated between slices by shape."""
    shortest = min(grid.spacing)
    times = [round(side / shortest) if side / shortest >= _LONG else 1 for side in grid.spacing]
    if max(times) == 1:
        return crop, grid
    whole = np.pad(crop, 1)
    depth = ndimage.distance_transform_edt(whole, sampling=grid.spacing)
    depth -= ndimage.distance_transform_edt(~whole, sampling=grid.spacing)
    for axis, count in enumerate(times):
        depth = _between(depth, axis, count) if count > 1 else depth
    affine = grid.affine.copy()
    affine[:3, :3] /= np.array(times[::-1])
    return depth > 0, Geometry(depth.shape, affine)


def _between(values: NDArray[np.float64], axis: int, count: int) -> NDArray[np.float64]:
    """`count` samples for each along an axis, linear between neighbours."""
    length = values.shape[axis]
    places = np.clip((np.arange(length * count) + 0.5) / count - 0.5, 0, length - 1)
    low = np.floor(places).astype(int)
    share = np.expand_dims(places - low, [a for a in range(3) if a != axis])
    above = values.take(np.minimum(low + 1, length - 1), axis)
    return np.asarray((1 - share) * values.take(low, axis) + share * above)
