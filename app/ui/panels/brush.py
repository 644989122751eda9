"""`BrushPage`: size, form and gate of the brush."""

from __future__ import annotations

from functools import partial
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QCheckBox,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QSlider,
    QToolButton,
    QWidget,
)

from app.corrections import LARGEST, SMALLEST
from app.session import Session
from app.ui.actions import Actions
from app.ui.binding import Binding
from app.ui.panels.fields import number_field

TOOLS = ("brush", "eraser", "outline")


class _Knobs:
    """`Corrections.brush`, field by field, for `bind`."""

    def __init__(self, session: Session) -> None:
        self._corrections = session.corrections

    def get(self, name: str) -> Any:
        """One field; the gate's ends are "low" and "high"."""
        brush = self._corrections.brush
        return brush.gate[name == "high"] if name in ("low", "high") else getattr(brush, name)

    def put(self, name: str, value: Any) -> None:
        """Change one field; an end of the gate takes the other one along when it meets it."""
        low, high = self._corrections.brush.gate
        match name:
            case "low":
                self._corrections.change_brush(gate=(value, max(high, value)))
            case "high":
                self._corrections.change_brush(gate=(min(low, value), value))
            case _:
                self._corrections.change_brush(**{name: value})


class BrushPage(QWidget):
    """Bound to the brush; the tools' buttons are the tool bar's actions."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session, self._knobs = session, _Knobs(session)
        self.radius = number_field(SMALLEST, LARGEST, 1, self.tr(" mm"))
        self.radius.setSingleStep(0.5)
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setRange(round(10 * SMALLEST), round(10 * LARGEST))
        self.ball = QCheckBox(self.tr("Ball: paint on neighbouring slices too"))
        self.ball.setToolTip(self.tr("The outline tool then cuts through all slices"))
        self.gated = QCheckBox(self.tr("Only voxels with values"))
        self.low, self.high = number_field(-1e6, 1e6), number_field(-1e6, 1e6)
        self._lay_out()
        self._bind()

    def add_tools(self, actions: Actions) -> None:
        """Buttons of the tools that draw."""
        for name in TOOLS:
            button = QToolButton()
            button.setDefaultAction(actions[name])
            button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
            self._tools.addWidget(button)
        self._tools.addStretch()

    def set_case(self) -> None:
        """Steps that suit the open scan."""
        document = self._session.document
        low, high = document.volume.usual_range if document else (0.0, 100.0)
        whole = high - low >= 20
        for spin in (self.low, self.high):
            spin.setDecimals(0 if whole else 3)
            spin.setSingleStep(max(1.0, round((high - low) / 100)) if whole else (high - low) / 100)

    def _lay_out(self) -> None:
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(8)
        grid.setVerticalSpacing(6)
        grid.setColumnStretch(1, 1)
        self._tools = QHBoxLayout()
        self._tools.setSpacing(4)
        grid.addLayout(self._tools, 0, 0, 1, 3)
        label = QLabel(self.tr("Radius"))
        label.setBuddy(self.radius)
        for widget, name in (
            (self.radius, self.tr("Radius of the brush")),
            (self.slider, self.tr("Radius of the brush")),
            (self.low, self.tr("Lowest value painted")),
            (self.high, self.tr("Highest value painted")),
        ):
            widget.setAccessibleName(name)
        grid.addWidget(label, 1, 0)
        grid.addWidget(self.slider, 1, 1)
        grid.addWidget(self.radius, 1, 2)
        grid.addWidget(self.ball, 2, 0, 1, 3)
        grid.addWidget(self.gated, 3, 0, 1, 3)
        limits = QHBoxLayout()
        limits.setSpacing(8)
        limits.addWidget(self.low, 1)
        limits.addWidget(QLabel(self.tr("to")))
        limits.addWidget(self.high, 1)
        grid.addLayout(limits, 4, 0, 1, 3)
        grid.setRowStretch(5, 1)

    def _bind(self) -> None:
        changed, knobs = self._session.corrections.brush_changed, self._knobs
        rows = (
            (self.radius, "millimetres", 1.0),
            (self.slider, "millimetres", 10.0),
            (self.ball, "ball", 1.0),
            (self.gated, "gated", 1.0),
            (self.low, "low", 1.0),
            (self.high, "high", 1.0),
        )
        for widget, name, scale in rows:
            binding = Binding(widget, partial(knobs.get, name), partial(knobs.put, name), scale)
            changed.connect(binding.update)
            binding.update()
        changed.connect(self._on_brush_changed)
        self._on_brush_changed()

    def _on_brush_changed(self) -> None:
        for spin in (self.low, self.high):
            spin.setEnabled(self._session.corrections.brush.gated)
