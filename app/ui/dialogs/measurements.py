"""`MeasurementsDialog`: tables of measurements, to copy, to save, to compare and to report."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import (
    QAbstractItemView,
    QDialog,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QPushButton,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from app.measure.tables import Table


class MeasurementsDialog(QDialog):
    """One table; its columns are the segments, its rows the measurements. Does not stop the work."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(self.tr("Measurements"))
        self.resize(720, 560)
        self.shown: Table | None = None
        self.grid = QTableWidget()
        self.grid.setAccessibleName(self.tr("Measurements"))
        self.grid.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.grid.setAlternatingRowColors(True)
        self.grid.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        self.note = QLabel()
        self.note.setWordWrap(True)
        self.note.setObjectName("dim")
        self.again = QPushButton(self.tr("Measure again"))
        self.copy = QPushButton(self.tr("Copy"))
        self.save = QPushButton(self.tr("Save CSV…"))
        self.compare = QPushButton(self.tr("Compare with labels…"))
        self.report = QPushButton(self.tr("Write report…"))
        for button in (self.again, self.copy, self.save, self.compare, self.report):
            button.setAutoDefault(False)
        self._lay_out()
        QShortcut(QKeySequence.StandardKey.Copy, self, self.copy.click)

    def show_table(self, table: Table, note: str) -> None:
        """A table, turned so that each segment is a column."""
        self.shown = table
        self.note.setText(note)
        self.grid.setRowCount(len(table.columns) - 1)
        self.grid.setColumnCount(len(table.rows))
        self.grid.setVerticalHeaderLabels(list(table.columns[1:]))
        self.grid.setHorizontalHeaderLabels([row[0] for row in table.rows])
        for column, row in enumerate(table.rows):
            for number, cell in enumerate(row[1:]):
                item = QTableWidgetItem(cell or "–")
                item.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
                self.grid.setItem(number, column, item)
        self.set_ready(True)

    def show_note(self, text: str) -> None:
        """A sentence in the place of what is not there yet, or could not be done."""
        self.note.setText(text)

    def set_ready(self, ready: bool) -> None:
        """Whether there is something to copy and no work under way."""
        for button in (self.copy, self.save, self.compare, self.report, self.again):
            button.setEnabled(ready)

    def _lay_out(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 16, 16, 16)
        column.setSpacing(10)
        column.addWidget(self.grid, 1)
        column.addWidget(self.note)
        row = QHBoxLayout()
        for button in (self.again, self.compare):
            row.addWidget(button)
        row.addStretch()
        for button in (self.copy, self.save, self.report):
            row.addWidget(button)
        column.addLayout(row)
