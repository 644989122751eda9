"""A VTK widget's first paint: it waits for its turn instead of holding up the pass in which the window appears."""

from app.render.vtk_widget import VtkWidget
from tests.render.cases import is_near

BLUE = (0.0, 0.0, 1.0)
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
