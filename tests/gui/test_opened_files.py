"""A double click in macOS's Finder arrives as an event of the application and opens the file."""

from pathlib import Path

from PySide6.QtCore import QEvent, QObject
from PySide6.QtGui import QFileOpenEvent
from PySide6.QtWidgets import QApplication

from app.ui.opened_files import OpenedFiles


def test_a_file_that_the_system_tells_of_is_opened_and_other_events_pass(qapp):
    opened: list[Path] = []
    parent = QObject()
    qapp.installEventFilter(OpenedFiles(opened.append, parent))
    QApplication.sendEvent(qapp, QFileOpenEvent("/scans/Jörg's scan.nii.gz"))
    QApplication.sendEvent(qapp, QEvent(QEvent.Type.ApplicationActivate))
    assert opened == [Path("/scans/Jörg's scan.nii.gz")]
    parent.deleteLater()
