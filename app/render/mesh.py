"""`Mesh`: a triangle surface in patient millimetres; its volume, and whether it is closed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]
Triangles = NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class Mesh:
    """A surface.

    Args:
        points: (n, 3) RAS millimetres.
        triangles: (m, 3) point numbers, anticlockwise seen from outside.
    """

    points: Points
    triangles: Triangles

    def __post_init__(self) -> None:
        for name, kind in (("points", np.float64), ("triangles", np.int32)):
            array = np.ascontiguousarray(getattr(self, name), dtype=kind).reshape(-1, 3)
            view = array.view()
            view.flags.writeable = False
            object.__setattr__(self, name, view)


@dataclass(frozen=True, slots=True)
class Check:
    """What a reader of the surface will find.

    Args:
        closed: Every edge belongs to exactly two triangles, no triangle has two equal corners, and there is one.
        oriented: The two triangles of every edge run along it in opposite directions.
        outwards: The enclosed volume is positive.
    """

    closed: bool
    oriented: bool
    outwards: bool

    @property
    def printable(self) -> bool:
        """Whether it bounds a solid."""
        return self.closed and self.oriented and self.outwards


def area_vectors(points: Points, triangles: Triangles) -> Points:
    """(m, 3) normals of triangles, as long as their area."""
    a, b, c = (points[triangles[:, corner]] for corner in range(3))
    return np.asarray(np.cross(b - a, c - a) / 2, dtype=np.float64)


def mesh_volume(mesh: Mesh) -> float:
    """Cubic millimetres enclosed, positive when the triangles face outwards (divergence theorem)."""
    if not len(mesh.triangles):
        return 0.0
    points = mesh.points - mesh.points.mean(axis=0)  # smaller numbers, smaller rounding errors
    return float(np.einsum("ij,ij->", points[mesh.triangles[:, 0]], area_vectors(points, mesh.triangles)) / 3)


def welded(mesh: Mesh) -> Mesh:
    """Points with the same single precision coordinates made one, as every reader of STL does."""
    single = np.ascontiguousarray(mesh.points, dtype=np.float32) + np.float32(0)  # -0.0 and 0.0 are one
    _, first, number = np.unique(single.view("V12").ravel(), return_index=True, return_inverse=True)
    return Mesh(mesh.points[first], number[mesh.triangles].astype(np.int32))


def check(mesh: Mesh) -> Check:
    """Whether the surface is closed, consistently oriented and faces outwards."""
    triangles = mesh.triangles.astype(np.int64)
    start, stop = triangles.ravel(), triangles[:, [1, 2, 0]].ravel()
    count = len(mesh.points)
    forwards, backwards = np.sort(start * count + stop), np.sort(stop * count + start)
    edges = np.sort(np.minimum(start, stop) * count + np.maximum(start, stop))
    in_pairs = len(edges) % 2 == 0 and bool((edges[::2] == edges[1::2]).all())
    closed = bool(len(edges)) and in_pairs and bool((edges[2::2] != edges[:-2:2]).all()) and bool((start != stop).all())
    once = bool((forwards[1:] != forwards[:-1]).all())
    oriented = once and bool((forwards == backwards).all())
    return Check(closed, oriented, mesh_volume(mesh) > 0)
