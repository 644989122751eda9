"""Ruler, angle and probe in the slice views, with real mouse events."""

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest

from app import project
from app.rulers import Ruler
from app.view_state import ViewState

LEFT, NONE = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier


@pytest.fixture
def axial(case, qtbot):
    view = case.views.slices[0].view
    qtbot.waitUntil(lambda: view.width() > 100)
    return view


def drag(view, start, stop):
    """From one voxel to another, over several moves, as a hand does."""
    a, b = (view.pixel_at(index).toPoint() for index in (start, stop))
    QTest.mousePress(view, LEFT, NONE, a)
    for step in range(1, 5):
        QTest.mouseMove(view, a + QPoint(round((b.x() - a.x()) * step / 4), round((b.y() - a.y()) * step / 4)))
    QTest.mouseRelease(view, LEFT, NONE, b)


def test_a_drag_measures_millimetres_and_an_end_can_be_moved(case, axial):
    case.actions_["ruler"].trigger()
    k = case.session.view.crosshair[0]
    drag(axial, (k, 6, 5), (k, 6, 20))
    (ruler,) = case.session.view.rulers
    geometry = case.session.case.volume.geometry
    assert ruler.value(geometry) == pytest.approx(15.0, abs=0.3)
    assert ruler.slice_index == k
    drag(axial, (k, 6, 20), (k, 18, 5))
    (moved,) = case.session.view.rulers
    assert moved.value(geometry) == pytest.approx(12.0, abs=0.3)
    assert moved.points[0] == ruler.points[0]


def test_millimetres_where_slices_are_thick(case):
    coronal = case.views.slices[1].view
    case.actions_["ruler"].trigger()
    j = case.session.view.crosshair[1]
    drag(coronal, (3, j, 9), (13, j, 9))
    assert case.session.view.rulers[0].value(case.session.case.volume.geometry) == pytest.approx(20.0, abs=0.4)


def test_an_angle_is_two_legs(case, axial):
    case.actions_["angle"].trigger()
    k = case.session.view.crosshair[0]
    drag(axial, (k, 4, 20), (k, 4, 6))
    assert not case.session.view.rulers[0].is_angle
    QTest.mouseMove(axial, axial.pixel_at((k, 10, 10)).toPoint())
    QTest.mouseClick(axial, LEFT, NONE, axial.pixel_at((k, 18, 6)).toPoint())
    (angle,) = case.session.view.rulers
    assert angle.value(case.session.case.volume.geometry) == pytest.approx(90.0, abs=1.5)
    assert angle.text(case.session.case.volume.geometry).endswith("°")


def test_escape_gives_up_and_a_click_leaves_nothing(case, axial):
    k = case.session.view.crosshair[0]
    case.actions_["ruler"].trigger()
    QTest.mouseClick(axial, LEFT, NONE, axial.pixel_at((k, 6, 5)).toPoint())
    assert case.session.view.rulers == ()
    case.actions_["angle"].trigger()
    drag(axial, (k, 4, 20), (k, 4, 6))
    case.actions_["cancel"].trigger()
    assert case.session.view.rulers == ()
    drag(axial, (k, 4, 20), (k, 4, 6))
    QTest.mouseClick(axial, LEFT, NONE, axial.pixel_at((k, 18, 6)).toPoint())
    assert len(case.session.view.rulers) == 1


def test_rulers_are_taken_away_kept_in_the_project_and_gone_with_another_scan(case, axial, volume, tmp_path):
    k = case.session.view.crosshair[0]
    case.actions_["ruler"].trigger()
    for j in (4, 9, 14):
        drag(axial, (k, j, 5), (k, j, 20))
    rulers = case.session.view.rulers
    assert len(rulers) == 3
    view = ViewState()
    path = tmp_path / "a.volumask"
    project.write(path, case.session.snapshot())
    (tmp_path / "scan.nii.gz").touch()
    project.read(path).look.restore(view)
    assert view.rulers == rulers
    case.actions_.refresh()
    case.actions_["remove-ruler"].trigger()
    assert case.session.view.rulers == rulers[:2]
    case.actions_["remove-rulers"].trigger()
    assert case.session.view.rulers == ()
    case.session.view.rulers = rulers
    case.session.adopt(volume)
    assert case.session.view.rulers == ()


def test_a_ruler_is_seen_on_its_slice_alone(case, axial):
    def yellow() -> int:
        image = axial.grab().toImage().convertToFormat(axial.grab().toImage().Format.Format_RGB888)
        shape = image.height(), image.bytesPerLine()
        rows = np.frombuffer(bytes(image.constBits()), np.uint8).reshape(shape)[:, : image.width() * 3]
        pixels = rows.reshape(image.height(), image.width(), 3).astype(int)
        return int((np.abs(pixels - (255, 214, 102)).max(axis=2) < 25).sum())

    QTest.qWait(50)
    before = yellow()
    k, j, i = case.session.view.crosshair
    case.session.view.rulers = (Ruler(((k, 4.0, 4.0), (k, 4.0, 22.0)), 0),)
    QTest.qWait(50)
    assert yellow() > before + 100
    case.session.view.crosshair = k + 1, j, i
    QTest.qWait(50)
    assert yellow() < before + 50


def test_the_probe_tells_place_value_and_segment_under_the_mouse(case, axial):
    k = case.session.view.crosshair[0]
    heard = []
    axial.hovered.connect(heard.append)
    QTest.mouseMove(axial, axial.pixel_at((k, 7, 9)).toPoint())
    QTest.qWait(20)
    assert heard[-1] == (k, 7, 9)
