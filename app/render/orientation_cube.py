"""The orientation cube of the 3D view: R, L, A, P, S, I on the faces, each in the colour of its axis.

Made of VTK's letters and our own corners. VTK has such a cube (`vtkAnnotatedCubeActor`), and this one looks the same,
but the library that holds it weighs 10 MB and nothing else here asks for it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from vtkmodules.vtkCommonDataModel import vtkPolyData
from vtkmodules.vtkFiltersCore import vtkFeatureEdges
from vtkmodules.vtkRenderingCore import vtkActor, vtkPolyDataMapper, vtkRenderer
from vtkmodules.vtkRenderingFreeType import vtkVectorText

from app.render import vtk_arrays

_FACES = (
    ("R", (1, 0, 0), (0, 0, 1), (130, 95, 0)),
    ("L", (-1, 0, 0), (0, 0, 1), (130, 95, 0)),
    ("A", (0, 1, 0), (0, 0, 1), (30, 100, 20)),
    ("P", (0, -1, 0), (0, 0, 1), (30, 100, 20)),
    ("S", (0, 0, 1), (0, 1, 0), (165, 30, 20)),
    ("I", (0, 0, -1), (0, 1, 0), (165, 30, 20)),
)
"""Letter, where its face looks to (RAS), where the letter's top is, colour."""

_SIDE = 1.0
_LETTER = 0.6
"""Size of a letter against the cube's side."""

_ABOVE = 0.001
"""By which letters lie over their face, so that the face does not show through."""


def orientation_cube() -> vtkRenderer:
    """A renderer over the bottom left corner with the cube."""
    renderer = vtkRenderer()
    renderer.SetLayer(1)
    renderer.SetViewport(0.0, 0.0, 0.2, 0.2)
    renderer.InteractiveOff()
    renderer.AddActor(_body())
    for letter, outwards, top, colour in _FACES:
        written = _written(letter, np.array(outwards), np.array(top))
        renderer.AddActor(_flat(written, (colour[0] / 255, colour[1] / 255, colour[2] / 255)))
        renderer.AddActor(_flat(_outline(written), (0.12, 0.13, 0.15)))
    return renderer


def _body() -> vtkActor:
    """Six squares, each with its own corners: their normals differ."""
    squares = [_square(np.array(outwards), np.array(top)) for _, outwards, top, _ in _FACES]
    normals = np.repeat([outwards for _, outwards, _, _ in _FACES], 4, axis=0)
    data = vtkPolyData()
    data.SetPoints(vtk_arrays.points(np.concatenate(squares).astype(np.float32)))
    data.SetPolys(vtk_arrays.cells(np.arange(24).reshape(6, 4)))
    data.GetPointData().SetNormals(vtk_arrays.data_array(normals.astype(np.float32)))
    actor = _actor(data)
    actor.GetProperty().SetColor(0.62, 0.65, 0.70)
    actor.GetProperty().SetAmbient(0.35)
    return actor


def _square(outwards: NDArray[np.int64], top: NDArray[np.int64]) -> NDArray[np.float64]:
    """(4, 3) corners in turn, counter-clockwise as seen from outside."""
    right = np.cross(top, outwards)
    corners = [outwards - right - top, outwards + right - top, outwards + right + top, outwards - right + top]
    return np.array(corners) * (_SIDE / 2)


def _written(letter: str, outwards: NDArray[np.int64], top: NDArray[np.int64]) -> vtkPolyData:
    """The letter's triangles, in the middle of its face."""
    source = vtkVectorText()
    source.SetText(letter)
    source.Update()
    data: vtkPolyData = source.GetOutput()
    flat = vtk_arrays.numpy_array(data.GetPoints().GetData())[:, :2].astype(np.float64)
    flat = (flat - (flat.min(axis=0) + flat.max(axis=0)) / 2) * _LETTER
    places = flat @ np.array([np.cross(top, outwards), top]) + outwards * (_SIDE / 2 + _ABOVE)
    data.SetPoints(vtk_arrays.points(places.astype(np.float32)))
    return data


def _outline(written: vtkPolyData) -> vtkPolyData:
    edges = vtkFeatureEdges()
    edges.SetInputData(written)
    edges.ColoringOff()
    edges.FeatureEdgesOff()
    edges.NonManifoldEdgesOff()
    edges.Update()
    found: vtkPolyData = edges.GetOutput()
    return found


def _flat(data: vtkPolyData, colour: tuple[float, float, float]) -> vtkActor:
    """Of one colour from wherever it is seen."""
    actor = _actor(data)
    look = actor.GetProperty()
    look.SetColor(*colour)
    look.LightingOff()
    return actor


def _actor(data: vtkPolyData) -> vtkActor:
    mapper = vtkPolyDataMapper()
    mapper.SetInputData(data)
    mapper.ScalarVisibilityOff()
    actor = vtkActor()
    actor.SetMapper(mapper)
    return actor
