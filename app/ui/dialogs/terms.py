"""`TermBox`: what a structure is, chosen from the list of terms by typing any part of its words."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent, QStandardItem, QStandardItemModel
from PySide6.QtWidgets import QComboBox, QCompleter

from app.exchange.terms import Term, search, terms

KEY = Qt.ItemDataRole.UserRole


def term_model() -> QStandardItemModel:
    """Every term with its key, for boxes to share."""
    model = QStandardItemModel()
    for term in terms():
        item = QStandardItem(term.text)
        item.setData(term.key, KEY)
        item.setToolTip(f"SNOMED CT {term.code}, {term.category}")
        model.appendRow(item)
    return model


class TermBox(QComboBox):
    """Signals: `picked(str)`: the key of a term that the user chose."""

    picked = Signal(str)

    def __init__(self, model: QStandardItemModel, term: Term, name: str) -> None:
        super().__init__()
        self.setEditable(True)
        self.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
        self.setModel(model)
        self.setAccessibleName(name)
        completer = QCompleter(model, self)
        completer.setFilterMode(Qt.MatchFlag.MatchContains)
        completer.setCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
        self.setCompleter(completer)
        self._show(term.key)
        self.activated.connect(self._on_activated)
        if line := self.lineEdit():
            line.editingFinished.connect(self._on_finished)

    @property
    def key(self) -> str:
        """Of the term that is shown."""
        return str(self.currentData(KEY))

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802  # Qt's name
        """Return ends the typing; it does not press the dialog's button."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._on_finished()
            event.accept()
        else:
            super().keyPressEvent(event)

    def _show(self, key: str) -> None:
        self.setCurrentIndex(self.findData(key, KEY))

    def _on_activated(self, index: int) -> None:
        self.picked.emit(str(self.itemData(index, KEY)))

    def _on_finished(self) -> None:
        """Words that are no term become the first term that they find, or what was there before."""
        text = self.currentText()
        if text == self.itemText(self.currentIndex()):
            return
        found = search(text)
        if found:
            self._show(found[0].key)
            self.picked.emit(found[0].key)
        else:
            self.setEditText(self.itemText(self.currentIndex()))
