"""`bind`: a widget tied to a field of an object, both ways, without loops (ITK-SNAP's coupling)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QAbstractButton, QAbstractSlider, QComboBox, QDoubleSpinBox, QLineEdit, QSpinBox, QWidget

from app.events import Signal

Read = Callable[[], Any]
Write = Callable[[Any], None]


class Binding(QObject):
    """Lives as long as its widget. The widget follows the field; the field follows the user."""

    def __init__(self, widget: QWidget, read: Read, write: Write, scale: float = 1.0) -> None:
        super().__init__(widget)
        self._read, self._write = read, write
        self._scale = scale
        self._get, self._set, changed = _face(widget)
        self._updating = False
        changed.connect(self._to_field)

    def update(self) -> None:
        """Show the field; the widget's own signal does not come back here."""
        self._updating = True
        try:
            value = self._read()
            self._set(round(value * self._scale) if self._scale != 1 else value)
        finally:
            self._updating = False

    def _to_field(self, *_: object) -> None:
        if not self._updating:
            value = self._get()
            self._write(value / self._scale if self._scale != 1 else value)
            self.update()  # the object may have clipped it


def bind(widget: QWidget, thing: object, field: str, changed: Signal[()], scale: float = 1.0) -> Binding:
    """Tie a widget to `thing.field`, told by the signal `changed`; an integer widget shows the field times `scale`."""
    binding = Binding(widget, lambda: getattr(thing, field), lambda value: setattr(thing, field, value), scale)
    changed.connect(binding.update)
    binding.update()
    return binding


def _face(widget: QWidget) -> tuple[Callable[[], Any], Callable[[Any], object], Any]:
    """How a kind of widget is read, set, and tells that the user changed it."""
    match widget:
        case QAbstractButton():
            return widget.isChecked, widget.setChecked, widget.toggled
        case QAbstractSlider() | QSpinBox() | QDoubleSpinBox():
            return widget.value, widget.setValue, widget.valueChanged
        case QComboBox():
            return widget.currentData, lambda value: widget.setCurrentIndex(widget.findData(value)), widget.activated
        case QLineEdit():
            return widget.text, widget.setText, widget.editingFinished
    raise TypeError(f"{type(widget).__name__} cannot be bound")
