"""`Exports`: surfaces, labels and pictures to files, in a thread, each with a receipt."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QFileDialog, QWidget

from app import volume_io
from app.render import mesh_files
from app.render.mesh_files import Receipt
from app.session import Session
from app.ui.dialogs.pages import show_receipt
from app.ui.jobs import Job, Jobs
from app.ui.panels.activity import Activity
from app.ui.panels.banner import Banner


class Exports(QObject):
    """Works on a copy of the labels as they were when it was asked."""

    def __init__(self, session: Session, jobs: Jobs, banner: Banner, activity: Activity, window: QWidget) -> None:
        super().__init__(window)
        self._session, self._jobs, self._banner, self._activity = session, jobs, banner, activity
        self._window = window
        self.last: Path | None = None
        """The file written last."""

    def mesh(self) -> None:
        """Ask for a name, then write the active segment, or all when none is active."""
        kinds = self.tr("STL (*.stl);;OBJ (*.obj);;PLY (*.ply);;3MF (*.3mf)")
        segment = self._session.document.segmentation.segments.get(self._session.view.active)  # type: ignore[union-attr]
        name = _file_name(segment.name if segment else "segments")
        if path := self._ask(self.tr("Export for 3D print"), f"{name}.stl", kinds):
            self.write_mesh(path, segment.label if segment else None)

    def labels(self) -> None:
        """Ask for a name, then write the label map."""
        if path := self._ask(self.tr("Export labels"), "labels.nii.gz", self.tr("NIfTI (*.nii.gz *.nii)")):
            self.write_labels(path)

    def screenshot(self) -> None:
        """Ask for a name, then write the picture of the window."""
        if path := self._ask(self.tr("Save screenshot"), "volumask.png", self.tr("PNG (*.png)")):
            self._window.grab().save(str(path))
            self.last = path
            self._banner.tell(self.tr("Saved %1").replace("%1", path.name))

    def write_mesh(self, path: Path, label: int | None) -> None:
        """Write one segment, or all with None, as a checked, closed surface; the receipt opens when it is done."""
        case = self._session.case
        chosen = case.segments if label is None else (case.segment(label),)
        labels, geometry = case.segmentation.freeze(), case.volume.geometry

        def done(receipt: Receipt) -> None:
            self._end(path)
            show_receipt(self._window, self.tr("Export receipt"), str(receipt))

        def work() -> Receipt:
            return mesh_files.export(path, labels.crop(geometry.region), chosen, geometry)

        self._run(path, Job(work, done, self._fail))

    def write_labels(self, path: Path) -> None:
        """Write all segments as a NIfTI label map on the grid of the scan, names beside it."""
        case = self._session.case
        labels, volume = case.segmentation.freeze(), case.volume
        names = {s.label: (s.name, s.colour) for s in case.segments}

        def work() -> None:
            volume_io.write_labels(path, labels.crop(volume.geometry.region), volume.geometry, volume.codes, names)

        def done(_: None) -> None:
            self._end(path)
            self._banner.tell(
                self.tr("Wrote %1 with %2 segments.").replace("%1", path.name).replace("%2", str(len(names)))
            )

        self._run(path, Job(work, done, self._fail))

    def _run(self, path: Path, job: Job) -> None:  # type: ignore[type-arg]  # of any result
        self._activity.tell(self.tr("Writing %1").replace("%1", path.name), None, can_cancel=False)
        self._jobs.start(job)

    def _end(self, path: Path) -> None:
        self._activity.end()
        self.last = path

    def _fail(self, error: Exception) -> None:
        self._activity.end()
        self._banner.tell_error(error)  # type: ignore[arg-type]  # jobs fail with an AppError

    def _ask(self, title: str, name: str, kinds: str) -> Path | None:
        chosen: Callable[..., tuple[str, str]] = QFileDialog.getSaveFileName
        path, kind = chosen(self._window, title, str(Path(self._folder()) / name), kinds)
        if not path:
            return None
        ending = kind[kind.find("(*") + 2 :].rstrip(")").split()[0] if "(*" in kind else ""
        return Path(path if Path(path).suffix else path + ending)

    def _folder(self) -> str:
        if self.last:
            return str(self.last.parent)
        source = self._session.case.volume.source
        return str(Path(source.path).parent) if source and source.path else str(Path.home())


def _file_name(name: str) -> str:
    """A segment's name as a file name that every system takes."""
    kept = "".join(letter if letter.isalnum() or letter in "-_ " else "_" for letter in name).strip()
    return kept or "segment"
