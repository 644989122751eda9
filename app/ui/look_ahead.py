"""`LookAhead`: tells the engine which slice is seen, so that models that work by slices prepare from there."""

from __future__ import annotations

from PySide6.QtCore import QObject

from app.session import Session
from app.ui.panels.four_up import FourUp
from app.ui.soon import Soon

SETTLE_MS = 300  # while the user scrolls nothing is begun


class LookAhead(QObject):
    """Follows the crosshair in the view last worked in; after another case and another model too."""

    def __init__(self, session: Session, views: FourUp) -> None:
        super().__init__(views)
        self._session, self._views = session, views
        self._soon = Soon(self, self._tell, SETTLE_MS)
        session.view.crosshair_changed.connect(self._soon.ask)
        session.document_changed.connect(self._soon.ask)
        session.model_changed.connect(self._soon.ask)

    def _tell(self) -> None:
        if self._session.document is not None and self._session.model.dimensions == 2:
            view = self._views.worked.view
            self._session.inference.engine.look_at(view.axis, view.slice_index)
