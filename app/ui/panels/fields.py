"""`Fields`: a form made from a row of the table of corrections, and its values."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import ceil
from typing import Any

from PySide6.QtCore import QCoreApplication, Qt, Signal
from PySide6.QtWidgets import QCheckBox, QComboBox, QDoubleSpinBox, QGridLayout, QLabel, QSlider, QWidget

from app.session import Session
from app.ui.effect_table import Check, Choice, EffectRow, Field, Number, OtherSegment, Values
from app.ui.icons import swatch

_TICKS = 1000  # steps of a slider over the scan's range


def translated(text: str) -> str:
    """A text of the table of corrections in the user's language."""
    return QCoreApplication.translate("Effects", text)


def number_field(low: float, high: float, decimals: int = 0, suffix: str = "") -> QDoubleSpinBox:
    """A field for a number that tells of it once it is typed to its end."""
    spin = QDoubleSpinBox()
    spin.setRange(low, high)
    spin.setDecimals(decimals)
    spin.setSuffix(suffix)
    spin.setKeyboardTracking(False)
    return spin


@dataclass(frozen=True, slots=True)
class _Entry:
    field: Field
    widgets: tuple[QWidget, ...]
    read: Callable[[], Any]


class Fields(QWidget):
    """Signals: `changed()`: the user changed a value."""

    changed = Signal()

    def __init__(self, row: EffectRow, session: Session) -> None:
        super().__init__()
        self._session = session
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(8)
        self._grid.setVerticalSpacing(6)
        self._grid.setColumnStretch(1, 1)
        self._entries = [self._entry(field) for field in row.fields]
        self._on_changed()

    def values(self) -> Values:
        """By the fields' names; of fields with one name the shown one counts."""
        shown = [entry for entry in self._entries if not entry.widgets[-1].isHidden()]
        return {entry.field.name: entry.read() for entry in (*self._entries, *shown)}

    def set_case(self) -> None:
        """Ranges and first values that suit the open scan."""
        document = self._session.document
        if document is None:
            return
        low, high = document.volume.usual_range
        least, most = document.volume.intensity_range
        for entry in self._entries:
            if isinstance(entry.field, Number) and entry.field.image:
                slider, spin = entry.widgets[-1], entry.widgets[-2]
                first = (low + high) / 2 if entry.field.name == "low" else most
                _fit(spin, slider, (least, most), (low, high), first)
            elif isinstance(entry.field, Number) and entry.field.voxels:
                _start_at(entry.widgets[-1], entry.field, min(document.volume.geometry.spacing))

    def refresh_segments(self) -> None:
        """Offer the segments that there are."""
        for entry in self._entries:
            if isinstance(entry.field, OtherSegment):
                self._offer(entry.widgets[-1])

    # How

    def _entry(self, field: Field) -> _Entry:
        line = self._grid.rowCount()
        match field:
            case Check():
                box = QCheckBox(translated(field.text))
                box.setChecked(field.value)
                box.toggled.connect(self._on_changed)
                self._grid.addWidget(box, line, 0, 1, 2)
                return _Entry(field, (box,), box.isChecked)
            case Choice() | OtherSegment():
                combo = QComboBox()
                combo.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
                for value, text in field.options if isinstance(field, Choice) else ():
                    combo.addItem(translated(text), value)
                combo.currentIndexChanged.connect(self._on_changed)
                read: Callable[[], Any] = lambda: combo.currentData() or 0  # noqa: E731  # one line of a match
                return _Entry(field, (self._label(field.text, combo, line), combo), read)
            case Number():
                return self._number(field, line)

    def _number(self, field: Number, line: int) -> _Entry:
        spin = QDoubleSpinBox()
        spin.setRange(field.low, field.high)
        spin.setDecimals(field.decimals)
        spin.setSingleStep(field.step)
        spin.setValue(field.value or 0.0)
        spin.setSuffix(translated(field.unit) if field.unit else "")
        spin.valueChanged.connect(self._on_changed)
        label = self._label(field.text, spin, line)
        if not field.image:
            return _Entry(field, (label, spin), spin.value)
        slider = QSlider(Qt.Orientation.Horizontal)
        slider.setRange(0, _TICKS)
        slider.setAccessibleName(translated(field.text))
        self._grid.addWidget(slider, line + 1, 0, 1, 2)
        _couple(spin, slider)
        return _Entry(field, (label, spin, slider), spin.value)

    def _label(self, text: str, widget: QWidget, line: int) -> QLabel:
        label = QLabel(translated(text))
        label.setBuddy(widget)
        widget.setAccessibleName(translated(text))
        self._grid.addWidget(label, line, 0)
        self._grid.addWidget(widget, line, 1)
        return label

    def _offer(self, combo: QWidget) -> None:
        assert isinstance(combo, QComboBox)
        chosen = combo.currentData()
        combo.blockSignals(True)
        combo.clear()
        for segment in self._session.document.segments if self._session.document else ():
            if segment.label != self._session.view.active:
                combo.addItem(swatch(segment.colour), segment.name, segment.label)
        combo.setCurrentIndex(max(0, combo.findData(chosen)))
        combo.blockSignals(False)

    def _on_changed(self, *_: object) -> None:
        values = {entry.field.name: entry.read() for entry in self._entries if not isinstance(entry.field, Number)}
        for entry in self._entries:
            only = entry.field.only
            for widget in entry.widgets:
                widget.setVisible(only is None or values[only.field] in only.values)
        self.changed.emit()


def _couple(spin: QDoubleSpinBox, slider: QSlider) -> None:
    """Slider and number say the same: the slider runs over the range that is set as its property."""

    def to_spin(tick: int) -> None:
        low, high = slider.property("span")
        if round((spin.value() - low) / max(high - low, 1e-12) * _TICKS) != tick:
            spin.setValue(low + (high - low) * tick / _TICKS)

    def to_slider(value: float) -> None:
        low, high = slider.property("span")
        slider.setValue(round((value - low) / max(high - low, 1e-12) * _TICKS))

    slider.setProperty("span", (0.0, 1.0))
    slider.valueChanged.connect(to_spin)
    spin.valueChanged.connect(to_slider)


def _start_at(spin: QWidget, field: Number, step_mm: float) -> None:
    """The first value, or what reaches the next voxel of this scan where that is more, rounded up to a decimal."""
    assert isinstance(spin, QDoubleSpinBox)
    scale = 10**field.decimals
    spin.blockSignals(True)
    spin.setValue(max(field.value or 0.0, ceil(round(field.voxels * step_mm * scale, 3)) / scale))
    spin.blockSignals(False)


def _fit(spin: QWidget, slider: QWidget, limits: tuple[float, float], span: tuple[float, float], first: float) -> None:
    assert isinstance(spin, QDoubleSpinBox)
    width = max(span[1] - span[0], 1e-9)
    whole = float(limits[0]).is_integer() and float(limits[1]).is_integer() and width >= 20
    spin.blockSignals(True)
    slider.blockSignals(True)
    spin.setDecimals(0 if whole else 3)
    spin.setRange(*limits)
    spin.setSingleStep(max(1.0, round(width / 200)) if whole else width / 200)
    spin.setValue(first)
    slider.setProperty("span", span)
    if isinstance(slider, QSlider):
        slider.setValue(round((first - span[0]) / width * _TICKS))
    spin.blockSignals(False)
    slider.blockSignals(False)
