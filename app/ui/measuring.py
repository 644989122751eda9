"""`Measuring`: measurements in a window, their comparison with a second file, CSV, report; rulers taken away."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QBuffer, QIODevice, QObject
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFileDialog, QWidget

from app.errors import AppError
from app.measure.tables import agreement_table, statistics_table
from app.render.vtk_widget import picture_of
from app.session import Session
from app.ui.dialogs.measurements import MeasurementsDialog
from app.ui.jobs import Job, Jobs
from app.ui.panels.banner import Banner

if TYPE_CHECKING:
    from app.measure.agreement import Agreement
    from app.measure.statistics import SegmentStatistics

Picture = Callable[[], QWidget]


class Measuring(QObject):
    """Measures a copy of the labels in a thread.

    Args:
        scene: Gives the widget whose picture goes into the report.
    """

    def __init__(self, session: Session, jobs: Jobs, banner: Banner, window: QWidget, scene: Picture) -> None:
        super().__init__(window)
        self._session, self._jobs, self._banner, self._window, self._scene = session, jobs, banner, window, scene
        self.dialog: MeasurementsDialog | None = None
        """The open one."""
        self._agreements: tuple[Agreement, ...] = ()

    # The window

    def open(self) -> None:
        """Show the measurements of all segments."""
        if self.dialog is None:
            dialog = MeasurementsDialog(self._window)
            dialog.again.clicked.connect(self.measure)
            dialog.copy.clicked.connect(self._copy)
            dialog.save.clicked.connect(self._save)
            dialog.compare.clicked.connect(self._ask_other)
            dialog.report.clicked.connect(self.report)
            dialog.destroyed.connect(self._forget)
            self.dialog = dialog
            self._session.document_changed.connect(self.close)
        self.dialog.show()
        self.dialog.raise_()
        self.measure()

    def close(self) -> None:
        """Another case is open: what is shown is of the old one."""
        if self.dialog:
            self.dialog.close()

    def measure(self) -> None:
        """Measure all segments as they are now."""
        self._start(self._measurer(), self._show_statistics, self.tr("Measuring…"))

    def compare(self, path: Path) -> None:
        """Compare all segments with those of a file."""
        case = self._session.case
        frozen, segments, geometry = case.segmentation.freeze(), case.segments, case.volume.geometry

        def work() -> tuple[Agreement, ...]:
            from app.measure.agreement import compare_file  # loads scipy and highdicom, so only once it is wanted

            return self._jobs.apart(compare_file, path, frozen.crop(geometry.region), segments, geometry)

        def done(found: tuple[Agreement, ...]) -> None:
            self._agreements = found
            if self.dialog:
                said = self.tr("Compared with %1.").replace("%1", path.name)
                self.dialog.show_table(agreement_table(found), said)

        self._start(work, done, self.tr("Comparing…"))

    def _show_statistics(self, found: tuple[SegmentStatistics, ...]) -> None:
        if self.dialog:
            note = self.tr(
                "Volumes are counted voxels. An interval is there where the uncertainty was estimated. Diameters reach "
                "from border to border of voxels."
            )
            self.dialog.show_table(statistics_table(found), note)

    def _measurer(self) -> Callable[[], tuple[SegmentStatistics, ...]]:
        case, intervals = self._session.case, self._session.intervals()
        frozen, segments, volume = case.segmentation.freeze(), case.segments, case.volume

        def work() -> tuple[SegmentStatistics, ...]:
            from app.measure.statistics import statistics  # as above

            return self._jobs.apart(statistics, volume, frozen.crop(volume.geometry.region), segments, intervals)

        return work

    def _start(self, work: Callable[[], object], done: Callable[..., None], text: str) -> None:
        if self.dialog:
            self.dialog.set_ready(False)
            self.dialog.show_note(text)
        self._jobs.start(Job(work, done, self._fail))

    def _fail(self, error: AppError) -> None:
        if self.dialog:
            self.dialog.set_ready(True)
            self.dialog.show_note(str(error))
        else:
            self._banner.tell_error(error)

    def _forget(self) -> None:
        self.dialog = None
        self._agreements = ()
        self._session.document_changed.disconnect(self.close)

    # What is done with them

    def _copy(self) -> None:
        if self.dialog and self.dialog.shown:
            QGuiApplication.clipboard().setText(self.dialog.shown.as_tabs())
            self.dialog.show_note(self.tr("Copied; a spreadsheet takes it as cells."))

    def _save(self) -> None:
        if self.dialog is None or self.dialog.shown is None:
            return
        path = self._ask(self.tr("Save measurements"), "measurements.csv", "CSV (*.csv)", ".csv")
        if path is None:
            return
        try:
            self.dialog.shown.save_csv(path)
        except AppError as error:
            self.dialog.show_note(str(error))
        else:
            self.dialog.show_note(self.tr("Saved %1.").replace("%1", path.name))

    def _ask_other(self) -> None:
        kinds = self.tr("Labels (%1)").replace("%1", "*.nii *.nii.gz *.nrrd *.mha *.mhd *.mgz *.dcm")
        path, _ = QFileDialog.getOpenFileName(self._window, self.tr("Compare with labels"), self._folder(), kinds)
        if path:
            self.compare(Path(path))

    def report(self) -> None:
        """Ask for a name and write the page."""
        kinds = self.tr("PDF, one page (*.pdf);;HTML (*.html)")
        name, kind = QFileDialog.getSaveFileName(
            self._window, self.tr("Write report"), str(Path(self._folder()) / "report.pdf"), kinds
        )
        if name:
            path = Path(name)
            if path.suffix.lower() not in (".pdf", ".html", ".htm"):
                path = path.with_name(path.name + (".html" if "html" in kind else ".pdf"))
            self.write_report(path)

    def write_report(self, path: Path) -> None:
        """Write the page with the case as it is now, the newest comparison and the picture in 3D."""
        case, measure = self._session.case, self._measurer()
        frozen, segments, volume = case.segmentation.freeze(), case.segments, case.volume
        window, model, agreements, scene = (
            self._session.view.window,
            self._session.model.name,
            self._agreements,
            self._grab(),
        )

        def work() -> None:
            from app.report import writing  # as above
            from app.report.page import Content

            labels = frozen.crop(volume.geometry.region)
            content = Content(volume, labels, segments, measure(), window, agreements, scene, model=model)
            self._jobs.apart(writing.write, path, content)

        def done(_: None) -> None:
            self._banner.tell(self.tr("Wrote %1.").replace("%1", path.name))
            if self.dialog:
                self.dialog.set_ready(True)
                self.dialog.show_note(self.tr("Wrote %1.").replace("%1", path.name))

        self._start(work, done, self.tr("Writing the report…"))

    def _grab(self) -> bytes | None:
        """PNG of the surfaces, None where nothing was drawn yet."""
        picture, buffer = picture_of(self._scene()), QBuffer()
        buffer.open(QIODevice.OpenModeFlag.WriteOnly)
        return bytes(buffer.data().data()) if not picture.isNull() and picture.save(buffer, "PNG") else None

    # Rulers

    def remove_ruler(self) -> None:
        """Take the newest ruler or angle away."""
        self._session.view.rulers = self._session.view.rulers[:-1]

    def remove_rulers(self) -> None:
        """Take all of them away."""
        self._session.view.rulers = ()

    # How

    def _ask(self, title: str, name: str, kinds: str, ending: str) -> Path | None:
        path, _ = QFileDialog.getSaveFileName(self._window, title, str(Path(self._folder()) / name), kinds)
        return Path(path if path.lower().endswith(ending) else path + ending) if path else None

    def _folder(self) -> str:
        source = self._session.case.volume.source
        return str(Path(source.path).parent) if source and source.path else str(Path.home())
