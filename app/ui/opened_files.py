"""`OpenedFiles`: macOS tells of a double-clicked file by an event of the application, not by an argument."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QEvent, QObject
from PySide6.QtGui import QFileOpenEvent


class OpenedFiles(QObject):
    """An event filter for the application; opens what it is told of."""

    def __init__(self, take: Callable[[Path], None], parent: QObject) -> None:
        super().__init__(parent)
        self._open = take

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802  # Qt's name
        """Take a file; leave every other event alone."""
        if isinstance(event, QFileOpenEvent) and event.file():
            self._open(Path(event.file()))
            return True
        return super().eventFilter(watched, event)
