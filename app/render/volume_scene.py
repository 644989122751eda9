"""`VolumeScene`: the VTK side of the 3D view. Surfaces, the volume's box, slices. RAS mm."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from vtkmodules.vtkCommonDataModel import vtkImageData, vtkPolyData
from vtkmodules.vtkRenderingCore import vtkActor, vtkPolyDataMapper, vtkRenderer, vtkTexture

from app.geometry import Geometry, Index
from app.render import vtk_arrays
from app.render.colours import BACKGROUND, PLANE_COLOURS
from app.render.skin import Skin

_BOX_EDGES = np.array([[a, a | bit] for a in range(8) for bit in (1, 2, 4) if not a & bit])


class VolumeScene:
    """What the 3D view shows; every method leaves the camera alone."""

    def __init__(self, renderer: vtkRenderer) -> None:
        renderer.SetBackground(*(c / 255 for c in BACKGROUND))
        renderer.SetBackground2(*(min(1.0, c / 255 + 0.09) for c in BACKGROUND))
        renderer.GradientBackgroundOn()
        renderer.TwoSidedLightingOn()
        self._renderer = renderer
        self._surfaces: dict[int, vtkActor] = {}
        self._rehearsed: vtkActor | None = None
        self._framed: tuple[Geometry, Index] | None = None
        self._box = _line_actor()
        self._frames = [_line_actor() for _ in range(3)]
        self._slices = [_SlicePicture(renderer) for _ in range(3)]
        for actor in (self._box, *self._frames):
            renderer.AddActor(actor)
        self._box.GetProperty().SetColor(0.45, 0.48, 0.54)

    def clear(self) -> None:
        """Show nothing."""
        if self._rehearsed is not None:
            self._renderer.RemoveActor(self._rehearsed)
            self._rehearsed = None
        for label in list(self._surfaces):
            self.remove(label)
        self._framed = None
        for actor in (self._box, *self._frames):
            actor.VisibilityOff()
        for picture in self._slices:
            picture.hide()

    def rehearse(self) -> None:
        """Show a small dark surface and lines until `clear`: OpenGL compiles what draws them when it first does.

        In a frame drawn before there is a case this keeps nobody waiting; in the first picture it took 0.2 s.
        """
        corner = np.eye(3, dtype=np.float32)
        self.put(0, Skin(corner, corner, np.array([[0, 1, 2]], np.int32)))
        self._rehearsed = self._surfaces.pop(0)
        self._rehearsed.GetProperty().SetColor(*(c / 255 for c in BACKGROUND))
        self.frame(Geometry((2, 2, 2), np.eye(4)), (0, 0, 0))

    # Surfaces

    def put(self, label: int, skin: Skin) -> None:
        """Show a segment's surface, in place of the one it had."""
        data = vtkPolyData()
        data.SetPoints(vtk_arrays.points(skin.points))
        data.SetPolys(vtk_arrays.cells(skin.triangles))
        data.GetPointData().SetNormals(vtk_arrays.data_array(skin.normals))
        actor = self._surfaces.get(label) or self._new_surface(label)
        mapper = vtkPolyDataMapper()
        mapper.SetInputData(data)
        mapper.ScalarVisibilityOff()
        actor.SetMapper(mapper)

    def remove(self, label: int) -> None:
        """Take a segment's surface away."""
        actor = self._surfaces.pop(label, None)
        if actor is not None:
            self._renderer.RemoveActor(actor)

    def paint(self, label: int, colour: tuple[int, int, int], visible: bool) -> None:
        """Give a surface its segment's colour and visibility."""
        actor = self._surfaces.get(label)
        if actor is not None:
            actor.GetProperty().SetColor(*(c / 255 for c in colour))
            actor.SetVisibility(visible)

    @property
    def labels(self) -> tuple[int, ...]:
        """Segments that have a surface."""
        return tuple(self._surfaces)

    def _new_surface(self, label: int) -> vtkActor:
        actor = vtkActor()
        look = actor.GetProperty()
        look.SetAmbient(0.12)
        look.SetDiffuse(0.85)
        look.SetSpecular(0.18)
        look.SetSpecularPower(24)
        self._renderer.AddActor(actor)
        self._surfaces[label] = actor
        return actor

    def turn_cube(self, cube: vtkRenderer) -> None:
        """Show the orientation cube from where the scene is seen."""
        seen, camera = self._renderer.GetActiveCamera(), cube.GetActiveCamera()
        towards = np.subtract(seen.GetPosition(), seen.GetFocalPoint())
        camera.SetFocalPoint(0, 0, 0)
        camera.SetPosition(*(towards / np.linalg.norm(towards) * 4.5))
        camera.SetViewUp(*seen.GetViewUp())
        cube.ResetCameraClippingRange()

    # Box and slices

    def frame(self, geometry: Geometry, crosshair: Index) -> None:
        """The volume's box, and where the three slices cut it; at once where that is what is shown."""
        if self._framed == (geometry, crosshair):
            return
        self._framed = geometry, crosshair
        far = np.array(geometry.shape) - 0.5
        corners = np.array([[far[a] if n >> a & 1 else -0.5 for a in range(3)] for n in range(8)])
        _set_lines(self._box, geometry.world(corners), _BOX_EDGES)
        for axis, actor in enumerate(self._frames):
            rim = geometry.world(_rim(geometry.shape, axis, crosshair[axis]))
            _set_lines(actor, rim, np.array([[0, 1], [1, 2], [2, 3], [3, 0]]))
            actor.GetProperty().SetColor(*(c / 255 for c in PLANE_COLOURS[geometry.world_axes[axis]]))

    def show_slice(self, axis: int, geometry: Geometry, index: int, grey: NDArray[np.uint8]) -> None:
        """The slice across an array axis as a picture in space; `grey` is (first other axis, second other axis)."""
        self._slices[axis].show(geometry.world(_rim(geometry.shape, axis, index)), grey)

    def hide_slices(self) -> None:
        """Show the slices' frames only."""
        for picture in self._slices:
            picture.hide()


