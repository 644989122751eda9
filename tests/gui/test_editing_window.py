"""Corrections in the real window with real mouse events: brush, outline, lasso, dragged prompts."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import Qt

from app.geometry import Region
from app.prompts import Box, Point, Scribble, SliceMask
from tests.gui.hand import AXES, CTRL, MIDDLE, NONE, RIGHT, SHIFT, hand, moved, painted

__all__ = ["hand", "painted"]  # fixtures


# Brush and outline


def test_the_brush_paints_in_every_view_on_its_slice_and_each_stroke_is_one_step(hand):
    hand.take("brush")
    hand.session.corrections.change_brush(millimetres=3.0)
    for axis in AXES:
        before, steps = hand.labels, len(hand.steps)
        hand.drag(axis, moved(axis, MIDDLE, -3), MIDDLE, moved(axis, MIDDLE, 3))
        differs = np.nonzero(hand.labels != before)
        assert set(differs[axis].tolist()) == {MIDDLE[axis]}
        assert hand.labels[moved(axis, MIDDLE, 3)] == 1
        assert hand.steps[-1] == "Paint Segment 1"
        assert len(hand.steps) == steps + (2 if axis == 0 else 1)  # the first stroke makes the segment
        hand.do("undo")
        assert (hand.labels == before).all()


def test_a_ball_paints_over_slices_and_what_is_drawn_is_seen_before_the_button_is_released(hand):
    hand.take("brush")
    hand.session.corrections.change_brush(millimetres=3.0, ball=True)
    hand.press(0, MIDDLE)
    hand.move(0, (10, 12, 18))
    assert not hand.labels.any()
    region, values = hand.session.corrections.preview.crop(Region.plane(hand.labels.shape, 0, 11))
    assert values.any()
    hand.release(0, (10, 12, 18))
    assert (hand.labels[region.slices] == values).all()
    assert hand.session.corrections.preview is None


def test_esc_gives_a_stroke_up(painted):
    before, steps = painted.labels, painted.steps
    painted.take("brush")
    painted.press(0, (10, 20, 22))
    painted.move(0, (10, 22, 24))
    painted.window.commands.escape()
    painted.release(0, (10, 22, 24))
    assert (painted.labels == before).all()
    assert painted.steps == steps
    assert painted.session.corrections.preview is None


def test_the_right_button_and_ctrl_erase_and_the_eraser_paints_with_them(painted):
    painted.session.corrections.change_brush(millimetres=1.0)
    painted.take("brush")
    painted.drag(0, MIDDLE, (10, 12, 16), button=RIGHT)
    assert not painted.labels[10, 12, 14:17].any()
    painted.drag(0, (10, 9, 10), (10, 9, 11), keys=CTRL)
    assert not painted.labels[10, 9, 10]
    painted.take("eraser")
    painted.drag(0, (10, 15, 10), (10, 15, 11))
    assert not painted.labels[10, 15, 10]
    painted.drag(0, MIDDLE, (10, 12, 16), button=RIGHT)
    assert painted.labels[10, 12, 15] == 1
    assert painted.steps[-4:] == ["Erase Liver", "Erase Liver", "Erase Liver", "Paint Liver"]


def test_shift_and_wheel_or_brackets_size_the_brush_and_leave_the_slice(hand):
    hand.take("brush")
    size = hand.session.corrections.brush.millimetres
    hand.wheel(0, 2, SHIFT)
    assert hand.session.corrections.brush.millimetres > 1.3 * size
    assert hand.session.view.crosshair == MIDDLE
    for _ in range(2):
        hand.do("brush-smaller")
    assert hand.session.corrections.brush.millimetres == pytest.approx(size)
    hand.wheel(0, 1, NONE)
    assert hand.session.view.crosshair != MIDDLE


def test_a_locked_segment_is_neither_painted_nor_painted_over(painted):
    wall = painted.labels == 1
    painted.session.change_segment(1, locked=True)
    painted.take("brush")
    painted.drag(0, MIDDLE, (10, 12, 16))
    assert "locked" in painted.window.banner.text
    painted.session.add_segment("Tumour")
    painted.session.corrections.change_brush(take_others=True)
    painted.drag(0, MIDDLE, (10, 20, 24))
    assert ((painted.labels == 1) == wall).all()
    assert (painted.labels == 2).any()


def test_an_outline_is_drawn_freehand_or_corner_by_corner(hand):
    hand.take("outline")
    hand.drag(0, (10, 4, 4), (10, 4, 12), (10, 12, 12), (10, 12, 4))
    assert hand.labels[10, 8, 8] == 1
    assert not hand.labels[9].any()
    for index in ((10, 4, 4), (10, 4, 12), (10, 12, 12)):
        hand.click(0, index, keys=CTRL)
    assert hand.labels[10, 6, 10] == 1
    hand.window.commands.accept()
    assert hand.labels[10, 6, 10] == 0
    assert hand.steps[-2:] == ["Outline on Segment 1", "Cut out of Segment 1"]


def test_esc_gives_an_outline_up_and_another_tool_too(hand):
    hand.take("outline")
    for index in ((10, 4, 4), (10, 4, 12), (10, 12, 12)):
        hand.click(0, index)
    hand.window.commands.escape()
    hand.window.commands.accept()
    assert not hand.labels.any()
    hand.click(0, (10, 4, 4))
    hand.window.commands.use_tool("point")
    assert not hand.window.mouse.accept()


# Prompts


def test_box_scribble_and_lasso_prompts_lie_on_the_slice_of_their_view(hand, settle):
    for axis in AXES:
        a, b = moved(axis, MIDDLE, -3), moved(axis, MIDDLE, 3)
        side = list(b)
        side[2 if axis != 2 else 1] += 5
        c = tuple(side)
        hand.take("box")
        hand.drag(axis, a, c)
        hand.take("scribble")
        hand.drag(axis, a, b)
        hand.take("lasso")
        hand.drag(axis, a, b, c)
        settle()
        box, scribble, lasso = hand.session.prompts(1)[-3:]
        assert isinstance(box, Box)
        assert isinstance(scribble, Scribble)
        assert isinstance(lasso, SliceMask)
        assert lasso.axis == axis
        for prompt in (box, scribble, lasso):
            region = prompt.region()
            assert (region.start[axis], region.shape[axis]) == (MIDDLE[axis], 1)
        hand.session.reset_segment(1)


def test_lassos_on_one_slice_add_up_and_one_that_excludes_is_cut_out(hand, settle):
    hand.take("lasso")
    hand.drag(0, (10, 2, 2), (10, 2, 9), (10, 9, 9), (10, 9, 2))
    hand.drag(0, (10, 14, 14), (10, 14, 21), (10, 21, 21), (10, 21, 14))
    settle()
    (both,) = hand.session.prompts(1)
    assert both.mask[5, 5]
    assert both.mask[17, 17]
    label = hand.session.case.segment(1).label
    hand.session.case.edit(label, Region((10, 14, 14), (11, 20, 20)), np.ones((1, 6, 6), bool), "Put")
    hand.drag(0, (10, 13, 13), (10, 13, 18), (10, 24, 18), (10, 24, 13), keys=CTRL)
    settle()
    (cut,) = hand.session.prompts(1)
    assert not cut.mask[16, 15]
    assert cut.mask[16, 19]


def test_a_point_is_dragged_in_a_view_and_its_mask_follows(hand, settle):
    hand.take("point")
    hand.click(0, MIDDLE)
    settle()
    assert hand.labels[MIDDLE] == 1
    hand.drag(0, MIDDLE, (10, 16, 18), (10, 18, 20))
    settle()
    (point,) = hand.session.prompts(1)
    assert point.index == (10, 18, 20)
    assert hand.labels[10, 18, 20] == 1
    assert hand.steps[-1] == "Change prompts of Segment 1"
    hand.do("undo")
    assert hand.session.prompts(1)[0].index == MIDDLE


def test_an_edge_of_a_box_is_dragged_and_esc_puts_it_back(hand, settle):
    hand.session.add_segment()
    hand.session.add_prompt(1, Box((10, 6, 6), (10, 16, 18)))
    settle()
    hand.take("box")
    hand.drag(0, (10, 11, 18), (10, 11, 20), (10, 11, 23))
    settle()
    assert hand.session.prompts(1) == (Box((10, 6, 6), (10, 16, 23)),)
    hand.press(0, (10, 11, 23))
    hand.move(0, (10, 11, 10))
    hand.window.commands.escape()
    assert hand.session.prompts(1) == (Box((10, 6, 6), (10, 16, 23)),)


def test_a_point_is_chosen_by_a_click_then_turned_or_deleted_by_a_key(hand, settle):
    hand.take("point")
    for index in (MIDDLE, (10, 6, 6)):
        hand.click(0, index)
    settle()
    hand.click(0, MIDDLE)
    settle()
    panel = hand.window.prompts
    assert panel.selected == hand.session.prompts(1)[0]
    assert len(hand.session.prompts(1)) == 2
    hand.do("flip-prompt")
    settle()
    assert [prompt.positive for prompt in hand.session.prompts(1)] == [False, True]
    assert panel.selected == hand.session.prompts(1)[0]
    hand.do("delete-prompt")
    settle()
    assert [prompt.index for prompt in hand.session.prompts(1)] == [(10, 6, 6)]


def test_each_segment_keeps_its_prompts_and_a_click_on_a_line_looks_at_one(hand, settle):
    for name, index in (("A", (10, 6, 6)), ("B", (10, 18, 20))):
        hand.session.add_segment(name)
        hand.session.add_prompt(hand.session.view.active, Point(index))
    settle()
    panel = hand.window.prompts
    hand.session.view.active = 1
    assert [panel.list.item(n).data(Qt.ItemDataRole.UserRole).index for n in range(panel.list.count())] == [(10, 6, 6)]
    panel.list.itemClicked.emit(panel.list.item(0))
    assert hand.session.view.crosshair == (10, 6, 6)
