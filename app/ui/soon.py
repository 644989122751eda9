"""`Soon`: many wishes within a moment are one piece of work."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject, QTimer


class Soon(QObject):
    """Runs `work` once, `delay` milliseconds after it was first asked for; 0 is the next turn of the event loop.

    A propagation brings a hundred slices within a second or two: lists rebuilt for each would stop the window.
    """

    def __init__(self, parent: QObject, work: Callable[[], object], delay: int = 0) -> None:
        super().__init__(parent)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(delay)
        self._timer.timeout.connect(work)

    def ask(self, *_: object) -> None:
        """From any signal, whatever it carries."""
        if not self._timer.isActive():
            self._timer.start()

    def stop(self) -> None:
        """Forget what was asked."""
        self._timer.stop()
