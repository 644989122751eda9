"""`Skin`: a surface as a graphics card wants it. Made in a worker thread, so that the window only hands it over."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from vtkmodules.vtkCommonDataModel import vtkPolyData
from vtkmodules.vtkFiltersCore import vtkBinnedDecimation

from app.geometry import Geometry, Region
from app.render import vtk_arrays
from app.render.mesh import Mesh, area_vectors
from app.render.surface_nets import TooFine
from app.render.surfaces import surface

MOST_TRIANGLES = 200_000
"""More are not seen, and cost too much without a graphics card: 130 ms a frame for 1.5 million, 25 ms for these."""

MOST_CORNERS = 1_500_000
"""Of a border before it is made coarser: a segment of noise in a large scan has seven million, which take 7 GB."""


@dataclass(frozen=True, eq=False)
class Skin:
    """A surface ready to be drawn: the mesh with a normal at each point, in single precision.

    Args:
        normals: (n, 3), outwards, of length 1.
    """

    points: NDArray[np.float32]
    normals: NDArray[np.float32]
    triangles: NDArray[np.int32]

    @classmethod
    def of(cls, mesh: Mesh) -> Skin:
        """Coarser where the mesh is very fine; normals are the area-weighted mean of the triangles around a point."""
        if len(mesh.triangles) > MOST_TRIANGLES:
            mesh = _coarser(mesh)
        a, b, c = (mesh.points[mesh.triangles[:, corner]] for corner in range(3))
        faces = np.cross(b - a, c - a)
        corners, count = mesh.triangles.ravel(), len(mesh.points)
        sums = [np.bincount(corners, np.repeat(faces[:, axis], 3), count) for axis in range(3)]
        normals = np.stack(sums, axis=-1).astype(np.float64)
        normals = normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)
        return cls(mesh.points.astype(np.float32), normals.astype(np.float32), mesh.triangles)


def skin(mask_crop: NDArray[np.bool_], region: Region, geometry: Geometry) -> Skin:
    """A segment for the eye; one whose border is very fine (bones of a whole body, noise) as if of larger voxels.

    Args:
        mask_crop: (k, j, i), the part of the grid at `region`.
    """
    try:
        return Skin.of(surface(mask_crop, region, geometry, most=MOST_CORNERS))
    except TooFine:
        return skin(*_halved(mask_crop, region, geometry))


def _halved(mask: NDArray[np.bool_], region: Region, geometry: Geometry) -> tuple[NDArray[np.bool_], Region, Geometry]:
    """Voxels twice as long to every side, inside where one of their eight is: what is thin stays."""
    for axis in range(3):
        mask = np.logical_or.reduceat(mask, np.arange(0, mask.shape[axis], 2), axis=axis)
    double = geometry.affine @ np.diag([2.0, 2.0, 2.0, 1.0])
    double[:3, 3] = geometry.world(np.add(region.start, 0.5))
    whole = Region.whole((mask.shape[0], mask.shape[1], mask.shape[2]))
    return mask, whole, Geometry(whole.stop, double)


def _coarser(mesh: Mesh) -> Mesh:
    """Vertices in one small cube of space made one, about `MOST_TRIANGLES` left. For the eye, not for files."""
    data = vtkPolyData()
    data.SetPoints(vtk_arrays.points(mesh.points.astype(np.float32)))
    data.SetPolys(vtk_arrays.cells(mesh.triangles))
    area = float(np.linalg.norm(area_vectors(mesh.points, mesh.triangles), axis=1).sum())
    side = 1.25 * np.sqrt(area / (MOST_TRIANGLES / 2))
    divisions = np.maximum(np.ceil(np.ptp(mesh.points, axis=0) / side), 1).astype(int)
    decimation = vtkBinnedDecimation()
    decimation.SetInputData(data)
    decimation.AutoAdjustNumberOfDivisionsOff()
    decimation.SetNumberOfDivisions(*divisions.tolist())
    decimation.SetPointGenerationModeToBinAverages()
    decimation.Update()
    coarse = decimation.GetOutput()
    points = vtk_arrays.numpy_array(coarse.GetPoints().GetData())
    corners = vtk_arrays.numpy_array(coarse.GetPolys().GetConnectivityArray())
    return Mesh(points.astype(np.float64), corners.reshape(-1, 3).astype(np.int32))
