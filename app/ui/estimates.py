"""`Estimates`: the uncertainty of the active segment, kept up to date while it is shown, and the next click."""

from __future__ import annotations

from PySide6.QtCore import QObject

from app.engine.uncertainty import interval, suggest
from app.errors import AppError
from app.geometry import Index
from app.session import Session
from app.ui.jobs import Job, Jobs
from app.ui.panels.banner import Banner
from app.ui.panels.four_up import FourUp
from app.ui.panels.segments import SegmentsPanel
from app.ui.panels.volumes import millilitres
from app.ui.soon import Soon

SETTLE_MS = 400  # after a change, before the ensemble runs again


class Estimates(QObject):
    """Asks for estimates and shows them."""

    def __init__(self, session: Session, jobs: Jobs, views: FourUp, segments: SegmentsPanel, banner: Banner) -> None:
        super().__init__(views)
        self._session, self._jobs, self._views, self._segments, self._banner = session, jobs, views, segments, banner
        self._suggest_next = False
        self._again = Soon(self, self._ask_again, SETTLE_MS)
        self._follow = Soon(self, self._follow_now)
        session.estimated.connect(self._on_estimated)
        session.view.active_changed.connect(self.follow)

    def toggle(self) -> None:
        """Show the heat map, or hide it."""
        view = self._session.view
        view.heat = not view.heat
        if view.heat and not self._show():
            self._session.begin_uncertainty(view.active)

    def suggest(self) -> None:
        """Look at the voxel where the next click helps most."""
        if not self._suggest():
            self._suggest_next = True
            self._session.begin_uncertainty(self._session.view.active)

    def follow(self, *_: object) -> None:
        """The segment or its voxels changed: what is shown may be old."""
        self._follow.ask()

    def _follow_now(self) -> None:
        self._views.set_suggestion(None)
        if not self._show() and self._session.view.heat:
            self._again.ask()

    def _show(self) -> bool:
        estimated = self._session.estimate(self._session.view.active)
        self._views.set_estimate(estimated)
        if estimated is None:
            self._segments.show_interval("")
            return False
        low, high = interval(estimated.volumes)
        number = str(len(estimated.volumes))
        text = self.tr("%1 to %2 in 90 % of %3 samples")
        self._segments.show_interval(
            text.replace("%1", millilitres(low)).replace("%2", millilitres(high)).replace("%3", number)
        )
        return True

    def _ask_again(self) -> None:
        document, view = self._session.document, self._session.view
        if not document or not view.heat or view.active not in document.segmentation.segments:
            return
        if document.prompts(view.active) and not document.open_prompts(view.active) and not self._session.propagating:
            self._session.begin_uncertainty(view.active)

    def _on_estimated(self, label: int) -> None:
        if label == self._session.view.active:
            self._show()
        if self._suggest_next:
            self._suggest_next = False
            self._suggest()

    def _suggest(self) -> bool:
        label = self._session.view.active
        estimated = self._session.estimate(label)
        if estimated is None:
            return False
        prompts = self._session.prompts(label)
        self._jobs.start(Job(lambda: suggest(estimated, prompts), self._go, self._fail))
        return True

    def _go(self, suggestion: tuple[Index, bool]) -> None:
        index, inside = suggestion
        self._session.view.crosshair = index
        self._views.set_suggestion(index)
        if inside:
            text = self.tr("Least sure here, but probably inside. Click to include it, Ctrl+click to exclude it.")
        else:
            text = self.tr("Least sure here, but probably outside. Click to include it, Ctrl+click to exclude it.")
        self._banner.tell(text)

    def _fail(self, error: AppError) -> None:
        self._banner.tell_error(error)
