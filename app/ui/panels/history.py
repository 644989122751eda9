"""`HistoryPanel`: the steps of the case; a click goes back to one, or forward again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import QAbstractListModel, QModelIndex, QPersistentModelIndex, Qt
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QListView, QVBoxLayout, QWidget

from app.history import Step
from app.session import Session
from app.ui import theme

Place = QModelIndex | QPersistentModelIndex


class _Lines(QAbstractListModel):
    """One line for each step or group of steps, after a first one for the opened scan; those from `done` on are undone.

    The list asks for the lines that it shows, so ten thousand steps cost no more than twenty.
    """

    def __init__(self) -> None:
        super().__init__()
        self._titles: list[str] = []
        self._done = 0

    def show(self, titles: list[str], done: int) -> None:
        """Other lines; `done` of them, the first included, are not undone."""
        self.beginResetModel()
        self._titles, self._done = titles, done
        self.endResetModel()

    def rowCount(self, parent: Place | None = None) -> int:  # noqa: N802  # Qt's name
        """How many lines there are."""
        return 0 if parent is not None and parent.isValid() else len(self._titles)

    def data(self, place: Place, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Text and colour of a line."""
        if role == Qt.ItemDataRole.DisplayRole:
            return self._titles[place.row()]
        if role == Qt.ItemDataRole.ForegroundRole and place.row() >= self._done:
            return QColor(theme.DISABLED)
        return None


class HistoryPanel(QWidget):
    """The chosen line is where the case stands; grey lines below it were undone and can be done again."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self._lines = _Lines()
        self.list = QListView()
        self.list.setModel(self._lines)
        self.list.setAccessibleName(self.tr("History"))
        self.list.setUniformItemSizes(True)
        self.list.setToolTip(self.tr("Click on a step to go back to it, or forward again"))
        self.list.clicked.connect(self._go)
        self.list.activated.connect(self._go)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 4, 0, 0)
        column.addWidget(self.list)

    def refresh(self) -> None:
        """Show the steps as they are now."""
        document = self._session.document
        if document is None:
            self._lines.show([], 0)
            return
        done = grouped(document.history.done)
        undone = grouped(document.history.undone[::-1])
        self._lines.show([self.tr("Scan opened"), *done, *undone], 1 + len(done))
        here = self._lines.index(len(done))
        self.list.setCurrentIndex(here)
        self.list.scrollTo(here)

    def texts(self) -> list[str]:
        """All lines, from the oldest on."""
        return [str(self._lines.data(self._lines.index(row))) for row in range(self._lines.rowCount())]

    def _go(self, place: Place) -> None:
        self._session.go_to_step(place.row())


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
