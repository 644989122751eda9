"""Turning, moving and zooming a camera with the mouse, in logical pixels."""

from __future__ import annotations

import numpy as np
from vtkmodules.vtkRenderingCore import vtkCamera

_DEGREES = 0.45  # per pixel


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
    focus, place = np.array(camera.GetFocalPoint()), np.array(camera.GetPosition())
    up = np.array(camera.GetViewUp())
    forwards = focus - place
    distance = float(np.linalg.norm(forwards))
    right = np.cross(forwards / distance, up)
    right /= np.linalg.norm(right)
    up = np.cross(right, forwards / distance)
    millimetres = 2 * distance * np.tan(np.deg2rad(camera.GetViewAngle()) / 2) / max(height, 1.0)
    move = (y * up - x * right) * millimetres
    camera.SetFocalPoint(*(focus + move))
    camera.SetPosition(*(place + move))
