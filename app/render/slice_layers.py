"""`SliceLayers`: the VTK side of a slice view. Grey image, uncertainty, segments and their outlines, in plane mm."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from vtkmodules.vtkCommonDataModel import vtkImageData, vtkPolyData
from vtkmodules.vtkRenderingCore import vtkActor, vtkImageSlice, vtkImageSliceMapper, vtkPolyDataMapper, vtkRenderer

from app.render import vtk_arrays
from app.render.picking import Viewport


class Layer:
    """A flat picture at a height above the plane; hidden until it is given pixels."""

    def __init__(self, renderer: vtkRenderer, height: float, linear: bool) -> None:
        self._data = vtkImageData()
        self._mapper = vtkImageSliceMapper()
        self._mapper.SetInputData(self._data)
        self._mapper.BorderOn()  # the outer half voxel belongs to the picture
        self._actor = vtkImageSlice()
        self._actor.SetMapper(self._mapper)
        self._actor.SetPosition(0, 0, height)
        self._actor.GetProperty().SetColorWindow(255)
        self._actor.GetProperty().SetColorLevel(127.5)
        self._actor.VisibilityOff()
        self.interpolate(linear)
        renderer.AddViewProp(self._actor)

    def interpolate(self, linear: bool) -> None:
        """Smooth between voxels, or show each as a rectangle."""
        current = self._actor.GetProperty()
        if linear:
            current.SetInterpolationTypeToLinear()
        else:
            current.SetInterpolationTypeToNearest()

    def hide(self) -> None:
        """Show nothing."""
        self._actor.VisibilityOff()

    def show(
        self, pixels: NDArray[np.uint8], spacing: tuple[float, float], origin: tuple[float, float] = (0.0, 0.0)
    ) -> None:
        """Show (rows upwards, columns) grey or (rows, columns, 4) colour levels.

        Args:
            spacing: Millimetres per column and per row.
            origin: (u, v) of the first pixel's centre.
        """
        rows, columns = pixels.shape[:2]
        self._data.SetDimensions(columns, rows, 1)
        self._data.SetSpacing(*spacing, 1.0)
        self._data.SetOrigin(*origin, 0.0)
        flat = np.ascontiguousarray(pixels).reshape(rows * columns, -1)
        self._data.GetPointData().SetScalars(vtk_arrays.data_array(flat))
        self._data.Modified()
        self._actor.VisibilityOn()


class OutlineLayer:
    """Lines along voxel borders in the segments' colours."""

    def __init__(self, renderer: vtkRenderer, height: float) -> None:
        self._height = height
        self._mapper = vtkPolyDataMapper()
        self._actor = vtkActor()
        self._actor.SetMapper(self._mapper)
        self._actor.GetProperty().LightingOff()
        self._actor.VisibilityOff()
        renderer.AddViewProp(self._actor)

    def hide(self) -> None:
        """Show nothing."""
        self._actor.VisibilityOff()

    def show(self, lines: NDArray[np.float32], colours: NDArray[np.uint8], width: float) -> None:
        """Show (n, 2, 2) line ends in plane millimetres with (n, 3) colours, `width` device pixels wide."""
        ends = np.full((2 * len(lines), 3), self._height, np.float32)
        ends[:, :2] = lines.reshape(-1, 2)
        data = vtkPolyData()
        data.SetPoints(vtk_arrays.points(ends))
        data.SetLines(vtk_arrays.cells(np.arange(2 * len(lines)).reshape(-1, 2)))
        data.GetCellData().SetScalars(vtk_arrays.data_array(colours))
        self._mapper.SetInputData(data)
        self._actor.GetProperty().SetLineWidth(width)
        self._actor.SetVisibility(bool(len(lines)))


class SliceLayers:
    """Everything of a slice view that VTK draws, bottom to top, seen by a camera that a `Viewport` places."""

    def __init__(self, renderer: vtkRenderer) -> None:
        renderer.SetBackground(0, 0, 0)
        self._camera = renderer.GetActiveCamera()
        self._camera.ParallelProjectionOn()
        self.image = Layer(renderer, 0.0, linear=True)
        self.labels = Layer(renderer, 1.0, linear=False)
        self.heat = Layer(renderer, 2.0, linear=True)
        self.outlines = OutlineLayer(renderer, 3.0)

    def look(self, viewport: Viewport) -> None:
        """Place the camera."""
        u, v = viewport.centre
        self._camera.SetFocalPoint(u, v, 0)
        self._camera.SetPosition(u, v, 10)
        self._camera.SetViewUp(0, 1, 0)
        self._camera.SetParallelScale(viewport.height / viewport.scale / 2)
        self._camera.SetClippingRange(1, 20)

    def rehearse(self, shape: tuple[int, int]) -> None:
        """Show a little of everything, all of it black: OpenGL compiles what draws a layer when it is first drawn.

        In a frame drawn before there is a case this keeps nobody waiting; in the first picture it took 0.3 s.

        Args:
            shape: Rows and columns; for a power of two and for other numbers Mesa compiles anew.
        """
        dark = np.zeros((*shape, 4), np.uint8)
        dark[..., 3] = 128
        self.image.show(dark[..., 0], (1.0, 1.0))
        for layer in (self.labels, self.heat):
            layer.show(dark, (1.0, 1.0))
        self.outlines.show(np.array([[[0, 0], [1, 1]]], np.float32), np.zeros((1, 3), np.uint8), 1.4)
        self.look(Viewport(16, 16, (2, 2), (0.5, 0.5)))

    def hide(self) -> None:
        """Show nothing."""
        for layer in (self.image, self.labels, self.heat, self.outlines):
            layer.hide()
