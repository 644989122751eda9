"""The window: opening by drop, refusing politely, titles, panels that say what the session says."""

from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QCloseEvent, QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QToolButton

from app.prompts import Box, Point, Scribble
from app.ui.dialogs.questions import Answer
from app.ui.panels.segments import EYE, LOCK, NAME, VOLUME
from app.ui.panels.volumes import millilitres, voxels

NONE = Qt.KeyboardModifier.NoModifier


@pytest.fixture
def scan(tmp_path: Path) -> Path:
    path = tmp_path / "Kopf-Übersicht.nii.gz"
    data = np.random.default_rng(0).integers(0, 100, (28, 24, 20)).astype(np.int16)
    nib.save(nib.Nifti1Image(data, np.diag([1.0, 1, 2, 1])), path)
    return path


def drop(window, *paths):
    """What the system does with a drop; whether the window takes it."""
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    enter = QDragEnterEvent(
        QPoint(50, 50), Qt.DropAction.CopyAction, mime, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    )
    enter.ignore()
    window.dragEnterEvent(enter)
    if enter.isAccepted():
        event = QDropEvent(QPointF(50, 50), Qt.DropAction.CopyAction, mime, Qt.MouseButton.LeftButton, NONE)
        window.dropEvent(event)
    return enter.isAccepted()


def test_the_empty_window_says_what_to_drop(window):
    assert window.stack.currentWidget() is window.empty
    assert not window.sidebar.isEnabled()
    assert window.windowTitle() == "Volumask[*]"


def test_a_dropped_scan_opens_and_is_recent(window, scan, qtbot):
    assert drop(window, scan)
    qtbot.waitUntil(lambda: window.session.document is not None, timeout=20_000)
    assert window.stack.currentWidget() is window.views
    assert window.windowTitle() == "Kopf-Übersicht.nii.gz[*] — Volumask"
    assert window.recent.paths() == [str(scan)]
    assert window.session.view.tool == "point"
    assert not window.isWindowModified()


def test_what_cannot_be_opened_is_not_taken(window, tmp_path):
    note = tmp_path / "letter.txt"
    note.write_text("Dear colleague")
    assert not drop(window, note)
    assert not drop(window, tmp_path / "absent.nii")
    assert not drop(window)


def test_all_that_is_to_know_of_a_scan_is_said_and_stays_until_it_is_closed(window, tmp_path, qtbot):
    affine = np.diag([1.0, 1, 2, 1])
    affine[0, 2] = 0.6  # sheared
    data = np.random.default_rng(0).random((28, 24, 20)).astype(np.float32)
    data[3, 4, 5] = np.nan
    nib.save(nib.Nifti1Image(data, affine), tmp_path / "odd.nii.gz")
    window.open(tmp_path / "odd.nii.gz")
    qtbot.waitUntil(lambda: window.banner.text != "", timeout=20_000)
    notes = window.session.case.volume.notes
    assert len(notes) >= 2
    assert all(note[1:] in window.banner.text for note in notes)
    assert window.banner.text[0].isupper()
    assert not window.banner._timer.isActive()
    window.banner.tell("Something else.")
    assert window.banner._timer.isActive()


def test_a_damaged_scan_leaves_the_case_as_it_was(case, scan, tmp_path, qtbot):
    damaged = tmp_path / "damaged.nii.gz"
    damaged.write_bytes(scan.read_bytes()[:2000])
    document = case.session.document
    case.open(damaged)
    qtbot.waitUntil(lambda: case.banner.text != "", timeout=20_000)
    assert case.session.document is document
    assert "damaged.nii.gz" in case.banner.text
    assert case.banner.kind == "error"
    assert not case.cases.busy


def test_opening_can_be_cancelled(case, scan, qtbot):
    document = case.session.document
    case.open(scan)
    assert case.cases.busy
    case.actions_["cancel"].trigger()
    assert not case.cases.busy
    qtbot.waitUntil(lambda: case.jobs.running == 0)
    assert case.session.document is document


def test_a_click_makes_a_segment_its_row_its_prompt_and_its_volume(case, settle, qtbot):
    case.commands.add_prompt(Point((10, 12, 14)))
    settle()
    row = case.segments.list.topLevelItem(0)
    assert row.text(NAME) == "Segment 1"
    assert case.prompts.list.count() == 1
    assert case.prompts.list.item(0).text() == "Point   axial 11"
    count = int(case.session.mask(1).sum())
    qtbot.waitUntil(lambda: row.text(VOLUME) == millilitres(count * 2 / 1000))
    assert case.isWindowModified()


def test_the_same_prompt_twice_is_one(case, settle):
    for _ in range(2):
        case.commands.add_prompt(Point((10, 12, 14)))
    settle()
    assert case.session.prompts(1) == (Point((10, 12, 14)),)


def test_eye_and_lock_in_the_list(case):
    case.session.add_segment("Liver")
    table = case.segments.list
    for column, field, before in ((EYE, "visible", True), (LOCK, "locked", False)):
        table.itemClicked.emit(table.topLevelItem(0), column)
        assert getattr(case.session.case.segment(1), field) is not before
    case.actions_.refresh()
    case.actions_["remove-segment"].trigger()
    assert case.banner.text.startswith("Liver is locked. Unlock it")
    assert len(case.session.case.segments) == 1


def test_an_empty_name_is_no_name(case):
    case.session.add_segment("Liver")
    row = case.segments.list.topLevelItem(0)
    row.setText(NAME, "   ")
    assert case.session.case.segment(1).name == "Liver"
    assert case.segments.list.topLevelItem(0).text(NAME) == "Liver"
    row.setText(NAME, "Spleen")
    assert case.session.case.segment(1).name == "Spleen"


