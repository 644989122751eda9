"""`Cases`: opening, saving and closing, with the questions that belong to them. Slow parts run in a thread."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Protocol

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QFileDialog, QWidget

from app import preflight, project, volume_io
from app.engine.protocol import Token
from app.errors import AppError
from app.session import Session
from app.ui import loader
from app.ui.dialogs.questions import Answer, ask_to_save
from app.ui.dialogs.series import SeriesDialog
from app.ui.jobs import Job, Jobs
from app.ui.panels.activity import Activity
from app.ui.panels.banner import Banner


class Recent(Protocol):
    """Where the files opened last are kept."""

    def add(self, path: str) -> None:
        """Note a file that was opened."""


class Cases(QObject):
    """Signals: `opened(str)`: a case is shown; `saved()`: a project was written; `recovered(Path)`: one was read."""

    opened = Signal(str)
    saved = Signal()
    recovered = Signal(object)

    def __init__(self, session: Session, jobs: Jobs, banner: Banner, activity: Activity, window: QWidget) -> None:
        super().__init__(window)
        self._session, self._jobs, self._banner, self._activity = session, jobs, banner, activity
        self._window = window
        self._loading: Token | None = None
        self._chooser: SeriesDialog | None = None
        self.path: Path | None = None
        """What the user opened."""

    @property
    def busy(self) -> bool:
        """Whether something is being opened."""
        return self._loading is not None

    # Open

    def choose_file(self) -> None:
        """Ask for a file and open it."""
        every = self.tr("All files (*)")
        scans = self.tr("Scans and projects (%1)").replace(
            "%1", "*.nii *.nii.gz *.hdr *.img *.nrrd *.nhdr *.mha *.mhd *.dcm *.zip *.volumask DICOMDIR"
        )
        path, _ = QFileDialog.getOpenFileName(self._window, self.tr("Open"), self._folder(), f"{scans};;{every}")
        if path:
            self.open(Path(path))

    def choose_folder(self) -> None:
        """Ask for a folder of DICOM files and open it."""
        path = QFileDialog.getExistingDirectory(self._window, self.tr("Open a DICOM folder"), self._folder())
        if path:
            self.open(Path(path))

    def can_open(self, path: Path) -> bool:
        """Whether a dropped file or folder looks like something of ours."""
        return path.suffix.lower() == project.SUFFIX or volume_io.can_read(path)

    def open(self, path: Path) -> None:
        """Open in the place of the present case, which stays until the new one is read."""
        if self.leave():
            self._start(path, partial(loader.load, path))

    def leave(self) -> bool:
        """Ask what to do with unsaved work; whether the case may be closed now."""
        if not self._session.modified:
            return True
        answer = ask_to_save(self._window, self.path.name if self.path else "")
        if answer is Answer.SAVE:
            return self._save_now()
        return answer is Answer.DISCARD

    def cancel(self) -> bool:
        """Give up opening; whether anything was being opened."""
        if self._loading is None:
            return False
        self._loading.cancel()
        self._stop()
        return True

    def recover(self, path: Path) -> None:
        """Open a recovery file; it counts as not saved."""
        self._start(path, partial(loader.load_project, path), recovered=True)

    def _start(self, path: Path, work: Callable[[], loader.Loaded | loader.Choice], recovered: bool = False) -> None:
        self.cancel()
        self._activity.tell(self.tr("Opening %1").replace("%1", path.name), None)
        done = self._show_recovered if recovered else self._take
        self._loading = self._jobs.start(Job(work, done, self._fail))

    def _take(self, loaded: loader.Loaded | loader.Choice) -> None:
        self._stop()
        if isinstance(loaded, loader.Choice):
            self._choose(loaded)
        else:
            self._show(loaded)

    def _choose(self, choice: loader.Choice) -> None:
        self._chooser = SeriesDialog(choice.series, choice.path.name, self._jobs, self._window)
        self._chooser.chosen.connect(partial(self._load_chosen, choice.path))
        self._chooser.open()

    def _load_chosen(self, path: Path, key: str, time: int) -> None:
        self._start(path, partial(loader.load_series, path, key, time))

    def _show(self, loaded: loader.Loaded) -> bool:
        try:
            if loaded.case:
                self._session.adopt_project(loaded.case, loaded.volume)
                self._session.path = loaded.path
            else:
                self._session.adopt(loaded.volume)
        except AppError as error:
            self._banner.tell_error(error)
            return False
        self._banner.hide()
        self.path = loaded.path
        if notes := "; ".join(loaded.volume.notes):
            self._banner.tell(f"{notes[0].upper()}{notes[1:]}.", stays=True)
        self.opened.emit(str(loaded.path))
        return True

    def _show_recovered(self, loaded: loader.Loaded | loader.Choice) -> None:
        self._stop()
        if isinstance(loaded, loader.Loaded) and self._show(loaded):
            self._session.path = None
            self._session.mark_modified()
            self.path = Path(loaded.volume.source.path) if loaded.volume.source else None
            self.recovered.emit(loaded.path)

    def _fail(self, error: AppError) -> None:
        self._stop()
        self._banner.tell_error(error)

    def _stop(self) -> None:
        self._loading = None
        self._activity.end()

    # Save

    def save(self) -> None:
        """Write the project file, asking for its name the first time."""
        if self._session.path:
            self._write(self._session.path)
        else:
            self.save_as()

    def save_as(self) -> None:
        """Ask for a name and write the project file."""
        if path := self._ask_name():
            self._write(path)

    def _write(self, path: Path) -> None:
        case = self._session.snapshot()

        def work() -> str:
            project.write(path, case)
            # apart: it loads pydicom and ITK, 0.3 s that the window would feel
            return self._jobs.apart(preflight.about_project, case.source, preflight.project_texts(case))

        def done(named: str) -> None:
            self._session.saved(path, case)
            self.saved.emit()
            if named:
                self._banner.tell(named)

        self._jobs.start(Job(work, done, self._banner.tell_error))

    def _save_now(self) -> bool:
        """Save before the case goes; whether it was written."""
        path = self._session.path or self._ask_name()
        if path is None:
            return False
        try:
            self._session.save(path)
        except AppError as error:
            self._banner.tell_error(error)
            return False
        self.saved.emit()
        return True

    def _ask_name(self) -> Path | None:
        kind = self.tr("Volumask project (*%1)").replace("%1", project.SUFFIX)
        first = str(Path(self._folder()) / f"{self._stem()}{project.SUFFIX}")
        name, _ = QFileDialog.getSaveFileName(self._window, self.tr("Save project"), first, kind)
        if not name:
            return None
        return Path(name if name.lower().endswith(project.SUFFIX) else name + project.SUFFIX)

    def _folder(self) -> str:
        return str(self.path.parent) if self.path else str(Path.home())

    def _stem(self) -> str:
        return self.path.name.split(".")[0] if self.path else "case"
