"""`Estimates`: the uncertainty of the active segment after every click, the worst slice, and the next click."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from PySide6.QtCore import QObject, QSettings

from app.engine.protocol import Estimated
from app.engine.uncertainty import suggest
from app.geometry import Index
from app.prompts import Point
from app.session import Session
from app.ui.jobs import Job, Jobs
from app.ui.panels.banner import Banner
from app.ui.panels.four_up import FourUp
from app.ui.panels.segments import SegmentsPanel
from app.ui.panels.volumes import millilitres
from app.ui.soon import Soon

SETTLE_MS = 400  # of quiet after a change, before the ensemble runs by itself
QUICK_SECONDS = 0.7  # of a click: with slower models it runs only when asked, as a click waits for one sample
SAMPLES, FEW = 8, 4
_FEW_FROM = 0.25  # seconds of a click, from which on `FEW` samples are enough without being asked
_SETTING = "view/uncertainty"


class Estimates(QObject):
    """Asks for estimates and shows them. One that was not asked for gives way to the next click."""

    def __init__(self, session: Session, jobs: Jobs, views: FourUp, segments: SegmentsPanel, banner: Banner) -> None:
        super().__init__(views)
        self._session, self._jobs, self._views, self._segments, self._banner = session, jobs, views, segments, banner
        self._then: Callable[[Estimated], None] | None = None
        self._suggested: tuple[Index, bool] | None = None
        self._question = ""
        """What the banner asks of the suggested click."""
        self._again = Soon(self, self._ask_again, SETTLE_MS)
        self._follow = Soon(self, self._follow_now)
        session.view.heat = bool(QSettings().value(_SETTING, True, type=bool))
        session.estimated.connect(self._on_estimated)
        session.view.active_changed.connect(self.follow)

    # Verbs

    def toggle(self) -> None:
        """Show the heat map after every click, or hide it."""
        view = self._session.view
        view.heat = not view.heat
        QSettings().setValue(_SETTING, view.heat)
        if view.heat and not self._show():
            self._session.begin_uncertainty(view.active, SAMPLES)

    def suggest(self) -> None:
        """Look at the voxel where the next click helps most."""
        self._with_estimate(self._suggest)

    def worst(self) -> None:
        """Go to the slice of the view last worked in where the mask is least sure."""
        axis = self._views.worked.view.axis
        carried = self._session.confidences(self._session.view.active).get(axis, {})
        filled = [index for index, confidence in carried.items() if confidence > 0]  # 0: empty, beyond the end
        if filled:
            self._go_to(axis, min(filled, key=lambda index: carried[index]))
        else:
            self._with_estimate(lambda estimated: self._go_to_worst(estimated, axis))

    def accept(self, as_thought: bool) -> bool:
        """Click where it was suggested, as the ensemble thinks or the other way round; whether there was anything."""
        if self._suggested is None:
            return False
        index, inside = self._suggested
        self._forget_suggestion()
        point = Point(index, inside == as_thought, self._views.worked.view.axis)
        self._session.add_prompt(self._session.view.active, point)
        return True

    # Facts

    def follow(self, *_: object) -> None:
        """The segment or its voxels changed: what runs or is shown may be old."""
        self._session.inference.drop_stale_estimate()
        self._forget_suggestion()
        self._follow.ask()

    def _follow_now(self) -> None:
        self._views.set_suggestion(None)
        if not self._show() and self._session.view.heat:
            self._again.stop()
            self._again.ask()

    def _show(self) -> bool:
        estimated = self._session.estimate(self._session.view.active)
        self._views.set_estimate(estimated)
        if estimated is None:
            self._segments.show_interval("")
            return False
        low, high = (millilitres(end) for end in estimated.interval)
        self._segments.show_interval(self.tr("probably %1 to %2").replace("%1", low).replace("%2", high))
        return True

    def _ask_again(self) -> None:
        document, view, inference = self._session.document, self._session.view, self._session.inference
        if not document or not view.heat or view.active not in document.segmentation.segments or inference.busy:
            return
        speed = inference.speeds.of(self._session.model.id)
        typical = speed.typical if speed else 0.0
        if document.prompts(view.active) and typical <= QUICK_SECONDS and document.segmentation.extent(view.active):
            self._session.begin_uncertainty(view.active, FEW if typical > _FEW_FROM else SAMPLES)

    def _on_estimated(self, label: int) -> None:
        if label != self._session.view.active:
            return
        self._show()
        then, self._then = self._then, None
        if then:
            self._with_estimate(then)

    # How

    def _with_estimate(self, then: Callable[[Estimated], None]) -> None:
        """Do something with the estimate of the active segment, once there is one."""
        estimated = self._session.estimate(self._session.view.active)
        if estimated is None:
            self._then = then
            self._session.begin_uncertainty(self._session.view.active, SAMPLES)
        else:
            then(estimated)

    def _suggest(self, estimated: Estimated) -> None:
        prompts = self._session.prompts(self._session.view.active)
        self._jobs.start(Job(lambda: suggest(estimated, prompts), self._show_suggestion, self._banner.tell_error))

    def _show_suggestion(self, suggestion: tuple[Index, bool]) -> None:
        index, inside = self._suggested = suggestion
        self._session.view.crosshair = index
        self._views.set_suggestion(index)
        if inside:
            self._question = self.tr(
                "Least sure here, but probably inside. Enter includes it, Shift+Enter excludes it."
            )
        else:
            self._question = self.tr(
                "Least sure here, but probably outside. Enter excludes it, Shift+Enter includes it."
            )
        self._banner.tell(self._question)

    def _forget_suggestion(self) -> None:
        """The keys that the banner names mean nothing any more, so it goes too."""
        if self._suggested is not None:
            self._suggested = None
            self._banner.take_back(self._question)

    def _go_to_worst(self, estimated: Estimated, axis: int) -> None:
        if estimated.surety:
            self._go_to(axis, estimated.surety[axis].worst, estimated)

    def _go_to(self, axis: int, index: int, estimated: Estimated | None = None) -> None:
        """To a slice; where an estimate tells, to its least sure voxel, so that other views show it too."""
        crosshair = list(self._session.view.crosshair)
        if estimated:
            slab = estimated.slab(axis, index)
            place = np.unravel_index(int(slab.argmax()), slab.shape)
            crosshair = [int(n) + s for n, s in zip(place, estimated.region.start, strict=True)]
        crosshair[axis] = index
        k, j, i = crosshair
        self._session.view.crosshair = k, j, i
        self._banner.tell(self.tr("Least sure of all slices here: slice %1.").replace("%1", str(index + 1)))
