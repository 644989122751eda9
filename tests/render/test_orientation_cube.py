"""The orientation cube looks as the one that VTK makes, which is too heavy to be given on."""

import numpy as np
import pytest
from PySide6.QtGui import QImage
from vtkmodules.vtkRenderingCore import vtkRenderer

from app.render.orientation_cube import orientation_cube
from app.render.vtk_widget import Canvas

SIDE = 300
FACES = {"XPlus": "R", "XMinus": "L", "YPlus": "A", "YMinus": "P", "ZPlus": "S", "ZMinus": "I"}
COLOURS = {"X": (130, 95, 0), "Y": (30, 100, 20), "Z": (165, 30, 20)}


def made_by_vtk():
    annotation = pytest.importorskip("vtkmodules.vtkRenderingAnnotation")
    cube = annotation.vtkAnnotatedCubeActor()
    for face, letter in FACES.items():
        getattr(cube, f"Set{face}FaceText")(letter)
        look = getattr(cube, f"Get{face}FaceProperty")()
        look.SetColor(*(c / 255 for c in COLOURS[face[0]]))
    cube.SetZFaceTextRotation(90)
    cube.SetFaceTextScale(0.6)
    cube.GetCubeProperty().SetColor(0.62, 0.65, 0.70)
    cube.GetCubeProperty().SetAmbient(0.35)
    cube.GetTextEdgesProperty().SetColor(0.12, 0.13, 0.15)
    renderer = vtkRenderer()
    renderer.AddActor(cube)
    return renderer


def picture(renderer, whence, up):
    canvas = Canvas()
    canvas.renderers.append(renderer)
    renderer.SetLayer(0)
    renderer.SetViewport(0, 0, 1, 1)
    camera = renderer.GetActiveCamera()
    camera.SetPosition(*(np.array(whence) / np.linalg.norm(whence) * 4.5))
    camera.SetFocalPoint(0, 0, 0)
    camera.SetViewUp(*up)
    renderer.ResetCameraClippingRange()
    image = canvas.render(SIDE, SIDE).convertToFormat(QImage.Format.Format_RGB32)
    pixels = np.array(image.constBits(), np.uint8).reshape(SIDE, SIDE, 4)[..., 2::-1].astype(int)
    canvas.close()
    return pixels


@pytest.mark.parametrize(
    ("whence", "up"),
    [
        ((1, 0, 0), (0, 0, 1)),
        ((-1, 0, 0), (0, 0, 1)),
        ((0, 1, 0), (0, 0, 1)),
        ((0, -1, 0), (0, 0, 1)),
        ((0, 0, 1), (0, 1, 0)),
        ((0, 0, -1), (0, 1, 0)),
        ((1, 1, 1), (0, 0, 1)),
        ((-1, -0.6, -0.4), (0, 0, 1)),
    ],
)
def test_from_everywhere_it_looks_as_vtks_own(qapp, whence, up):
    ours = picture(orientation_cube(), whence, up)
    theirs = picture(made_by_vtk(), whence, up)
    assert (ours > 0).any()
    assert len(np.unique(ours.reshape(-1, 3), axis=0)) >= 4  # ground, face, letter, its outline
    assert (ours != theirs).any(axis=-1).mean() < 0.001
