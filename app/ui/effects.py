"""`Effects`: a correction from its fields to its step: computed in a thread, shown, then applied or given up."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject, Signal

from app.editing.live import LiveThreshold
from app.editing.proposal import Effect, Proposal, propose
from app.editing.scene import Scene
from app.editing.threshold import Threshold
from app.engine.protocol import Token
from app.errors import AppError, BadInput, Cancelled
from app.geometry import Region
from app.session import Session
from app.ui.engine_bridge import EngineBridge
from app.ui.jobs import Job, Jobs
from app.ui.panels.activity import Activity
from app.ui.panels.banner import Banner
from app.ui.panels.four_up import FourUp
from app.ui.panels.volumes import millilitres
from app.ui.soon import Soon

SETTLE_MS = 150  # after the last change of a field, before an effect is computed again


class Effects(QObject):
    """At most one computation runs; what changed meanwhile is computed next.

    Signals:
        changed(): whether one is shown, runs, or what it found.
    """

    changed = Signal()

    def __init__(
        self, session: Session, jobs: Jobs, bridge: EngineBridge, views: FourUp, banner: Banner, activity: Activity
    ) -> None:
        super().__init__(views)
        self._session, self._jobs, self._bridge = session, jobs, bridge
        self._views, self._banner, self._activity = views, banner, activity
        self._wanted: tuple[Effect, bool] | None = None
        self._running: Token | None = None
        self._again = self._apply_next = False
        self._refused = ""
        self._proposal: Proposal | None = None
        self.note = ""
        """What the shown effect would do, or why it cannot be done."""
        self._soon = Soon(self, self._compute, SETTLE_MS)
        session.corrections.preview_changed.connect(self._show_preview)
        session.corrections.brush_changed.connect(self._show_tip)
        session.view.tool_changed.connect(self._show_tip)
        session.view.active_changed.connect(self._follow)
        session.view.crosshair_changed.connect(self._follow_slice)

    def set_case(self) -> None:
        """Another case: nothing is shown of the old one; this one's segments are followed."""
        self.give_up()
        document = self._session.document
        if document:
            document.labels_changed.connect(self._follow)
            document.segments_changed.connect(self._follow)
        self._show_tip()

    @property
    def shown(self) -> bool:
        """Whether an effect is chosen and shown, or about to be."""
        return self._wanted is not None

    @property
    def busy(self) -> bool:
        """Whether one is being computed."""
        return self._running is not None

    @property
    def plane(self) -> tuple[int, int]:
        """Array axis and index of the slice that "this slice" means: that of the view last worked in."""
        view = self._views.worked.view
        return view.axis, view.slice_index

    def show(self, effect: Effect, one_slice: bool) -> None:
        """Show what an effect would do to the active segment, soon; the newest wish counts."""
        self._wanted = effect, one_slice
        self._proposal = None
        self._take_back_refusal()
        if isinstance(effect, Threshold):
            self._soon.stop()
            self._show_live(effect, one_slice)
        else:
            self._stop()
            self._soon.ask()
        self.changed.emit()

    def apply(self) -> None:
        """Make what is shown a step of the history, as soon as it is computed."""
        if self._wanted is None:
            return
        proposal = self._proposal
        if proposal is None or proposal.stamp != self._session.case.segmentation.stamp:
            self._apply_next = True
            self._soon.stop()
            self._compute()
            return
        self.give_up()
        if proposal.empty:
            self._banner.tell(self.tr("Nothing to change: %1").replace("%1", proposal.title))
        self._session.corrections.apply(proposal)

    def give_up(self) -> bool:
        """Show the labels as they are; whether an effect was shown or computed."""
        was = self.shown or self.busy
        self._soon.stop()
        self._stop()
        self._wanted, self._proposal, self._again, self._apply_next = None, None, False, False
        if self._session.corrections.preview is not None:
            self._session.corrections.show(None, self._session.case.volume.geometry.region)
        self._tell("")
        return was

    # How

    def _scene(self, one_slice: bool) -> Scene:
        label = self._session.view.active
        if label not in self._session.case.segmentation.segments:
            raise BadInput(self.tr("No segment is chosen."), self.tr("Choose one in the list."))
        return self._session.corrections.scene(label, self.plane if one_slice else None)

    def _show_live(self, effect: Threshold, one_slice: bool) -> None:
        try:
            scene = self._scene(one_slice)
        except AppError as error:
            self._fail(error)
            return
        self._session.corrections.show(LiveThreshold(effect, scene), scene.domain)
        self._tell("")

    def _compute(self) -> None:
        if self._wanted is None or self._jobs.closed or self._session.document is None:
            return
        if self._running:
            self._again = True
            return
        effect, one_slice = self._wanted
        try:
            scene = self._scene(one_slice)
        except AppError as error:
            self._fail(error)
            return
        token = self._running = Token()
        self._activity.tell(self.tr("Computing the correction"), None)
        self.changed.emit()
        work = _Work(effect, scene, token, self._bridge, self._progress)
        self._jobs.start(Job(work.run, lambda proposal: self._take(token, proposal), self._fail_job))

    def _progress(self, fraction: float) -> None:
        if self._running:
            self._activity.tell(self.tr("Computing the correction"), fraction)

    def _take(self, token: Token, proposal: Proposal | None) -> None:
        self._end()
        if proposal is None or token.cancelled:
            return
        self._proposal = proposal
        if self._apply_next:
            self._apply_next = False
            self.apply()
            return
        self._session.corrections.show(proposal, self._session.case.volume.geometry.region)
        self._tell(self._told(proposal))

    def _fail_job(self, error: AppError) -> None:
        stopped = self._running is not None and self._running.cancelled
        self._end()
        if not stopped:
            self._fail(error)

    def _fail(self, error: AppError) -> None:
        if self._apply_next:
            self._banner.tell_error(error)
            self._refused = self._banner.text
        self._apply_next = False
        self._proposal = None
        if self._session.corrections.preview is not None:
            self._session.corrections.show(None, self._session.case.volume.geometry.region)
        self._tell(str(error))

    def _take_back_refusal(self) -> None:
        """What was said of the last effect is no longer of use."""
        self._banner.take_back(self._refused)
        self._refused = ""

    def _end(self) -> None:
        self._running = None
        self._activity.end()
        if self._again:
            self._again = False
            self._compute()

    def _stop(self) -> None:
        if self._running:
            self._running.cancel()
            self._activity.end()

    def _tell(self, note: str) -> None:
        self.note = note
        self.changed.emit()

    def _told(self, proposal: Proposal) -> str:
        """What the user reads under the buttons."""
        if proposal.empty:
            return proposal.note or self.tr("Nothing would change.")
        cubic = proposal.gained * self._session.case.volume.geometry.voxel_volume
        change = f"{'+' if cubic > 0 else '−'}{millilitres(abs(cubic) / 1000)}" if cubic else ""
        return f"{proposal.note} {change}".strip()

    def _follow(self, *_: object) -> None:
        """The segment or the labels changed: what is shown is old."""
        if self._wanted and self._session.document:
            self.show(*self._wanted)

    def _follow_slice(self) -> None:
        if self._wanted and self._wanted[1]:
            self.show(*self._wanted)

    def _show_preview(self, region: Region) -> None:
        preview = self._session.corrections.preview
        text = self.tr("Preview: Enter or Esc") if preview is not None and self.shown else ""
        for frame in self._views.slices:
            frame.view.set_correction(preview, text)
            frame.view.correction_changed(region)

    def _show_tip(self) -> None:
        view, brush = self._session.view, self._session.corrections.brush
        for frame in self._views.slices:
            frame.view.set_tip(brush.millimetres if view.tool in ("brush", "eraser") else None)


class _Work:
    """What the thread runs: nothing of it touches the window."""

    def __init__(
        self, effect: Effect, scene: Scene, token: Token, bridge: EngineBridge, progress: Callable[[float], None]
    ) -> None:
        self._effect, self._scene, self._token, self._bridge = effect, scene, token, bridge
        self._progress = progress

    def run(self) -> Proposal | None:
        """The proposal, None when it was cancelled."""
        try:
            return propose(self._effect, self._scene, self._watch)
        except Cancelled:
            return None

    def _watch(self, fraction: float) -> None:
        self._token.raise_if_cancelled()
        self._bridge.call(lambda: self._progress(fraction))
