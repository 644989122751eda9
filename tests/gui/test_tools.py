"""The mouse in slice views, grammar by grammar, over a view that is a plain grid of pixels."""

from __future__ import annotations

from dataclasses import dataclass
from unittest.mock import create_autospec

import pytest
from PySide6.QtCore import QPoint, QPointF, Qt

from app.document import Document
from app.errors import AppError, BadInput
from app.geometry import Geometry
from app.prompts import Box, Point, Scribble
from app.render.slice_view import SliceView
from app.session import Session
from app.ui.tools import Mouse, line, step_slice
from app.view_state import ViewState, Window

LEFT, MIDDLE, RIGHT = Qt.MouseButton.LeftButton, Qt.MouseButton.MiddleButton, Qt.MouseButton.RightButton
NONE = Qt.KeyboardModifier.NoModifier
CTRL, SHIFT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier


@dataclass
class Event:
    """What tools read of a mouse or wheel event."""

    at: tuple[float, float]
    pressed: Qt.MouseButton = LEFT
    keys: Qt.KeyboardModifier = NONE
    angle: int = 0

    def position(self):
        return QPointF(*self.at)

    def button(self):
        return self.pressed

    def buttons(self):
        return self.pressed

    def modifiers(self):
        return self.keys

    def angleDelta(self):  # noqa: N802  # Qt's name
        return QPoint(0, self.angle)


