"""The table of actions: keys do not collide, and each does what it says, by its key, in the real window."""

from __future__ import annotations

import re
from collections import Counter

import pytest
from PySide6.QtCore import QEvent, QSettings, Qt
from PySide6.QtGui import QKeySequence, QMouseEvent

from app.engine.speeds import Speed
from app.prompts import Point
from app.ui.icons import RESOURCES
from app.ui.table import MENUS, ROWS, TOOL_BAR
from app.view_state import CT_PRESETS, Window

CONTRACT = {
    "point": "P", "box": "B", "scribble": "S", "include": "T", "reset": "R", "previous": "Q", "next": "W",
    "visible": "V", "all-visible": "G", "less-opaque": "A", "more-opaque": "D", "propagate": "Shift+S",
    "undo": "Ctrl+Z", "cancel": "Esc", "fit": "Home", "open": "Ctrl+O", "save": "Ctrl+S", "save-as": "Ctrl+Shift+S",
    "auto-window": "0", "preset-0": "1", "preset-6": "7", "slice-up": "Up", "slice-up-5": "Shift+PgUp",
}  # fmt: skip


def test_no_key_means_two_things():
    keys = Counter(QKeySequence(key).toString() for row in ROWS for key in row.keys)
    assert [key for key, count in keys.items() if count > 1] == []


def test_the_keys_are_those_that_users_of_the_peers_know():
    keys = {row.id: row.keys for row in ROWS}
    assert [name for name, key in CONTRACT.items() if key not in keys[name]] == []
    assert set(keys["redo"]) == {"Ctrl+Y", "Ctrl+Shift+Z"}
    assert set(keys["add-segment"]) == {"E", "M"}


def test_the_table_is_consistent():
    ids = [row.id for row in ROWS]
    assert len(set(ids)) == len(ids)
    assert {row.menu for row in ROWS} == set(MENUS)
    assert [name for name in TOOL_BAR if name and name not in ids] == []
    assert [row.icon for row in ROWS if row.icon and not (RESOURCES / "icons" / f"{row.icon}.svg").is_file()] == []
    assert [name for name in TOOL_BAR if name and not next(row for row in ROWS if row.id == name).icon] == []


def test_the_page_of_keys_has_every_key(window):
    shown = window.actions_.keys()
    assert len(shown) == sum(bool(row.keys) for row in ROWS)
    page = window.findChildren(type(window))  # no page yet
    assert page == []


def test_without_a_case_only_opening_and_help_work(window):
    window.actions_.refresh()
    enabled = {row.id for row in ROWS if window.actions_[row.id].isEnabled()}
    assert enabled == {
        "open",
        "open-folder",
        "quit",
        "cancel",
        "tour",
        "calibration",
        "keys",
        "models",
        "correcting",
        "log",
        "about",
    }


def press(qtbot, window, key, modifier=Qt.KeyboardModifier.NoModifier):
    window.actions_.refresh()
    view = window.views.slices[0].view
    view.setFocus()
    qtbot.keyClick(view, key, modifier)


@pytest.fixture
def clicked(case, settle):
    """A case with one segment that has one point."""
    case.activateWindow()
    case.commands.add_prompt(Point((10, 12, 14)))
    settle()
    return case


def test_tools_by_key(case, qtbot):
    qtbot.waitActive(case)
    for key, tool in (("B", "box"), ("S", "scribble"), ("I", "window"), ("X", "crosshair"), ("P", "point")):
        press(qtbot, case, getattr(Qt.Key, f"Key_{key}"))
        assert case.session.view.tool == tool
        assert case.actions_[tool].isChecked()


def test_t_turns_the_sign(case, qtbot):
    qtbot.waitActive(case)
    press(qtbot, case, Qt.Key.Key_T)
    assert not case.session.view.positive
    assert "xclude" in case.actions_["include"].text()


