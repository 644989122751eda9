"""A widget and a field say the same, and neither echoes."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QCheckBox, QComboBox, QDoubleSpinBox, QLabel, QLineEdit, QSlider, QSpinBox

from app.events import Signal
from app.ui.binding import bind


class Lamp:
    """Counts how often its field is written."""

    def __init__(self, value):
        self._value, self.writes = value, 0
        self.changed = Signal()

    @property
    def value(self):
        return self._value

    @value.setter
    def value(self, value):
        self.writes += 1
        self._value = min(value, 9) if isinstance(value, int | float) and not isinstance(value, bool) else value
        self.changed.emit()


def number(kind):
    widget = kind()
    widget.setRange(0, 100)
    return widget


def combo():
    widget = QComboBox()
    for data in ("a", "b"):
        widget.addItem(data.upper(), data)
    return widget


CASES = {
    "spin": (lambda: number(QSpinBox), 3, 5, lambda w, v: w.setValue(v), lambda w: w.value()),
    "double": (lambda: number(QDoubleSpinBox), 3.0, 5.5, lambda w, v: w.setValue(v), lambda w: w.value()),
    "slider": (lambda: number(QSlider), 3, 5, lambda w, v: w.setValue(v), lambda w: w.value()),
    "check": (QCheckBox, False, True, lambda w, v: w.setChecked(v), lambda w: w.isChecked()),
}


@pytest.mark.parametrize("name", CASES)
def test_both_ways_with_one_write_each(qtbot, name):
    make, first, second, push, read = CASES[name]
    lamp, widget = Lamp(first), make()
    qtbot.addWidget(widget)
    bind(widget, lamp, "value", lamp.changed)
    assert read(widget) == first
    assert lamp.writes == 0
    push(widget, second)
    assert lamp.value == second
    assert lamp.writes == 1
    lamp.value = first
    assert read(widget) == first
    assert lamp.writes == 2


def test_a_combo_box_and_a_line_edit(qtbot):
    lamp, box = Lamp("b"), combo()
    qtbot.addWidget(box)
    bind(box, lamp, "value", lamp.changed)
    assert box.currentText() == "B"
    box.setCurrentIndex(0)
    box.activated.emit(0)
    assert lamp.value == "a"
    edit = QLineEdit()
    qtbot.addWidget(edit)
    bind(edit, lamp, "value", lamp.changed)
    edit.selectAll()
    qtbot.keyClicks(edit, "b")
    qtbot.keyClick(edit, Qt.Key.Key_Return)
    assert lamp.value == "b"
    assert box.currentText() == "B"


def test_a_value_that_the_field_clips_goes_back_to_the_widget(qtbot):
    lamp, widget = Lamp(3), number(QSpinBox)
    qtbot.addWidget(widget)
    bind(widget, lamp, "value", lamp.changed)
    widget.setValue(50)
    assert (lamp.value, widget.value()) == (9, 9)


def test_a_scaled_slider(qtbot):
    lamp, widget = Lamp(0.5), number(QSlider)
    qtbot.addWidget(widget)
    bind(widget, lamp, "value", lamp.changed, scale=100)
    assert widget.value() == 50
    widget.setValue(25)
    assert lamp.value == 0.25


def test_a_widget_without_a_value_is_refused(qtbot):
    widget = QLabel()
    qtbot.addWidget(widget)
    with pytest.raises(TypeError, match="QLabel"):
        bind(widget, Lamp(1), "value", Signal())
