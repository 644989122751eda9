"""Short questions with buttons."""

from __future__ import annotations

from enum import Enum

from PySide6.QtCore import QCoreApplication
from PySide6.QtWidgets import QMessageBox, QWidget


class Answer(Enum):
    """To "save the changes?"."""

    SAVE = "save"
    DISCARD = "discard"
    CANCEL = "cancel"


def _tr(text: str) -> str:
    return QCoreApplication.translate("Questions", text)


def ask_to_save(parent: QWidget, name: str) -> Answer:
    """What to do with unsaved work."""
    box = QMessageBox(parent)
    box.setIcon(QMessageBox.Icon.Warning)
    box.setWindowTitle("Volumask")
    box.setText(_tr("Save the segmentation of %1 first?").replace("%1", name or _tr("this scan")))
    box.setInformativeText(_tr("Changes since the last save are lost otherwise."))
    save = box.addButton(_tr("Save"), QMessageBox.ButtonRole.AcceptRole)
    discard = box.addButton(_tr("Do not save"), QMessageBox.ButtonRole.DestructiveRole)
    box.addButton(_tr("Cancel"), QMessageBox.ButtonRole.RejectRole)
    box.setDefaultButton(save)
    box.exec()
    chosen = box.clickedButton()
    box.deleteLater()
    return Answer.SAVE if chosen is save else Answer.DISCARD if chosen is discard else Answer.CANCEL


def ask_to_recover(parent: QWidget, when: str) -> bool:
    """Whether to open the work that a crash interrupted."""
    box = QMessageBox(parent)
    box.setIcon(QMessageBox.Icon.Question)
    box.setWindowTitle("Volumask")
    box.setText(_tr("Volumask did not end properly the last time."))
    box.setInformativeText(_tr("Work of %1 was kept. Open it?").replace("%1", when))
    recover = box.addButton(_tr("Open it"), QMessageBox.ButtonRole.AcceptRole)
    box.addButton(_tr("Not now"), QMessageBox.ButtonRole.RejectRole)
    box.setDefaultButton(recover)
    box.exec()
    chosen = box.clickedButton()
    box.deleteLater()
    return chosen is recover
