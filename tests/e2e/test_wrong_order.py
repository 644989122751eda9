"""Clicks in the wrong place or at the wrong time, bad files while a case is open, a model that dies."""

from __future__ import annotations

import os
import signal

import psutil
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest

from tests.data import SAMPLE, shared

pytestmark = pytest.mark.skipif(not SAMPLE.exists(), reason="resources/sample is not in this checkout")
LIVER = (102, 47, 86)
LEFT, NONE = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier


@pytest.fixture
def opened(hands):
    hands.open(SAMPLE)
    return hands


def compute_processes():
    return [child for child in psutil.Process().children(recursive=True) if "app.engine.compute" in _line(child)]


def _line(process):
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return "resource_tracker"


def test_a_click_before_the_preparation_has_finished_is_answered(opened):
    opened.click(LIVER)
    opened.answered()
    assert opened.voxels() > 0


def test_clicks_on_the_empty_window_do_nothing(hands):
    for frame in hands.window.views.slices:
        QTest.mouseClick(frame.view, LEFT, NONE, QPoint(50, 50))
    QTest.mouseClick(hands.window.views.volume.view, LEFT, NONE, QPoint(50, 50))
    assert hands.window.session.document is None
    assert hands.window.banner.text == ""


def test_clicks_beside_the_image_make_nothing(opened):
    for frame in opened.window.views.slices:
        QTest.mouseClick(frame.view, LEFT, NONE, QPoint(1, 1))
        QTest.mouseClick(frame.view, LEFT, NONE, QPoint(frame.view.width() - 2, 1))
    inside = [frame.view.index_at(QPoint(1, 1).toPointF()) for frame in opened.window.views.slices]
    segments = len(opened.window.session.case.segments)
    assert segments == (1 if any(inside) else 0)


def test_a_click_after_the_segment_was_deleted_makes_a_new_one(opened):
    opened.click(LIVER)
    opened.answered()
    opened.window.actions_["remove-segment"].trigger()
    assert opened.window.session.case.segments == ()
    opened.click(LIVER)
    opened.answered()
    assert len(opened.window.session.case.segments) == 1
    assert opened.voxels() > 0


def test_deleting_the_segment_before_its_answer_arrives(opened):
    opened.click(LIVER)
    opened.window.actions_.refresh()
    opened.window.actions_["remove-segment"].trigger()
    opened.answered()
    assert not opened.window.session.case.segmentation.labels.any()


def test_moving_and_windowing_while_the_model_works(opened):
    opened.click(LIVER)
    for _ in range(10):
        opened.key(Qt.Key.Key_Up)
        opened.key(Qt.Key.Key_2)
        opened.key(Qt.Key.Key_0)
    opened.answered()
    assert opened.voxels() > 0


def test_another_scan_while_a_propagation_runs(opened):
    session = opened.window.session
    opened.click(LIVER)
    opened.answered()
    opened.window.cases.leave = lambda: True
    opened.key(Qt.Key.Key_S, Qt.KeyboardModifier.ShiftModifier)
    document = session.document
    assert opened.drop(SAMPLE)
    opened.until(lambda: session.document is not document)
    opened.answered()
    assert not session.propagating
    assert session.case.segments == ()
    opened.click(LIVER)
    opened.answered()
    assert opened.voxels() > 0


def test_a_locked_segment_says_so(opened):
    opened.click(LIVER)
    opened.answered()
    opened.window.actions_.refresh()
    opened.window.actions_["lock"].trigger()
    voxels = opened.voxels()
    opened.click((90, 47, 86))
    assert opened.window.banner.text == "Segment 1 is locked. Unlock it to change it."
    assert opened.voxels() == voxels


@pytest.mark.parametrize("name", ["truncated_60_percent.nii.gz", "empty.nii.gz", "text.nii", "dims_32767_cubed.nii.gz"])
def test_a_hostile_file_leaves_the_case_as_it_was(opened, name):
    path = shared("hostile", "nifti", name)
    window = opened.window
    opened.click(LIVER)
    opened.answered()
    window.cases.leave = lambda: True
    document, voxels = window.session.document, opened.voxels()
    if opened.drop(path):
        opened.until(lambda: window.banner.text != "")
        assert path.name in window.banner.text
        assert window.banner.kind == "error"
        assert "Traceback" not in window.banner.text
    assert window.session.document is document
    assert opened.voxels() == voxels


def test_a_killed_model_costs_one_sentence(opened):
    window = opened.window
    opened.click(LIVER)
    opened.answered()
    processes = compute_processes()
    assert len(processes) == 1
    window.banner.hide()
    opened.click((95, 47, 86))
    os.kill(processes[0].pid, signal.SIGKILL)
    opened.until(lambda: window.banner.text != "")
    assert window.banner.text.count("\n") == 0
    assert "Traceback" not in window.banner.text
    opened.answered()
    opened.click((100, 50, 90))
    opened.answered()
    assert opened.voxels() > 0
    assert compute_processes()[0].pid != processes[0].pid
