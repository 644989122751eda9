"""Fixtures of the render tests: views that are shown, and a count of frames."""

import pytest

from app.render.slice_view import SliceView
from app.render.vtk_widget import Canvas
from tests.render.cases import AXIAL, SIZE


@pytest.fixture
def show(qtbot):
    """Makes a slice view of a document."""
    views = []

    def make(document, view, world_axis=AXIAL):
        made = SliceView(world_axis)
        qtbot.addWidget(made)
        made.resize(SIZE, SIZE)
        made.set_case(document, view)
        made.show()
        qtbot.waitExposed(made)
        views.append(made)
        return made

    return make


@pytest.fixture
def frames(monkeypatch):
    """Counts VTK frames."""
    drawn = []
    render = Canvas.render
    monkeypatch.setattr(Canvas, "render", lambda self, *size: drawn.append(size) or render(self, *size))
    return drawn
