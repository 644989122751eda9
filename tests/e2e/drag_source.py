"""`python drag_source.py FILE` stands for a file manager: a small window from which that file can be dragged away.

A program of its own, so that the drop is one between two programs (XDND).
"""

from __future__ import annotations

import sys

from PySide6.QtCore import QMimeData, Qt, QUrl
from PySide6.QtGui import QDrag, QMouseEvent
from PySide6.QtWidgets import QApplication, QLabel

TITLE = "Files of a test"
PLACE = (80, 30)
"""Pixels of the screen: in the middle of its window."""


class File(QLabel):
    """Begins a drag where the mouse is pressed."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self._url = QUrl.fromLocalFile(path)
        self.setWindowTitle(TITLE)
        self.setGeometry(0, 0, 2 * PLACE[0], 2 * PLACE[1])

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802  # Qt's name
        """Drag until the button is let go."""
        if event.buttons() & Qt.MouseButton.LeftButton:
            drag, mime = QDrag(self), QMimeData()
            mime.setUrls([self._url])
            drag.setMimeData(mime)
            drag.exec(Qt.DropAction.CopyAction)


if __name__ == "__main__":
    application = QApplication(sys.argv)
    file = File(sys.argv[1])
    file.show()
    file.raise_()
    sys.exit(application.exec())
