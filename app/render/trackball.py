"""Turning, moving and zooming a camera with the mouse, and its lines of sight, in logical pixels."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from vtkmodules.vtkRenderingCore import vtkCamera

Floats = NDArray[np.float64]

_DEGREES = 0.45  # per pixel
_RIM = 0.06  # of the view, free around what was fitted into it


def rotate(camera: vtkCamera, x: float, y: float) -> None:
    """The scene follows the mouse by (x, y) pixels, y down."""
    camera.Azimuth(-x * _DEGREES)
    camera.Elevation(y * _DEGREES)
    camera.OrthogonalizeViewUp()


def zoom(camera: vtkCamera, factor: float) -> None:
    """Closer by a factor."""
    camera.Dolly(factor)


def pan(camera: vtkCamera, x: float, y: float, height: float) -> None:
    """The scene's middle follows the mouse by (x, y) pixels, y down, in a view `height` pixels high."""
    right, up, forwards = _frame(camera)
    millimetres = 2 * np.linalg.norm(forwards) * np.tan(np.deg2rad(camera.GetViewAngle()) / 2) / max(height, 1.0)
    move = (y * up - x * right) * millimetres
    camera.SetFocalPoint(*(np.array(camera.GetFocalPoint()) + move))
    camera.SetPosition(*(np.array(camera.GetPosition()) + move))


def fit(camera: vtkCamera, places: Floats, width: float, height: float) -> None:
    """Back off, or come closer, until all of `places` (n, 3) just show in a view of that many pixels."""
    right, up, forwards = _frame(camera)
    towards = -forwards / np.linalg.norm(forwards)
    steep = np.tan(np.deg2rad(camera.GetViewAngle()) / 2) * (1 - _RIM)
    away = places - np.array(camera.GetFocalPoint())
    wide, high = np.abs(away @ right) / (steep * width / max(height, 1.0)), np.abs(away @ up) / steep
    distance = float((away @ towards + np.maximum(wide, high)).max())
    camera.SetPosition(*(np.array(camera.GetFocalPoint()) + distance * towards))


def line_of_sight(camera: vtkCamera, x: float, y: float, width: float, height: float) -> tuple[Floats, Floats]:
    """Where the line through a pixel, y down, starts, and its direction; both in world coordinates."""
    right, up, forwards = _frame(camera)
    side = np.tan(np.deg2rad(camera.GetViewAngle()) / 2) / (height / 2)
    forwards = forwards / np.linalg.norm(forwards)
    direction = forwards + side * ((x - width / 2) * right - (y - height / 2) * up)
    return np.array(camera.GetPosition()), direction / np.linalg.norm(direction)


def _frame(camera: vtkCamera) -> tuple[Floats, Floats, Floats]:
    """Unit vectors to the right and up on the screen, and the way from the camera to its focus."""
    forwards = np.subtract(camera.GetFocalPoint(), camera.GetPosition())
    right = np.cross(forwards, camera.GetViewUp())
    right = right / np.linalg.norm(right)
    return right, np.cross(right, forwards / np.linalg.norm(forwards)), forwards
