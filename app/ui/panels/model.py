"""`ModelPicker`: which model answers, and the way to those that are not here yet."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QComboBox, QWidget

from app.engine import registry
from app.engine.model_card import ModelCard
from app.errors import AppError
from app.session import Session
from app.ui import model_words, theme


class ModelPicker(QComboBox):
    """Installed models first; then, dimmed, those to download; last the page of models.

    Signals:
        models_wanted(str): the page of models is wanted, at the model of this id or "".
    """

    models_wanted = Signal(str)

    def __init__(self, session: Session, report: Callable[[AppError], None], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session, self._report = session, report
        self.setAccessibleName(self.tr("Model"))
        self.setMaxVisibleItems(24)
        self.activated.connect(self._on_activated)
        session.model_changed.connect(self.refresh)
        self.fill()

    def fill(self) -> None:
        """List the models as they are now."""
        self.clear()
        cards = self._session.models()
        for card in (card for card in cards if registry.installed(card)):
            self._add(card, self._named(card))
        self.insertSeparator(self.count())
        for card in (card for card in cards if not registry.installed(card)):
            self._add(card, f"{self._named(card)}  ·  {model_words.size(card)}")
            self.setItemData(self.count() - 1, QColor(theme.DIM), Qt.ItemDataRole.ForegroundRole)
        self.insertSeparator(self.count())
        self.addItem(self.tr("Models…"), "")
        self.refresh()

    def refresh(self) -> None:
        """Show the model that answers now."""
        self.setCurrentIndex(self.findData(self._session.model.id))
        self.setToolTip(self._tip(self._session.model))

    def _add(self, card: ModelCard, text: str) -> None:
        self.addItem(text, card.id)
        self.setItemData(self.count() - 1, self._tip(card), Qt.ItemDataRole.ToolTipRole)

    def _tip(self, card: ModelCard) -> str:
        return model_words.tip(card, self._session.inference.speeds)

    def _named(self, card: ModelCard) -> str:
        return card.name if card.commercial else self.tr("%1 (non-commercial)").replace("%1", card.name)

    def _on_activated(self) -> None:
        model = self.currentData()
        missing = not model or not registry.installed(registry.card(model))
        if missing:
            self.models_wanted.emit(model)
        else:
            self._use(model)
        self.refresh()

    def _use(self, model: str) -> None:
        try:
            self._session.use_model(model)
        except AppError as error:
            self._report(error)
