"""`HistoryPanel`: the steps of the case; a click goes back to one, or forward again."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtGui import QColor
from PySide6.QtWidgets import QListWidget, QListWidgetItem, QVBoxLayout, QWidget

from app.history import Step
from app.session import Session
from app.ui import theme


class HistoryPanel(QWidget):
    """The newest step is the last line that is not grey; grey lines were undone."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self.list = QListWidget()
        self.list.setAccessibleName(self.tr("History"))
        self.list.setUniformItemSizes(True)
        self.list.itemClicked.connect(self._on_clicked)
        self.list.itemActivated.connect(self._on_clicked)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 4, 0, 0)
        column.addWidget(self.list)

    def refresh(self) -> None:
        """Show the steps as they are now."""
        self.list.clear()
        document = self._session.document
        if document is None:
            return
        done = grouped(document.history.done)
        undone = grouped(document.history.undone[::-1])
        self.list.addItem(self.tr("Scan opened"))
        for text in (*done, *undone):
            self.list.addItem(text)
        for number in range(len(done) + 1, self.list.count()):
            self.list.item(number).setForeground(QColor(theme.DISABLED))
        self.list.setCurrentRow(len(done))
        self.list.scrollToItem(self.list.item(len(done)))

    def _on_clicked(self, row: QListWidgetItem) -> None:
        target = self.list.row(row)
        document = self._session.document
        if document is None:
            return
        while len(grouped(document.history.done)) > target and self._session.undo():
            continue
        while len(grouped(document.history.done)) < target and self._session.redo():
            continue


def grouped(steps: Sequence[Step]) -> list[str]:
    """One title for each step or group of steps that is undone together."""
    titles: list[str] = []
    previous = 0
    for step in steps:
        if step.group and step.group == previous:
            continue
        titles.append(step.title)
        previous = step.group
    return titles