def test_choosing_a_row_makes_it_active_and_shows_its_prompts(case, settle):
    case.commands.add_prompt(Point((10, 12, 14)))
    settle()
    case.session.add_segment("Empty")
    assert case.prompts.list.count() == 0
    case.segments.list.setCurrentItem(case.segments.list.topLevelItem(0))
    assert case.session.view.active == 1
    assert case.prompts.list.count() == 1


def test_prompts_say_where_they_are_and_a_double_click_goes_there(case, settle):
    case.commands.add_prompt(Box((3, 4, 5), (3, 9, 9)))
    case.commands.add_prompt(Scribble([(6, 5, 5), (7, 5, 6), (8, 5, 7)], positive=False))
    settle()
    texts = [case.prompts.list.item(n).text() for n in range(2)]
    assert texts == ["Box   axial 4", "Scribble   coronal 6"]
    case.prompts.list.itemDoubleClicked.emit(case.prompts.list.item(1))
    assert case.session.view.crosshair == (7, 5, 6)


def test_the_button_of_a_prompt_takes_it_away(case, settle):
    for column in (8, 20):
        case.commands.add_prompt(Point((10, 12, column)))
    settle()
    buttons = case.prompts.list.itemWidget(case.prompts.list.item(0)).findChildren(QToolButton)
    next(button for button in buttons if "away" in button.toolTip()).click()
    settle()
    assert case.session.prompts(1) == (Point((10, 12, 20)),)


def test_the_history_lists_steps_and_a_click_travels(case, settle, qtbot):
    for column in (8, 20):
        case.commands.add_prompt(Point((10, 12, column)))
        settle()
    history = case.sidebar.history
    titles = ["Scan opened", "Add Segment 1", "Point on Segment 1", "Point on Segment 1"]
    qtbot.waitUntil(lambda: history.texts() == titles)
    history.list.clicked.emit(history.list.model().index(1, 0))
    assert case.session.mask(1).sum() == 0
    qtbot.waitUntil(lambda: history.list.currentIndex().row() == 1)
    history.list.clicked.emit(history.list.model().index(3, 0))
    assert len(case.session.prompts(1)) == 2


def test_level_width_and_opacity_are_bound(case):
    display = case.sidebar.display
    display.level.setValue(40)
    display.width_.setValue(30)
    assert (case.session.view.window.level, case.session.view.window.width) == (40, 30)
    case.session.view.opacity = 0.2
    assert display.opacity.value() == 20


def test_closing_with_unsaved_work_asks_and_can_be_called_off(case, monkeypatch):
    case.session.add_segment("Liver")
    asked = []

    def ask(parent, name):
        asked.append(name)
        return Answer.CANCEL

    monkeypatch.setattr("app.ui.cases.ask_to_save", ask)
    event = QCloseEvent()
    case.closeEvent(event)
    assert asked == [""]
    assert not event.isAccepted()
    assert not case.jobs.closed


def test_saving_writes_a_project_that_reopens(window, scan, tmp_path, qtbot, settle):
    window.open(scan)
    qtbot.waitUntil(lambda: window.session.document is not None, timeout=20_000)
    window.commands.add_prompt(Point((10, 12, 14)))
    settle()
    mask = window.session.mask(1)
    window.session.path = tmp_path / "case.volumask"
    window.actions_["save"].trigger()
    qtbot.waitUntil(lambda: not window.session.modified)
    assert not window.isWindowModified()
    assert window.windowTitle() == "case.volumask[*] — Volumask"
    document = window.session.document
    window.open(tmp_path / "case.volumask")
    qtbot.waitUntil(lambda: window.session.document is not document, timeout=20_000)
    assert (window.session.mask(1) == mask).all()
    assert window.segments.list.topLevelItemCount() == 1


def test_a_full_disk_at_save_is_one_sentence_and_the_case_stays_modified(case, tmp_path, qtbot):
    case.session.add_segment("Liver")
    case.session.path = tmp_path / "no" / "such" / "folder" / "case.volumask"
    case.actions_.refresh()
    case.actions_["save"].trigger()
    qtbot.waitUntil(lambda: case.banner.text != "")
    assert "case.volumask" in case.banner.text
    assert case.session.modified


def test_an_error_is_not_pushed_aside_by_a_notice(window):
    from app.errors import BadInput

    window.banner.tell_error(BadInput("scan.nii is empty.", "Export it again."))
    window.banner.tell("The model is ready.")
    assert window.banner.text == "scan.nii is empty. Export it again.\nThe model is ready."
    assert window.banner.kind == "error"


def test_every_button_and_list_has_a_name_for_screen_readers(case):
    from PySide6.QtWidgets import QAbstractSlider, QComboBox, QListView, QScrollBar, QTreeView

    def named(widget):
        return widget.accessibleName() or getattr(widget, "text", str)() or widget.toolTip()

    kinds = (QToolButton, QComboBox, QAbstractSlider, QListView, QTreeView)
    widgets = [w for kind in kinds for w in case.findChildren(kind) if w.isVisible() and not isinstance(w, QScrollBar)]
    assert len(widgets) > 20
    assert [type(widget).__name__ for widget in widgets if not named(widget)] == []


def test_counting_and_saying_volumes():
    labels = np.array([[[0, 1, 1], [2, 1, 0]]], np.uint8)
    assert voxels(labels, (1, 2, 3)) == {1: 3, 2: 1, 3: 0}
    assert [millilitres(x) for x in (0.123, 12.34, 1234.5)] == ["0.12 mL", "12.3 mL", "1234 mL"]
