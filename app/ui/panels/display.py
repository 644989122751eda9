"""`DisplayPanel`: window and level with presets, opacity of the segments."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QComboBox, QGridLayout, QLabel, QSlider, QWidget

from app.session import Session
from app.ui.binding import bind
from app.ui.panels.fields import number_field
from app.ui.panels.view_frame import small_button
from app.view_state import CT_PRESETS, Window, auto_window, in_hounsfield


class _LevelWidth:
    """`ViewState.window` as the two numbers that radiologists know."""

    def __init__(self, session: Session) -> None:
        self._view = session.view

    @property
    def level(self) -> float:
        return self._view.window.level

    @level.setter
    def level(self, level: float) -> None:
        self._view.window = Window.of(level, self._view.window.width)

    @property
    def width(self) -> float:
        return self._view.window.width

    @width.setter
    def width(self, width: float) -> None:
        self._view.window = Window.of(self._view.window.level, width)


class DisplayPanel(QWidget):
    """Bound to the view state; presets are offered for CT, where numbers mean the same everywhere."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self.level, self.width_ = number_field(-1e6, 1e7), number_field(1e-6, 1e7)
        self.opacity = QSlider(Qt.Orientation.Horizontal)
        self.opacity.setRange(0, 100)
        self.presets = QComboBox()
        self.presets.addItem(self.tr("Presets"), None)
        for number, (name, window) in enumerate(CT_PRESETS.items(), 1):
            self.presets.addItem(f"{number}  {name}", (window.low, window.high))
        self.presets.activated.connect(self._on_preset)
        self.auto = small_button("auto", self.tr("Automatic window (0)"))
        self.auto.clicked.connect(self._on_auto)
        self._lay_out()
        numbers = _LevelWidth(session)
        bind(self.level, numbers, "level", session.view.window_changed)
        bind(self.width_, numbers, "width", session.view.window_changed)
        bind(self.opacity, session.view, "opacity", session.view.display_changed, scale=100)
        session.view.window_changed.connect(self._on_window_changed)

    def set_case(self) -> None:
        """Steps and presets that suit the open scan."""
        document = self._session.document
        self.presets.setEnabled(document is not None and in_hounsfield(document.volume))
        low, high = document.volume.usual_range if document else (0.0, 100.0)
        step = max((high - low) / 100, 1e-6)
        for spin in (self.level, self.width_):
            spin.setSingleStep(float(f"{step:.1g}"))
            spin.setDecimals(0 if step >= 1 else 3)
        self._on_window_changed()

    def _lay_out(self) -> None:
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(8)
        grid.setVerticalSpacing(6)
        rows = (
            (self.tr("Window"), self.presets),
            (self.tr("Level"), self.level),
            (self.tr("Width"), self.width_),
            (self.tr("Opacity"), self.opacity),
        )
        for number, (text, widget) in enumerate(rows):
            label = QLabel(text)
            label.setBuddy(widget)
            widget.setAccessibleName(text)
            grid.addWidget(label, number, 0)
            grid.addWidget(widget, number, 1, 1, 1 if number == 0 else 2)
        grid.addWidget(self.auto, 0, 2)
        grid.setColumnStretch(1, 1)

    def _on_preset(self) -> None:
        if limits := self.presets.currentData():
            self._session.view.window = Window(*limits)

    def _on_auto(self) -> None:
        if self._session.document:
            self._session.view.window = auto_window(self._session.document.volume)

    def _on_window_changed(self) -> None:
        window = self._session.view.window
        wanted = (window.low, window.high)
        same = [n for n in range(1, self.presets.count()) if tuple(self.presets.itemData(n)) == wanted]
        self.presets.setCurrentIndex(same[0] if same and self.presets.isEnabled() else 0)
