"""`Exports`: files out, each looked at before and with a receipt after; and labels of other programs in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QFileDialog, QWidget

from app import preflight
from app.document import PALETTE
from app.editing.proposal import Proposal
from app.editing.scene import Scene
from app.engine.protocol import Token
from app.errors import AppError
from app.exchange.receipt import LabelReceipt
from app.preflight import Order
from app.render.receipt import Receipt
from app.render.vtk_widget import picture_of
from app.session import Session
from app.ui.dialogs.export import Choice, ExportDialog
from app.ui.dialogs.pages import show_receipt
from app.ui.jobs import Job, Jobs
from app.ui.panels.activity import Activity
from app.ui.panels.banner import Banner
from app.ui.soon import Soon

_SETTLE_MS = 120  # after a change in the dialog, before it is looked at again


class Exports(QObject):
    """Works on a copy of the labels as they were when it was asked."""

    def __init__(self, session: Session, jobs: Jobs, banner: Banner, activity: Activity, window: QWidget) -> None:
        super().__init__(window)
        self._session, self._jobs, self._banner, self._activity = session, jobs, banner, activity
        self._window = window
        self._checking: Token | None = None
        self._soon = Soon(self, self._check, _SETTLE_MS)
        self.dialog: ExportDialog | None = None
        """The open one."""
        self.last: Path | None = None
        """The file written last."""

    # The dialog

    def mesh(self) -> None:
        """Ask how to export the active segment as a surface; where it has no voxel yet, all that have one."""
        active, segmentation = self._session.view.active, self._session.case.segmentation
        solid = [label for label in segmentation.segments if segmentation.extent(label) is not None]
        self.ask(".stl", [active] if active in solid else solid)

    def labels(self) -> None:
        """Ask how to export all segments as labels or contours."""
        self.ask(".nii.gz", [segment.label for segment in self._session.case.segments])

    def ask(self, ending: str, ticked: list[int]) -> None:
        """Open the dialog with a format and some segments ticked."""
        segments = self._session.case.segments
        source = self._session.case.volume.source
        from_dicom = bool(source and source.series)
        dialog = ExportDialog(segments, self._formats(), ending, ticked, from_dicom, self._window)
        dialog.changed.connect(self._look_again)
        dialog.accepted.connect(self._save_chosen)
        dialog.finished.connect(self._closed)
        self.dialog = dialog
        dialog.open()
        self._look_again()

    def _formats(self) -> tuple[tuple[str, str], ...]:
        return (
            (".stl", self.tr("STL, for 3D print")),
            (".3mf", self.tr("3MF, for 3D print, with unit and colours")),
            (".obj", self.tr("OBJ surface")),
            (".ply", self.tr("PLY surface, with colours")),
            (".nii.gz", self.tr("NIfTI labels, with names beside")),
            (".seg.nrrd", self.tr("3D Slicer segmentation (.seg.nrrd)")),
            (".seg.dcm", self.tr("DICOM segmentation (SEG)")),
            (".rtstruct.dcm", self.tr("DICOM contours (RT Structure Set)")),
        )

    def _look_again(self) -> None:
        if self.dialog:
            self.dialog.show_waiting()
            self._soon.ask()

    def _check(self) -> None:
        dialog = self.dialog
        if dialog is None or self._jobs.closed:
            return
        if self._checking:
            self._checking.cancel()
        order = self._order(dialog.choice, Path(f"export{dialog.choice.ending}"))
        job = Job(
            lambda: self._jobs.apart(preflight.check, order),
            dialog.show_findings,
            lambda error: dialog.show_error(str(error)),
        )
        self._checking = self._jobs.start(job)

    def _closed(self) -> None:
        if self._checking:
            self._checking.cancel()
        self.dialog = self._checking = None

    def _save_chosen(self) -> None:
        dialog = self.dialog
        if dialog is None:
            return
        choice = dialog.choice
        for label, key in choice.terms.items():
            self._session.change_segment(label, term=key)
        text = dialog.format.currentText()
        if path := self._ask(self.tr("Export"), self._first_name(choice), f"{text} (*{choice.ending})", choice.ending):
            self.write(path, choice)

    def _first_name(self, choice: Choice) -> str:
        """A segment's name, for a file of one; nothing of the scan's, which may hold a patient's name."""
        known = {segment.label: segment.name for segment in self._session.case.segments}
        only = choice.labels[0] if len(choice.labels) == 1 else None
        return _file_name(known[only] if only else "segments") + choice.ending

    def _order(self, choice: Choice, path: Path) -> Order:
        """The order, as the case is now."""
        case = self._session.case
        named = [replace(s, term=choice.terms.get(s.label, s.term)) for s in case.segments if s.label in choice.labels]
        frozen, volume = case.segmentation.freeze(), case.volume
        return Order(path, frozen, tuple(named), volume.geometry, volume.source, choice.identified, volume.codes)

    # Out

    def write(self, path: Path, choice: Choice) -> None:
        """Write a file; the receipt opens when it is done."""
        order = self._order(choice, path)

        def done(receipt: Receipt | LabelReceipt) -> None:
            self._end(path)
            show_receipt(self._window, self.tr("Export receipt"), receipt.text())

        self._run(path, Job(lambda: self._jobs.apart(preflight.write, order), done, self._fail))

    def write_mesh(self, path: Path, label: int | None) -> None:
        """Write one segment, or all with None, as a checked, closed surface; the receipt opens when it is done."""
        labels = tuple(segment.label for segment in self._session.case.segments) if label is None else (label,)
        self.write(path, Choice(preflight.require_format(path), labels))

    def write_labels(self, path: Path) -> None:
        """Write all segments as a NIfTI label map on the grid of the scan, names beside it."""
        known = tuple(segment.label for segment in self._session.case.segments)
        order = self._order(Choice(preflight.NIFTI, known), path)

        def done(_: object) -> None:
            self._end(path)
            said = self.tr("Wrote %1 with %2 segments.").replace("%1", path.name)
            self._banner.tell(said.replace("%2", str(len(known))))

        self._run(path, Job(lambda: self._jobs.apart(preflight.write, order), done, self._fail))

    def screenshot(self) -> None:
        """Ask for a name, then write the picture of the window."""
        if path := self._ask(self.tr("Save screenshot"), "volumask.png", self.tr("PNG (*.png)"), ".png"):
            picture_of(self._window).save(str(path))
            self.last = path
            self._banner.tell(self.tr("Saved %1").replace("%1", path.name))

    # In

    def bring_in(self) -> None:
        """Ask for a file of labels and make its segments segments of this case."""
        kinds = self.tr("Labels (%1)").replace("%1", "*.nii *.nii.gz *.nrrd *.mha *.mhd *.mgz *.dcm")
        every = self.tr("All files (*)")
        path, _ = QFileDialog.getOpenFileName(
            self._window, self.tr("Bring in labels"), self._folder(), f"{kinds};;{every}"
        )
        if path:
            self.read(Path(path))

    def read(self, path: Path) -> None:
        """Bring in a file's segments: on this grid, in one step that undo takes back."""
        case = self._session.case
        scene = Scene.of(case.volume, case.segmentation, 0, None, take_others=False)

        def done(proposal: Proposal) -> None:
            self._activity.end()
            try:
                case.revise(proposal)
            except AppError as error:
                self._banner.tell_error(error)
                return
            note = f" ({proposal.note})" if proposal.note else ""
            count = str(len(proposal.added))
            said = self.tr("Brought in %1 segments of %2").replace("%1", count).replace("%2", path.name)
            self._banner.tell(f"{said}{note}.")

        def work() -> Proposal:
            from app.exchange import placing, reading  # load highdicom, so only once they are wanted

            incoming = self._jobs.apart(reading.read_segments, path, scene.volume.geometry)
            return placing.placed(scene, incoming, path.name, PALETTE)

        self._activity.tell(self.tr("Reading %1").replace("%1", path.name), None, can_cancel=False)
        self._jobs.start(Job(work, done, self._fail))

    # How

    def _run(self, path: Path, job: Job) -> None:  # type: ignore[type-arg]  # of any result
        self._activity.tell(self.tr("Writing %1").replace("%1", path.name), None, can_cancel=False)
        self._jobs.start(job)

    def _end(self, path: Path) -> None:
        self._activity.end()
        self.last = path

    def _fail(self, error: AppError) -> None:
        self._activity.end()
        self._banner.tell_error(error)

    def _ask(self, title: str, name: str, kinds: str, ending: str) -> Path | None:
        chosen: Callable[..., tuple[str, str]] = QFileDialog.getSaveFileName
        path, _ = chosen(self._window, title, str(Path(self._folder()) / name), kinds)
        if not path:
            return None
        return Path(path if path.lower().endswith(ending) else path + ending)

    def _folder(self) -> str:
        if self.last:
            return str(self.last.parent)
        source = self._session.case.volume.source
        return str(Path(source.path).parent) if source and source.path else str(Path.home())


def _file_name(name: str) -> str:
    """A segment's name as a file name that every system takes."""
    kept = "".join(letter if letter.isalnum() or letter in "-_ " else "_" for letter in name).strip()
    return kept or "segment"
