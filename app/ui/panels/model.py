"""`ModelPicker`: which model answers."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QComboBox, QWidget

from app.engine.protocol import ModelCard
from app.errors import AppError
from app.session import Session


class ModelPicker(QComboBox):
    """The models known here, with licence and what they are good for as tips."""

    def __init__(self, session: Session, report: Callable[[AppError], None], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session, self._report = session, report
        self.setAccessibleName(self.tr("Model"))
        for card in session.models():
            self.addItem(self._title(card), card.id)
            self.setItemData(self.count() - 1, self._tip(card), Qt.ItemDataRole.ToolTipRole)
        self.activated.connect(self._on_activated)
        session.model_changed.connect(self.refresh)
        self.refresh()

    def refresh(self) -> None:
        """Show the model that answers now."""
        self.setCurrentIndex(self.findData(self._session.model.id))
        self.setToolTip(self._tip(self._session.model))

    def _title(self, card: ModelCard) -> str:
        return card.name if card.commercial else self.tr("%1 (non-commercial)").replace("%1", card.name)

    def _tip(self, card: ModelCard) -> str:
        licence = self.tr("Licence: %1").replace("%1", card.licence) if card.licence else ""
        return "\n".join(part for part in (card.description, licence) if part)

    def _on_activated(self) -> None:
        try:
            self._session.use_model(self.currentData())
        except AppError as error:
            self._report(error)
        self.refresh()
