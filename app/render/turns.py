"""`Turns`: views draw one after the other, and the event loop comes round between two of them."""

from __future__ import annotations

from collections import deque
from typing import Protocol

from PySide6.QtCore import QCoreApplication, QObject, QTimer
from shiboken6 import isValid


class Drawing(Protocol):
    """A widget that can bring its picture up to date."""

    def draw(self) -> None:
        """Draw, if there is anything new to draw."""


class Turns(QObject):
    """Who waits to draw, in the order of asking.

    Four pictures of a large scan take up to 100 ms without a graphics card. Drawn in one pass of the event loop, no key
    and no mouse is heard meanwhile; drawn one in each pass, a person waits for one of them at most.
    """

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._waiting: deque[Drawing] = deque()
        self._timer = QTimer(self)
        self._timer.setInterval(0)
        self._timer.timeout.connect(self._next)

    @classmethod
    def of(cls, application: QCoreApplication) -> Turns:
        """The application's own; all windows share its event loop."""
        return application.findChild(cls) or cls(application)

    def take(self, widget: Drawing) -> None:
        """Draw the widget when its turn comes; asking twice is asking once."""
        if widget not in self._waiting:
            self._waiting.append(widget)
        self._timer.start()

    def _next(self) -> None:
        widget = self._waiting.popleft() if self._waiting else None
        if not self._waiting:
            self._timer.stop()
        if widget is not None and isValid(widget):
            widget.draw()
