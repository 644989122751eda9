"""`MainWindow`: puts views, panels and actions together and tells them what the session tells."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QPoint, QSettings, Qt, QTimer
from PySide6.QtGui import QCloseEvent, QShowEvent
from PySide6.QtWidgets import QStackedWidget, QVBoxLayout, QWidget

from app.autosave import Autosave, recovery_folder
from app.helper_process import Helpers, directly
from app.prompts import Prompt
from app.render.slice_view import SliceView
from app.session import Session
from app.ui.about import About
from app.ui.actions import Actions
from app.ui.cases import Cases
from app.ui.commands import Commands
from app.ui.crash import recent_log
from app.ui.dialogs import pages
from app.ui.drops import DropWindow
from app.ui.effects import Effects
from app.ui.engine_bridge import EngineBridge
from app.ui.estimates import Estimates
from app.ui.exports import Exports
from app.ui.icons import icon
from app.ui.jobs import Jobs
from app.ui.look_ahead import LookAhead
from app.ui.measuring import Measuring
from app.ui.models import Models
from app.ui.panels.activity import Activity
from app.ui.panels.banner import Banner
from app.ui.panels.empty import EmptyState
from app.ui.panels.four_up import FourUp
from app.ui.panels.sidebar import Sidebar
from app.ui.panels.tool_bar import ToolBar
from app.ui.panels.volumes import Volumes
from app.ui.recent import RecentFiles
from app.ui.soon import Soon
from app.ui.status import Status
from app.ui.tools import Mouse

AUTOSAVE_MS = 500


class MainWindow(DropWindow):
    """Owns the widgets; the session owns the facts.

    Args:
        bridge: Through which the session's engine delivers; one of its own where the session is not an engine's.
        recovery: Folder for autosaved cases; the user's when None.
        helpers: Processes for surfaces and files; without, the window's own threads do that.
    """

    def __init__(
        self,
        session: Session,
        bridge: EngineBridge | None = None,
        recovery: Path | None = None,
        helpers: Helpers | None = None,
    ) -> None:
        super().__init__()
        self.session = session
        self.bridge = bridge or EngineBridge()
        self._helpers = helpers
        self.jobs = Jobs(self.bridge, helpers or directly)
        self.recent = RecentFiles(QSettings())
        self._autosave = Autosave(session, recovery or recovery_folder())
        self._build()
        self._listen()
        self._show_case()

    # Build

    def _build(self) -> None:
        self.banner, self.activity = Banner(), Activity()
        self.mouse = Mouse(
            self.session,
            self._add_prompt,
            self._maximise,
            self._work_in,
            self.banner.tell_error,
            choose=self._choose_prompt,
        )
        self.views = FourUp(self.session.view, self.mouse, self.jobs.apart)
        self.volumes = Volumes(self.jobs)
        self.cases = Cases(self.session, self.jobs, self.banner, self.activity, self)
        self.models = Models(self.session, self.bridge, self.banner, self)
        self.status = Status(self.session, self.cases, self.banner, self.activity)
        self.exports = Exports(self.session, self.jobs, self.banner, self.activity, self)
        self.measuring = Measuring(self.session, self.jobs, self.banner, self, lambda: self.views.volume.view)
        self.effects = Effects(self.session, self.jobs, self.bridge, self.views, self.banner, self.activity)
        self.sidebar = Sidebar(self.session, self.volumes, self.effects, self.banner.tell_error)
        self.segments, self.prompts = self.sidebar.segments, self.sidebar.prompts
        self.estimates = Estimates(self.session, self.jobs, self.views, self.segments, self.banner)
        self.look_ahead = LookAhead(self.session, self.views)
        self.commands = Commands(self)
        self.actions_ = Actions(self, self.views, self.commands, self.banner.tell_error)
        self.empty = EmptyState()
        self._lay_out()
        self.setWindowIcon(icon("app"))
        self.resize(1360, 860)

    def _lay_out(self) -> None:
        self.stack = QStackedWidget()
        self.stack.addWidget(self.empty)
        self.stack.addWidget(self.views)
        centre = QWidget()
        column = QVBoxLayout(centre)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.stack)
        self.banner.lie_over(centre)
        self.setCentralWidget(centre)
        self.addDockWidget(Qt.DockWidgetArea.RightDockWidgetArea, self.sidebar)
        self.actions_.fill_menus(self.menuBar())
        bar = ToolBar(self.tr("Tools"))
        self.actions_.fill_tool_bar(bar)
        self.addToolBar(bar)
        self.sidebar.add_buttons(self.actions_)
        self.statusBar().setSizeGripEnabled(False)
        self.statusBar().addPermanentWidget(self.activity)

    def _listen(self) -> None:
        session = self.session
        self._confidences_soon = Soon(self, self._show_confidences)
        self._history_soon = Soon(self, self._show_history)
        session.document_changed.connect(self._show_case)
        session.propagation_changed.connect(self.actions_.refresh_soon)
        session.model_changed.connect(self.actions_.refresh_soon)
        session.view.active_changed.connect(self._confidences_soon.ask)
        session.view.tool_changed.connect(self._on_tool_changed)
        session.view.display_changed.connect(self.actions_.refresh_soon)
        session.view.display_changed.connect(self._show_title)  # a ruler alone is something to save
        self.cases.opened.connect(self._on_opened)
        self.cases.saved.connect(self._show_title)
        self.cases.recovered.connect(self._autosave.take_over)
        self.activity.cancel_wanted.connect(self.commands.cancel)
        self.models.changed.connect(self.sidebar.model.fill)
        self.sidebar.model.models_wanted.connect(self.models.show)
        self.prompts.chosen.connect(self._on_prompt_chosen)
        self.segments.menu_wanted.connect(self._show_segment_menu)
        self.empty.open_wanted.connect(self.cases.choose_file)
        self.empty.folder_wanted.connect(self.cases.choose_folder)
        self.empty.recent_wanted.connect(lambda path: self.cases.open(Path(path)))
        self._autosave_timer = QTimer(self)
        self._autosave_timer.timeout.connect(self._autosave.tick)
        self._autosave_timer.start(AUTOSAVE_MS)

    # Facts

    def _show_case(self) -> None:
        document = self.session.document
        self.mouse.cancel()
        self.views.set_case(document)
        self.volumes.set_document(document)
        self.effects.set_case()
        self.sidebar.setEnabled(document is not None)
        self.sidebar.set_case()
        self.stack.setCurrentWidget(self.views if document else self.empty)
        if document:
            document.segments_changed.connect(self._on_segments_changed)
            document.prompts_changed.connect(self._on_prompts_changed)
            document.labels_changed.connect(self.volumes.recount)
            document.labels_changed.connect(self.estimates.follow)
            document.confidences_changed.connect(self._confidences_soon.ask)
            document.history_changed.connect(self._history_soon.ask)
            self.views.slices[0].view.setFocus()
        else:
            self.empty.show_recent(self.recent.paths())
        self.views.work_in(self.views.slices[0].view)
        self._show_confidences()
        self._on_tool_changed()
        self._show_title()

    def _show_title(self) -> None:
        name = self.cases.path.name if self.session.document and self.cases.path else ""
        if self.session.document and self.session.path:
            name = self.session.path.name
        self.setWindowTitle(f"{name}[*] — Volumask" if name else "Volumask[*]")
        self.setWindowModified(self.session.modified)

    def _on_segments_changed(self) -> None:
        self.segments.refresh()
        self.sidebar.correct.refresh_segments()
        self.volumes.recount()

    def _on_prompts_changed(self, label: int) -> None:
        if label == self.session.view.active:
            self.prompts.refresh()
            self._confidences_soon.ask()
            self.estimates.follow()

    def _show_confidences(self) -> None:
        if self.session.document:
            self.views.show_confidences(self.session.document, self.session.view.active)
        self.actions_.refresh_soon()

    def _show_history(self) -> None:
        self.sidebar.history.refresh()
        self.setWindowModified(self.session.modified)
        self.actions_.refresh_soon()

    def _on_tool_changed(self) -> None:
        self.actions_.refresh_soon()
        self.actions_.show_positive(self.session.view.positive)
        hint = self.actions_[self.session.view.tool].statusTip() if self.session.document else ""
        self.statusBar().showMessage(hint)

    def _on_opened(self, path: str) -> None:
        self.recent.add(path)
        if self._helpers:
            self._helpers.load("app.render.live_surfaces")
        self.session.view.tool = self.models.first_tool
        self._show_title()

    def _on_prompt_chosen(self, prompt: object) -> None:
        for frame in self.views.slices:
            frame.view.set_selected(prompt)  # type: ignore[arg-type]  # Qt's signal carries an object

    # Verbs

    def open(self, path: Path) -> None:
        """Open a scan or a project; returns at once."""
        self.cases.open(path)

    def show_keys(self) -> None:
        """The page of keys."""
        pages.show_keys(self, self.actions_.keys())

    def show_log(self) -> None:
        """The newest log lines."""
        pages.show_log(self, recent_log())

    def show_about(self) -> None:
        """Versions, licences, the question for a newer version."""
        About(self.bridge, self.session.model.name, self)

    # The mouse is made before views and commands, so it is given these.

    def _add_prompt(self, prompt: Prompt) -> None:
        self.commands.add_prompt(prompt)

    def _choose_prompt(self, prompt: Prompt) -> None:
        self.prompts.choose(prompt)

    def _maximise(self, view: SliceView) -> None:
        self.views.maximise(view)

    def _work_in(self, view: SliceView) -> None:
        self.views.work_in(view)

    def _show_segment_menu(self, place: QPoint) -> None:
        names = ("add-segment", "rename", "reset", "remove-segment", "visible", "lock", "propagate", "export-mesh")
        self.actions_.context_menu(self, names).popup(place)

    # Window

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802  # Qt's name
        """Where and how large it was the last time."""
        super().showEvent(event)
        geometry = QSettings().value("window/geometry")
        if not event.spontaneous():
            self.views.warm_up()
            if geometry is not None:
                self.restoreGeometry(geometry)

    def closeEvent(self, event: QCloseEvent) -> None:  # noqa: N802  # Qt's name
        """Ask for unsaved work, then end threads and processes."""
        if self.jobs.closed:
            return
        if not self.cases.leave():
            event.ignore()
            return
        QSettings().setValue("window/geometry", self.saveGeometry())
        self._autosave_timer.stop()
        self.models.close()
        self.jobs.close()
        self._autosave.close()
        self.bridge.close()
        self.session.close()
        self.views.set_case(None)
        if self._helpers:
            self._helpers.close()
        super().closeEvent(event)

    def keep_what_can_be_kept(self) -> None:
        """After a crash: write the recovery file now."""
        self._autosave.flush()
