"""`surface`: the closed, smooth surface of a mask in patient millimetres, of the same volume as its voxels. No window.

1. A surface net (`surface_nets`): closed, manifold and oriented by construction.
2. Taubin's smoothing ("A signal processing approach to fair surface design", 1995), which does not shrink a surface the
   way plain averaging does, with every vertex kept within half a voxel of its place (Gibson's constraint).
3. What smoothing still took or gave is put back shell by shell: every shell (outer border or cavity of a connected
   piece) moves along its normals until it encloses exactly its voxels. So a lesion of three voxels keeps its volume
   as well as a liver does, and a vessel does not pay for the organ beside it.

Everything happens in voxel coordinates; the affine comes last, so it is exact for any grid.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from app.geometry import Geometry, Region
from app.render.mesh import Mesh
from app.render.surface_nets import Ints, Net, net

SMOOTH = 10
"""Rounds of smoothing: staircases of one voxel vanish, shapes of three voxels stay."""

_INWARDS, _OUTWARDS = 0.5, -0.53  # Taubin's lambda and mu: waves longer than about 9 voxels pass unchanged
_REACH = 0.47  # voxels; below a half, so that neighbouring vertices can never meet
_STEP = 0.25  # voxels that a shell may move at once
_PRECISION = 1e-4  # of a shell's volume

Floats = NDArray[np.float64]


def surface(
    mask_crop: NDArray[np.bool_], region: Region, geometry: Geometry, smooth: int = SMOOTH, most: int | None = None
) -> Mesh:
    """Closed surface around the True voxels of a crop, empty when there is none.

    Args:
        mask_crop: (k, j, i) bool, the part of the grid at `region`; taken to be False around it.
        smooth: Rounds of smoothing; 0 keeps the voxels' faces.

    Raises:
        TooFine: when it would have more than `most` corners.
    """
    inner = Region.around(mask_crop)
    if inner is None:
        return Mesh(np.zeros((0, 3)), np.zeros((0, 3), np.int32))
    found = net(np.ascontiguousarray(mask_crop[inner.slices]), most)
    shell = _Shells(found)
    places = _apart(found, shell)
    if smooth:
        places = _smoothed(places, found.corners, shell, smooth)
    triangles = _triangles(places, found.quads)
    if smooth:
        places = shell.refilled(places, triangles)
    places += np.add(inner.start, region.start)
    # The net winds in (k, j, i) taken as a right-handed frame.
    if np.linalg.det(geometry.affine[:3, :3][:, ::-1]) < 0:
        triangles = triangles[:, ::-1]
    return Mesh(geometry.world(places), triangles.astype(np.int32))


class _Shells:
    """Which vertices are neighbours, and the connected shells they form."""

    def __init__(self, found: Net) -> None:
        count = len(found.corners)
        # Every net edge is in two quadrilaterals, in opposite directions: so each neighbour appears exactly once.
        start, stop = found.quads.ravel(), np.roll(found.quads, -1, axis=1).ravel()
        ones = np.ones(len(start))
        neighbours = sparse.csr_matrix((ones, (start, stop)), shape=(count, count))
        self.degree = np.diff(neighbours.indptr).astype(np.float64)
        self.neighbours = neighbours
        self.count, self.of = sparse.csgraph.connected_components(neighbours, directed=False)
        quads = found.quads
        self.targets = self.volumes(found.corners, np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]]))

    def mean(self, places: Floats) -> Floats:
        """(n, 3) middle of each vertex's neighbours."""
        return np.asarray((self.neighbours @ places) / self.degree[:, None], dtype=np.float64)

    def volumes(self, places: Floats, triangles: Ints) -> Floats:
        """Voxels enclosed by each shell; negative for a cavity."""
        a, b, c = (places[triangles[:, corner]] for corner in range(3))
        return np.bincount(self.of[triangles[:, 0]], _triple(a, b, c), self.count) / 6

    def refilled(self, places: Floats, triangles: Ints) -> Floats:
        """Every shell moved along its normals until it encloses its voxels again (Newton's method)."""
        spread = sparse.csr_matrix(
            (np.ones(triangles.size), (triangles.ravel(), np.repeat(np.arange(len(triangles)), 3))),
            shape=(len(places), len(triangles)),
        )
        for _ in range(20):
            missing = self.targets - self.volumes(places, triangles)
            if (np.abs(missing) <= _PRECISION * np.abs(self.targets)).all():
                break
            a, b, c = (places[triangles[:, corner]] for corner in range(3))
            normals = spread @ np.cross(b - a, c - a) / 6  # the derivative of the volume by each vertex
            lengths = np.sqrt(np.einsum("ij,ij->i", normals, normals))
            areas = np.bincount(self.of, lengths, self.count)
            steps = np.clip(missing / np.maximum(areas, 1e-9), -_STEP, _STEP)
            places = places + normals * (steps[self.of] / np.maximum(lengths, 1e-12))[:, None]
        return places


def _triple(a: Floats, b: Floats, c: Floats) -> Floats:
    return np.asarray(np.einsum("ij,ij->i", a, np.cross(b, c)), dtype=np.float64)


def _apart(found: Net, shell: _Shells) -> Floats:
    """Corners, with vertices that share one drawn a little into their own voxels, so that they stay distinct."""
    if not found.split.any():
        return found.corners
    towards = shell.mean(found.corners) - found.corners
    return found.corners + np.where(found.split[:, None], 0.1 * towards, 0.0)


def _smoothed(places: Floats, corners: Floats, shell: _Shells, rounds: int) -> Floats:
    for _ in range(rounds):
        for weight in (_INWARDS, _OUTWARDS):
            places = places + weight * (shell.mean(places) - places)
        np.clip(places, corners - _REACH, corners + _REACH, out=places)
    return places


def _triangles(places: Floats, quads: Ints) -> Ints:
    """Two triangles for each quadrilateral, cut along its shorter diagonal."""
    a, b, c, d = (places[quads[:, corner]] for corner in range(4))
    first = np.einsum("ij,ij->i", a - c, a - c) <= np.einsum("ij,ij->i", b - d, b - d)
    turned = np.where(first[:, None], quads, np.roll(quads, -1, axis=1))
    return np.concatenate([turned[:, [0, 1, 2]], turned[:, [0, 2, 3]]])
