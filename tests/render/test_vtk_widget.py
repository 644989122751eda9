"""What a VTK widget takes of an event loop's pass: its first paint waits for its turn, frames use the same memory."""

import numpy as np
from vtkmodules.vtkRenderingCore import vtkRenderer

from app.render.vtk_widget import Canvas, VtkWidget
from tests.render.cases import is_near

BLUE, RED = (0.0, 0.0, 1.0), (1.0, 0.0, 0.0)
SIDE = 120


def test_the_first_paint_shows_the_background_and_asks_for_its_turn(qtbot, frames):
    widget = VtkWidget()
    qtbot.addWidget(widget)
    widget.renderer.SetBackground(*BLUE)
    widget.resize(SIDE, SIDE)
    asked = []
    widget.schedule_render = lambda: asked.append(widget)
    picture = widget.grab().toImage()
    assert not frames
    assert asked
    assert {picture.pixelColor(x, y).name() for x in (0, SIDE - 1) for y in (0, SIDE - 1)} == {"#0000ff"}


def test_its_turn_comes(qtbot, frames):
    widget = VtkWidget()
    qtbot.addWidget(widget)
    widget.renderer.SetBackground(*BLUE)
    widget.resize(SIDE, SIDE)
    widget.show()
    qtbot.waitUntil(lambda: len(frames) == 1)
    assert is_near(widget.pixels(), (0, 0, 255), 2).all()


def test_frames_of_one_size_are_written_into_the_same_memory():
    canvas, renderer = Canvas(), vtkRenderer()
    canvas.renderers.append(renderer)

    def frame(width, height, colour):
        renderer.SetBackground(*colour)
        image = canvas.render(width, height)
        assert (image.width(), image.height()) == (width, height)
        corners = [(x, y) for x in (0, width - 1) for y in (0, height - 1)]
        name = "#" + "".join(f"{round(255 * part):02x}" for part in colour)
        assert {image.pixelColor(x, y).name() for x, y in corners} == {name}
        return np.frombuffer(image.constBits(), np.uint8).__array_interface__["data"][0]

    first = frame(60, 40, BLUE)
    assert frame(60, 40, RED) == first
    assert frame(70, 80, BLUE) != first
    frame(40, 60, RED)  # fewer rows than before


def test_a_frame_is_not_upside_down():
    canvas, renderer = Canvas(), vtkRenderer()
    canvas.renderers.append(renderer)
    renderer.SetBackground(*RED)
    renderer.SetBackground2(*BLUE)  # above
    renderer.SetGradientBackground(True)
    image = canvas.render(20, 30)
    assert image.pixelColor(10, 0).blue() > 200 > 60 > image.pixelColor(10, 0).red()
    assert image.pixelColor(10, 29).red() > 200 > 60 > image.pixelColor(10, 29).blue()
