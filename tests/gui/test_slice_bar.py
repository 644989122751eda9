"""The slider with the ribbon: where slices lie, what a click means, what the colours say."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QColor

from app.ui import theme
from app.ui.panels.slice_bar import SliceBar, confidence_colour


@pytest.fixture
def bar(qtbot):
    made = SliceBar()
    qtbot.addWidget(made)
    made.resize(28, 216)
    made.show_slices(100, grows_up=True)
    made.show()
    return made


def test_the_top_is_the_last_slice_where_slices_grow_up(bar):
    assert bar.slice_at(8) == 99
    assert bar.slice_at(207) == 0
    bar.show_slices(100, grows_up=False)
    assert bar.slice_at(8) == 0
    assert bar.slice_at(207) == 99


@pytest.mark.parametrize("grows_up", [True, False])
def test_every_slice_is_where_its_cell_is(bar, grows_up):
    bar.show_slices(37, grows_up)
    assert [bar.slice_at(bar.cell(n).center().y()) for n in range(37)] == list(range(37))


def test_a_click_and_a_drag_pick(bar, qtbot):
    picked = []
    bar.picked.connect(picked.append)
    place = QPoint(15, round(bar.cell(70).center().y()))
    qtbot.mouseClick(bar, Qt.MouseButton.LeftButton, pos=place)
    assert picked == [70]
    qtbot.mouseClick(bar, Qt.MouseButton.LeftButton, pos=place)
    assert picked == [70]


def test_up_is_up_on_the_keyboard_too(bar, qtbot):
    picked = []
    bar.picked.connect(picked.append)
    for grows_up, expected in ((True, 51), (False, 49)):
        bar.show_slices(100, grows_up)
        bar.setValue(50)
        qtbot.keyClick(bar, Qt.Key.Key_Up)
        assert picked[-1] == expected


def test_the_ribbon_shows_confidence_at_its_slice(bar):
    bar.show_confidences({10: 0.0, 11: 0.5, 12: 1.0}, marked=(10,))
    picture = bar.grab().toImage()
    ratio = picture.devicePixelRatio()

    def colour(index):
        return picture.pixelColor(round(15 * ratio), round(bar.cell(index).center().y() * ratio))

    near = lambda a, b: max(abs(x - y) for x, y in zip(a.getRgb(), QColor(b).getRgb(), strict=True)) < 40  # noqa: E731
    assert near(colour(10), theme.UNSURE)
    assert near(colour(12), theme.SURE)
    assert near(colour(60), theme.TRACK)
    assert "Confidence 50 %" in bar.tip(11)
    assert bar.tip(60) == "Slice 61"


def test_colours_run_from_unsure_over_middling_to_sure():
    assert confidence_colour(-1) == QColor(theme.UNSURE)
    assert confidence_colour(0.5) == QColor(theme.MIDDLING)
    assert confidence_colour(2) == QColor(theme.SURE)


def test_one_slice_is_a_bar_of_one_cell(bar):
    bar.show_slices(1, grows_up=True)
    assert bar.slice_at(100) == 0
    assert bar.cell(0).height() == pytest.approx(200)
