"""`Skin`: a surface as a graphics card wants it. Made in a worker thread, so that the window only hands it over."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.render.mesh import Mesh


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
        """With normals that are the area-weighted mean of the triangles around a point."""
        a, b, c = (mesh.points[mesh.triangles[:, corner]] for corner in range(3))
        faces = np.cross(b - a, c - a)
        corners, count = mesh.triangles.ravel(), len(mesh.points)
        sums = [np.bincount(corners, np.repeat(faces[:, axis], 3), count) for axis in range(3)]
        normals = np.stack(sums, axis=-1).astype(np.float64)
        normals = normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)
        return cls(mesh.points.astype(np.float32), normals.astype(np.float32), mesh.triangles)
