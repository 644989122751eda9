"""`Activity`: in the status bar: what runs, how far it is, and a button to cancel it."""

from __future__ import annotations

from PySide6.QtCore import QTimer, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QProgressBar, QWidget

from app.ui.panels.view_frame import small_button

SHOW_AFTER_MS = 250  # quicker work would only flicker


class Activity(QWidget):
    """Signals: `cancel_wanted()`."""

    cancel_wanted = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._text = QLabel()
        self._bar = QProgressBar()
        self._bar.setFixedWidth(176)
        self._bar.setTextVisible(False)
        self._bar.setAccessibleName(self.tr("Progress"))
        self.cancel = small_button("stop", self.tr("Cancel (Esc)"))
        self.cancel.clicked.connect(self.cancel_wanted)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 8, 0)
        row.addStretch()
        row.setSpacing(8)
        for widget in (self._text, self._bar, self.cancel):
            row.addWidget(widget)
        self._late = QTimer(self)
        self._late.setSingleShot(True)
        self._late.timeout.connect(self.show)
        self.what = ""
        self.hide()

    @property
    def busy(self) -> bool:
        """Whether something is said to run."""
        return bool(self.what)

    def tell(self, what: str, fraction: float | None, can_cancel: bool = True) -> None:
        """Show progress; None for work of unknown length."""
        self.what = what
        self._text.setText(what)
        if fraction is None:
            self._bar.setRange(0, 0)
        else:
            self._bar.setRange(0, 100)
            self._bar.setValue(round(100 * fraction))  # each new value is painted at once
        self.cancel.setVisible(can_cancel)
        if self.isHidden() and not self._late.isActive():
            self._late.start(SHOW_AFTER_MS)

    def end(self) -> None:
        """Nothing runs."""
        self.what = ""
        self._late.stop()
        self.hide()
