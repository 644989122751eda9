"""`Status`: what the engine says on its way: progress, notices, errors, how a propagation ended."""

from __future__ import annotations

from PySide6.QtCore import QObject

from app.engine.propagation import told
from app.engine.protocol import Progress
from app.errors import AppError
from app.session import Session
from app.ui.cases import Cases
from app.ui.panels.activity import Activity
from app.ui.panels.banner import Banner


class Status(QObject):
    """Shows it in status bar and banner; while a file is being opened, the status bar is the file's."""

    def __init__(self, session: Session, cases: Cases, banner: Banner, activity: Activity) -> None:
        super().__init__(cases)
        self._session, self._cases, self._banner, self._activity = session, cases, banner, activity
        session.failed.connect(self._on_failed)
        session.noticed.connect(banner.tell)
        session.progressed.connect(self._on_progressed)
        session.prepared.connect(self._on_ended)
        session.estimated.connect(self._on_ended)
        session.model_changed.connect(self._on_ended)
        session.propagation_changed.connect(self._on_propagation_changed)

    def _on_failed(self, error: AppError) -> None:
        self._on_ended()
        self._banner.tell_error(error)

    def _on_progressed(self, progress: Progress) -> None:
        if self._cases.busy:
            return
        if progress.fraction >= 1:
            self._activity.end()
        else:
            self._activity.tell(progress.what, progress.fraction, can_cancel=self._session.inference.busy)

    def _on_ended(self, *_: object) -> None:
        if not self._cases.busy:
            self._activity.end()

    def _on_propagation_changed(self) -> None:
        if self._session.propagating:
            return
        self._on_ended()
        outcome = self._session.inference.outcome
        reason = told(outcome, first=1) if outcome else ""
        if reason:
            self._banner.tell(reason)