def test_undo_redo_and_reset_by_key(clicked, qtbot, settle):
    qtbot.waitActive(clicked)
    voxels = clicked.session.mask(1).sum()
    assert voxels > 0
    press(qtbot, clicked, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert clicked.session.mask(1).sum() == 0
    press(qtbot, clicked, Qt.Key.Key_Y, Qt.KeyboardModifier.ControlModifier)
    assert clicked.session.mask(1).sum() == voxels
    press(qtbot, clicked, Qt.Key.Key_R)
    settle()
    assert clicked.session.mask(1).sum() == 0
    assert clicked.session.prompts(1) == ()
    press(qtbot, clicked, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert clicked.session.mask(1).sum() == voxels


def test_delete_takes_the_last_prompt_away(clicked, qtbot, settle):
    qtbot.waitActive(clicked)
    clicked.commands.add_prompt(Point((10, 12, 20)))
    settle()
    press(qtbot, clicked, Qt.Key.Key_Delete)
    settle()
    assert clicked.session.prompts(1) == (Point((10, 12, 14)),)


def test_segments_by_key(clicked, qtbot):
    qtbot.waitActive(clicked)
    session = clicked.session
    press(qtbot, clicked, Qt.Key.Key_E)
    press(qtbot, clicked, Qt.Key.Key_M)
    assert [segment.label for segment in session.case.segments] == [1, 2, 3]
    assert session.view.active == 3
    press(qtbot, clicked, Qt.Key.Key_W)
    assert session.view.active == 1
    press(qtbot, clicked, Qt.Key.Key_Q)
    assert session.view.active == 3
    press(qtbot, clicked, Qt.Key.Key_V)
    assert not session.case.segment(3).visible
    press(qtbot, clicked, Qt.Key.Key_G)
    assert all(segment.visible for segment in session.case.segments)
    press(qtbot, clicked, Qt.Key.Key_G)
    assert not any(segment.visible for segment in session.case.segments)


def test_opacity_window_and_slices_by_key(clicked, qtbot):
    qtbot.waitActive(clicked)
    view = clicked.session.view
    before = view.opacity
    press(qtbot, clicked, Qt.Key.Key_D)
    assert view.opacity == pytest.approx(before + 0.1)
    press(qtbot, clicked, Qt.Key.Key_A)
    assert view.opacity == pytest.approx(before)
    automatic = view.window
    press(qtbot, clicked, Qt.Key.Key_3)
    assert view.window != automatic
    press(qtbot, clicked, Qt.Key.Key_0)
    assert view.window == automatic
    k, j, i = view.crosshair
    press(qtbot, clicked, Qt.Key.Key_Up)
    press(qtbot, clicked, Qt.Key.Key_PageUp)
    assert view.crosshair == (k + 2, j, i)
    press(qtbot, clicked, Qt.Key.Key_Down, Qt.KeyboardModifier.ShiftModifier)
    assert view.crosshair == (k - 3, j, i)


def test_presets_of_a_ct_are_radiologists_numbers(case):
    volume = case.session.case.volume
    object.__setattr__(volume, "modality", "CT")
    object.__setattr__(volume, "usual_range", (-1000.0, 1000.0))
    case.commands.use_preset(2)
    assert case.session.view.window == CT_PRESETS["Bone"]
    assert isinstance(case.session.view.window, Window)


def test_keys_typed_into_a_name_are_letters(clicked, qtbot):
    qtbot.waitActive(clicked)
    clicked.commands.rename()
    editor = clicked.focusWidget()
    qtbot.keyClicks(editor, "Spleen")
    qtbot.keyClick(editor, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: [segment.name for segment in clicked.session.case.segments] == ["Spleen"])
    assert clicked.session.view.tool == "crosshair"


def test_propagation_by_key_fills_the_ribbon_and_one_undo_takes_it_back(clicked, qtbot, settle):
    qtbot.waitActive(clicked)
    clicked.session.view.crosshair = (10, 12, 14)
    voxels = clicked.session.mask(1).sum()
    press(qtbot, clicked, Qt.Key.Key_S, Qt.KeyboardModifier.ShiftModifier)
    settle()
    qtbot.waitUntil(lambda: len(clicked.views.slices[0].bar.confidences) > 1)
    assert clicked.views.slices[1].bar.confidences == {}
    clicked.session.undo()
    assert clicked.session.mask(1).sum() == voxels
    qtbot.waitUntil(lambda: clicked.views.slices[0].bar.confidences == {})


def test_propagating_an_empty_segment_is_one_sentence(case, settle):
    case.session.add_segment("Liver")
    case.actions_.refresh()
    case.actions_["propagate"].trigger()
    assert case.banner.kind == "error"
    assert case.banner.text.startswith("Liver has no voxel on slice 10")


def test_every_click_is_followed_by_its_uncertainty_without_being_asked(clicked, qtbot):
    qtbot.waitUntil(lambda: clicked.session.estimate(1) is not None, timeout=8000)
    assert re.fullmatch(r"probably [\d.]+ mL to [\d.]+ mL", clicked.segments.interval.text())
    assert not clicked.activity.busy
    first = clicked.session.estimate(1)
    bars = [frame.bar.confidences for frame in clicked.views.slices]
    assert [dict(bar) for bar in bars] == [dict(first.surety[frame.view.axis].slices) for frame in clicked.views.slices]
    assert all(bars)
    clicked.commands.add_prompt(Point((10, 12, 20)))
    assert clicked.session.estimate(1) is None
    qtbot.waitUntil(lambda: clicked.session.estimate(1) not in (None, first), timeout=8000)


def test_uncertainty_can_be_switched_off_and_stays_off(clicked, qtbot):
    clicked.actions_.refresh()
    clicked.actions_["uncertainty"].trigger()
    assert not clicked.session.view.heat
    assert not QSettings().value("view/uncertainty", type=bool)
    clicked.commands.add_prompt(Point((10, 12, 20)))
    qtbot.wait(900)  # longer than the quiet that it waits for
    assert clicked.session.estimate(1) is None
    clicked.actions_["uncertainty"].trigger()
    qtbot.waitUntil(lambda: clicked.session.estimate(1) is not None, timeout=8000)


def test_the_next_click_ends_an_estimate_and_a_slow_model_makes_none_by_itself(clicked, qtbot, monkeypatch):
    begun, cancelled = [], []
    session, engine = clicked.session, clicked.session.inference.engine
    start, cancel = engine.start, engine.cancel
    monkeypatch.setattr(engine, "start", lambda job: begun.append(job))  # never ends
    monkeypatch.setattr(engine, "cancel", lambda only=None: cancelled.append(only))
    qtbot.waitUntil(lambda: begun != [] or session.estimate(1) is not None, timeout=8000)
    if not begun:  # it was quicker than this test
        session.begin_uncertainty(1)
    clicked.commands.add_prompt(Point((10, 12, 20)))
    assert cancelled == begun
    monkeypatch.setattr(engine, "start", start)
    monkeypatch.setattr(engine, "cancel", cancel)
    qtbot.waitUntil(lambda: session.estimate(1) is not None, timeout=8000)
    monkeypatch.setattr(session.inference.speeds, "of", lambda model: Speed(3.0, 9.0))
    clicked.commands.add_prompt(Point((10, 12, 22)))
    qtbot.wait(900)
    assert session.estimate(1) is None


def test_the_suggested_click_and_the_worst_slice_are_a_key_away(clicked, qtbot):
    view = clicked.session.view
    before = view.crosshair
    clicked.actions_["next-click"].trigger()
    qtbot.waitUntil(lambda: "Least sure here" in clicked.banner.text, timeout=8000)
    assert view.crosshair != before
    index, inside = view.crosshair, "probably inside" in clicked.banner.text
    clicked.actions_["accept"].trigger()
    assert clicked.session.prompts(1)[-1] == Point(index, inside, clicked.views.worked.view.axis)
    count = len(clicked.session.prompts(1))
    clicked.actions_["accept"].trigger()  # nothing is suggested any more
    assert len(clicked.session.prompts(1)) == count
    clicked.actions_["next-click"].trigger()
    qtbot.waitUntil(lambda: view.crosshair != index, timeout=8000)
    inside = "probably inside" in clicked.banner.text
    clicked.actions_["other-click"].trigger()
    assert clicked.session.prompts(1)[-1] == Point(view.crosshair, not inside, clicked.views.worked.view.axis)
    clicked.actions_["worst-slice"].trigger()
    qtbot.waitUntil(lambda: "Least sure of all slices" in clicked.banner.text, timeout=8000)
    axis = clicked.views.worked.view.axis
    assert view.crosshair[axis] == clicked.session.estimate(1).surety[axis].worst


def test_escape_closes_a_message_then_puts_the_tool_away(case, qtbot):
    qtbot.waitActive(case)
    case.session.view.tool = "box"
    case.banner.tell("Something to read.")
    press(qtbot, case, Qt.Key.Key_Escape)
    assert case.banner.text == ""
    assert case.session.view.tool == "box"
    press(qtbot, case, Qt.Key.Key_Escape)
    assert case.session.view.tool == "crosshair"


def test_one_view_or_four(case):
    case.actions_.refresh()
    case.actions_["maximise"].trigger()
    alone = case.views.alone
    assert [frame for frame in case.views.frames if frame.isVisible()] == [alone]
    case.views.layout().activate()
    assert alone.height() > 0.95 * case.views.height()
    assert alone.width() > 0.95 * case.views.width()
    case.actions_["maximise"].trigger()
    assert all(frame.isVisible() for frame in case.views.frames)


def test_propagation_starts_where_was_worked_last_not_where_the_mouse_passes(clicked, settle, qtbot):
    axial, coronal, sagittal = clicked.views.slices
    coronal.view.mouse.press(coronal.view, QMouseEvent(*_press(coronal.view, (10, 12, 14))))
    settle()
    sagittal.entered.emit()
    assert clicked.views.hovered is sagittal
    clicked.actions_.refresh()
    clicked.actions_["propagate"].trigger()
    settle()
    qtbot.waitUntil(lambda: len(coronal.bar.confidences) > 1)
    assert axial.bar.confidences == sagittal.bar.confidences == {}


def _press(view, index):
    pixel, left = view.pixel_at(index), Qt.MouseButton.LeftButton
    return QEvent.Type.MouseButtonPress, pixel, pixel, left, left, Qt.KeyboardModifier.NoModifier
