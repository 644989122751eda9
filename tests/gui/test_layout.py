"""What lies where in the window: nothing covers what a reader needs, nothing falls out of a narrow window."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QToolButton, QVBoxLayout

from app.errors import BadInput
from app.ui.panels.tool_bar import ToolBar
from app.ui.table import TEXTED, TOOL_BAR

BESIDE = Qt.ToolButtonStyle.ToolButtonTextBesideIcon
SENTENCE = "Least sure here, but probably outside. Enter excludes it, Shift+Enter includes it."


def buttons(window):
    bar = window.findChild(ToolBar)
    return {name: bar.widgetForAction(window.actions_[name]) for name in TOOL_BAR if name}


@pytest.mark.parametrize("size", [(1024, 700), (1440, 900)])
def test_a_sentence_covers_no_picture(case, qtbot, size):
    case.resize(*size)
    case.banner.tell(SENTENCE)
    qtbot.wait(50)
    banner, view = case.banner, case.views.slices[0].view
    top = view.mapTo(case.centralWidget(), view.rect().topLeft()).y()
    assert 0 < banner.geometry().bottom() <= top
    assert banner.width() < case.centralWidget().width()
    text = banner._text
    assert text.width() >= text.fontMetrics().horizontalAdvance(SENTENCE)


def test_a_long_sentence_is_shown_whole_on_several_lines(case, qtbot):
    case.resize(900, 700)
    case.banner.tell_error(BadInput(SENTENCE * 3, "Do something else."))
    qtbot.wait(50)
    assert case.banner.width() <= case.centralWidget().width() - 32
    assert case.banner._text.height() >= 2 * case.banner._text.fontMetrics().height()


def test_every_button_stays_in_a_narrow_window_and_some_lose_their_text(case, qtbot):
    case.resize(1500, 800)
    qtbot.wait(50)
    assert all(buttons(case)[name].toolButtonStyle() == BESIDE for name in TEXTED)
    case.resize(case.minimumSizeHint().width(), 700)
    qtbot.wait(50)
    bar, narrow = case.findChild(ToolBar), buttons(case)
    assert all(button.isVisible() and button.geometry().right() <= bar.width() for button in narrow.values())
    assert narrow[TEXTED[0]].toolButtonStyle() != BESIDE
    assert [button for button in narrow.values() if not isinstance(button, QToolButton)] == []


def test_a_default_button_that_cannot_be_pressed_looks_so(case, qtbot):
    dialog = QDialog(case)
    box = QDialogButtonBox(QDialogButtonBox.StandardButton.Save)
    QVBoxLayout(dialog).addWidget(box)
    save = box.button(QDialogButtonBox.StandardButton.Save)
    save.setDefault(True)
    dialog.show()
    pixel = lambda: save.grab().toImage().pixelColor(6, save.height() // 2)  # noqa: E731
    usual = pixel()
    save.setEnabled(False)
    assert abs(usual.lightness() - pixel().lightness()) > 40
    dialog.close()


def test_the_export_begins_with_a_segment_that_has_voxels(case):
    session = case.session
    solid, empty = session.add_segment("Solid"), session.add_segment("Empty")
    region = session.case.volume.geometry.region
    mask = session.mask(solid)
    mask[4:9, 4:9, 4:9] = True
    session.case.edit(solid.label, region, mask, "Draw")
    assert session.view.active == empty.label
    case.exports.mesh()
    assert case.exports.dialog.choice.labels == (solid.label,)
    case.exports.dialog.reject()


def test_a_box_that_is_not_ticked_can_be_seen(case):
    case.session.add_segment("Liver")
    case.exports.labels()
    tree = case.exports.dialog.list
    row = tree.topLevelItem(0)
    row.setCheckState(0, Qt.CheckState.Unchecked)
    picture = tree.viewport().grab(tree.visualItemRect(row)).toImage()
    ratio, middle = picture.devicePixelRatio(), picture.height() // 2
    shades = [picture.pixelColor(x, middle).lightness() for x in range(round(26 * ratio))]
    assert max(shades) - min(shades) > 40, shades
    case.exports.dialog.reject()