class Desk:
    """A mouse over a view of 28 by 24 voxels of 10 pixels each, on slice 5 across axis 0."""

    def __init__(self, volume):
        self.session = create_autospec(Session, instance=True)
        self.session.view = ViewState()
        self.session.view.crosshair = (5, 12, 14)
        self.session.document = create_autospec(Document, instance=True)
        self.session.document.volume = volume
        self.view = create_autospec(SliceView, instance=True)
        self.view.axis = 0
        self.view.document = self.session.document
        self.view.prompt_at.return_value = None
        self.view.index_at.side_effect = self._inside
        self.view.clamped_index_at.side_effect = self._clamped
        self.added, self.errors, self.maximised, self.worked = [], [], [], []
        self.mouse = self.made(self.added.append)

    def made(self, add):
        return Mouse(self.session, add, self.maximised.append, self.worked.append, self.errors.append)

    def _inside(self, pixel):
        j, i = int(pixel.y() // 10), int(pixel.x() // 10)
        return (5, j, i) if 0 <= j < 24 and 0 <= i < 28 else None

    def _clamped(self, pixel):
        return 5, min(max(int(pixel.y() // 10), 0), 23), min(max(int(pixel.x() // 10), 0), 27)

    def drag(self, *places, pressed=LEFT, keys=NONE):
        self.mouse.press(self.view, Event(places[0], pressed, keys))
        for place in places[1:]:
            self.mouse.move(self.view, Event(place, pressed, keys))
        self.mouse.release(self.view, Event(places[-1], pressed, keys))


@pytest.fixture
def desk(volume):
    return Desk(volume)


def test_a_click_with_the_point_tool_includes_and_with_ctrl_excludes(desk):
    desk.session.view.tool = "point"
    desk.drag((35, 45))
    desk.drag((35, 45), keys=CTRL)
    assert desk.added == [Point((5, 4, 3), axis=0), Point((5, 4, 3), False, axis=0)]


def test_the_sign_turned_by_t_is_what_ctrl_inverts(desk):
    desk.session.view.tool = "point"
    desk.session.view.positive = False
    desk.drag((35, 45))
    desk.drag((35, 45), keys=CTRL)
    assert [prompt.positive for prompt in desk.added] == [False, True]


def test_a_click_outside_the_image_says_nothing_and_adds_nothing(desk):
    for tool in ("point", "scribble"):
        desk.session.view.tool = tool
        desk.drag((-20, 45))
    assert desk.added == []
    assert desk.errors == []


def test_a_box_is_dragged_and_ends_at_the_border_of_the_image(desk):
    desk.session.view.tool = "box"
    desk.drag((35, 45), (60, 80), (500, 500))
    assert desk.added == [Box((5, 4, 3), (5, 23, 27))]
    desk.view.set_preview.assert_called_with(None)


def test_a_click_without_a_drag_is_no_box(desk):
    desk.session.view.tool = "box"
    desk.drag((35, 45), (36, 45))
    assert desk.added == []


def test_a_scribble_leaves_no_voxel_out(desk):
    desk.session.view.tool = "scribble"
    desk.drag((5, 5), (95, 45), keys=CTRL)
    (scribble,) = desk.added
    assert isinstance(scribble, Scribble)
    assert not scribble.positive
    assert scribble.indices[0] == (5, 0, 0)
    assert scribble.indices[-1] == (5, 4, 9)
    for a, b in zip(scribble.indices, scribble.indices[1:], strict=False):
        assert max(abs(x - y) for x, y in zip(a, b, strict=True)) == 1


def test_escape_gives_a_drag_up(desk):
    desk.session.view.tool = "box"
    desk.mouse.press(desk.view, Event((35, 45)))
    desk.mouse.move(desk.view, Event((95, 95)))
    assert desk.mouse.cancel()
    desk.mouse.release(desk.view, Event((95, 95)))
    assert desk.added == []
    assert not desk.mouse.cancel()


def test_the_crosshair_follows_a_left_drag_and_shift_move_with_any_tool(desk):
    desk.session.view.tool = "crosshair"
    desk.drag((35, 45), (55, 65))
    assert desk.session.view.crosshair == (5, 6, 5)
    desk.session.view.tool = "box"
    desk.mouse.move(desk.view, Event((15, 25), Qt.MouseButton.NoButton, SHIFT))
    assert desk.session.view.crosshair == (5, 2, 1)


def test_window_drag_right_is_wider_and_up_is_darker(desk):
    desk.session.view.tool = "window"
    desk.session.view.window = Window.of(50, 100)
    desk.drag((100, 100), (150, 100))
    assert desk.session.view.window.width > 100
    assert desk.session.view.window.level == pytest.approx(50)
    desk.drag((100, 100), (100, 50))
    assert desk.session.view.window.level > 50


@pytest.mark.parametrize(("pressed", "keys"), [(MIDDLE, NONE), (LEFT, SHIFT)])
def test_middle_and_shift_left_pan_with_every_tool(desk, pressed, keys):
    for tool in desk.mouse.tools:
        desk.session.view.tool = tool
        desk.drag((10, 10), (25, 30), pressed=pressed, keys=keys)
        desk.view.pan_by.assert_called_with(QPointF(15, 20))
    assert desk.added == []


def test_space_turns_left_into_pan(desk):
    desk.session.view.tool = "point"
    desk.mouse.space_held = True
    desk.drag((10, 10), (25, 30))
    desk.view.pan_by.assert_called_with(QPointF(15, 20))
    assert desk.added == []


def test_right_drag_up_and_ctrl_wheel_zoom_in(desk):
    desk.drag((50, 80), (50, 20), pressed=RIGHT)
    assert desk.view.zoom_by.call_args.args[0] > 1
    desk.mouse.wheel(desk.view, Event((50, 50), keys=CTRL, angle=-120))
    assert desk.view.zoom_by.call_args.args == (pytest.approx(1 / 1.15), QPointF(50, 50))


def test_the_wheel_steps_slices_and_small_turns_add_up(desk):
    desk.mouse.wheel(desk.view, Event((50, 50), angle=120))
    assert desk.session.view.crosshair == (6, 12, 14)
    for _ in range(4):
        desk.mouse.wheel(desk.view, Event((50, 50), angle=-30))
    assert desk.session.view.crosshair == (5, 12, 14)
    desk.mouse.wheel(desk.view, Event((50, 50), angle=-30))
    assert desk.session.view.crosshair == (5, 12, 14)


def test_slices_end_at_the_image(desk):
    step_slice(desk.session, desk.view, 500)
    assert desk.session.view.crosshair == (19, 12, 14)
    step_slice(desk.session, desk.view, -500)
    assert desk.session.view.crosshair == (0, 12, 14)


def test_up_is_towards_the_head_even_where_slices_run_the_other_way(desk, volume):
    affine = volume.geometry.affine.copy()
    affine[:, 2] *= -1
    desk.session.document.volume = create_autospec(type(volume), instance=True)
    desk.session.document.volume.geometry = Geometry(volume.shape, affine)
    step_slice(desk.session, desk.view, 1)
    assert desk.session.view.crosshair[0] == 4


def test_double_click_maximises_but_never_eats_a_point(desk):
    desk.session.view.tool = "crosshair"
    desk.mouse.double_click(desk.view, Event((35, 45)))
    assert desk.maximised == [desk.view]
    desk.session.view.tool = "point"
    desk.mouse.double_click(desk.view, Event((35, 45)))
    assert desk.maximised == [desk.view]
    assert desk.added == [Point((5, 4, 3), axis=0)]


def test_an_error_of_a_click_is_told(volume):
    desk = Desk(volume)
    desk.session.view.tool = "point"

    def refuse(prompt):
        raise BadInput("Liver is locked.", "Unlock it.")

    desk.mouse = desk.made(refuse)
    desk.drag((35, 45))
    assert [str(error) for error in desk.errors] == ["Liver is locked. Unlock it."]
    assert isinstance(desk.errors[0], AppError)


def test_without_a_case_the_mouse_does_nothing(desk):
    desk.view.document = None
    desk.session.view.tool = "point"
    desk.drag((35, 45))
    assert desk.added == []


def test_a_line_has_every_voxel_on_the_way():
    assert line((0, 0, 0), (0, 2, 4)) == [(0, 0, 1), (0, 1, 2), (0, 2, 3), (0, 2, 4)]
    assert line((1, 1, 1), (1, 1, 1)) == []


def test_a_press_and_the_wheel_tell_where_work_is_done(desk):
    desk.drag((35, 45))
    desk.mouse.wheel(desk.view, Event((50, 50), angle=120))
    assert desk.worked == [desk.view] * 2
    desk.mouse.move(desk.view, Event((35, 45), Qt.MouseButton.NoButton))
    assert len(desk.worked) == 2
