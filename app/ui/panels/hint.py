"""`Hint`: what an empty list is for, written in its middle."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtWidgets import QAbstractItemView, QLabel


class Hint(QLabel):
    """Lies over the list's area and lets the mouse through."""

    def __init__(self, text: str, over: QAbstractItemView) -> None:
        super().__init__(text, over.viewport())
        self.setObjectName("dim")
        self.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.setWordWrap(True)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self._area = over.viewport()
        self._area.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802  # Qt's name
        """As large as the area."""
        if event.type() == QEvent.Type.Resize:
            self.setGeometry(self._area.rect().adjusted(8, 8, -8, -8))
        return super().eventFilter(watched, event)