class _SlicePicture:
    """A textured rectangle."""

    def __init__(self, renderer: vtkRenderer) -> None:
        self._image, self._texture, self._actor = vtkImageData(), vtkTexture(), vtkActor()
        self._texture.SetInputData(self._image)
        self._texture.InterpolateOn()
        self._actor.SetTexture(self._texture)
        self._actor.GetProperty().LightingOff()
        self._actor.VisibilityOff()
        renderer.AddActor(self._actor)

    def hide(self) -> None:
        self._actor.VisibilityOff()

    def show(self, rim: NDArray[np.float64], grey: NDArray[np.uint8]) -> None:
        rows, columns = grey.shape
        self._image.SetDimensions(columns, rows, 1)
        self._image.GetPointData().SetScalars(vtk_arrays.data_array(np.repeat(grey.reshape(-1, 1), 3, axis=1)))
        self._image.Modified()
        data = vtkPolyData()
        data.SetPoints(vtk_arrays.points(rim.astype(np.float32)))
        data.SetPolys(vtk_arrays.cells(np.array([[0, 1, 2, 3]])))
        data.GetPointData().SetTCoords(vtk_arrays.data_array(np.array([[0, 0], [0, 1], [1, 1], [1, 0]], np.float32)))
        mapper = vtkPolyDataMapper()
        mapper.SetInputData(data)
        mapper.SetResolveCoincidentTopologyToPolygonOffset()  # its frame lies in the same plane and shall be seen
        mapper.SetRelativeCoincidentTopologyPolygonOffsetParameters(1.0, 2.0)
        self._actor.SetMapper(mapper)
        self._actor.VisibilityOn()


def _rim(shape: Index, axis: int, index: int) -> NDArray[np.float64]:
    """(4, 3) corners of a slice in turn: the two other axes at (low, low), (high, low), (high, high), (low, high)."""
    first, second = (a for a in range(3) if a != axis)
    corners = np.full((4, 3), float(index))
    corners[:, first] = [-0.5, shape[first] - 0.5, shape[first] - 0.5, -0.5]
    corners[:, second] = [-0.5, -0.5, shape[second] - 0.5, shape[second] - 0.5]
    return corners


def _line_actor() -> vtkActor:
    actor = vtkActor()
    actor.SetMapper(vtkPolyDataMapper())
    actor.GetProperty().LightingOff()
    actor.VisibilityOff()
    actor.PickableOff()
    return actor


def _set_lines(actor: vtkActor, places: NDArray[np.float64], ends: NDArray[np.int64]) -> None:
    data = vtkPolyData()
    data.SetPoints(vtk_arrays.points(places.astype(np.float32)))
    data.SetLines(vtk_arrays.cells(ends))
    actor.GetMapper().SetInputDataObject(data)
    actor.VisibilityOn()
