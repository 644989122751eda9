"""`Case`: the one open scan or project, its view and its files. What a session is about, before any model answers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from app import project, volume_io
from app.document import PALETTE, Document
from app.editing.scene import Scene
from app.errors import BadInput
from app.events import Signal
from app.segmentation import Segment, label_of
from app.view_state import ViewState
from app.volume import Volume

if TYPE_CHECKING:
    from app.exchange.receipt import LabelReceipt
    from app.measure.agreement import Agreement
    from app.measure.statistics import SegmentStatistics
    from app.render.mesh_files import Receipt


class Case:
    """Opens, adopts, saves and exports; `document_changed()` is sent when another case is open."""

    def __init__(self, model: str) -> None:
        self.document_changed: Signal[()] = Signal()
        self.document: Document | None = None
        self.view = ViewState()
        self.path: Path | None = None
        """Of the project file, once it was saved or opened."""
        self._model_id = model
        self._saved: project.Edition | None = (0, ())

    def open(self, path: str | Path, series: str | int | None = None, time: int = 0) -> None:
        """Open a scan (file, folder, zip) or a project, in the place of the present case.

        Args:
            series: Which series of a folder or zip, as key or position in `volume_io.find_series`; None takes the one
                with the most voxels.
            time: Which time point of a 4D image.

        Raises:
            BadInput: one sentence that says what is wrong; the present case stays as it was.
        """
        if Path(path).suffix.lower() == project.SUFFIX:
            case = project.read(path)
            source = case.source
            self.adopt_project(case, volume_io.read_volume(source.path, source.series or None, source.time))
            self.path = Path(path)
        else:
            self.adopt(volume_io.read_volume(path, series, time))

    def adopt(self, volume: Volume) -> None:
        """Make a loaded volume the case."""
        self._show(Document(volume))
        self.view.active = 0
        self.view.look_at(volume)
        self.path = None
        self._saved = self.edition
        self.document_changed.emit()

    def adopt_project(self, case: project.Snapshot, volume: Volume) -> None:
        """Make a read project the case, given its scan.

        Raises:
            BadInput: when the scan is not the project's.
        """
        document = Document(volume)
        view = ViewState()
        view.look_at(volume)
        project.restore(case, document, view)
        self._show(document)
        self.view.active = 0
        self.view.look_at(volume)
        case.look.restore(self.view)
        self._saved = self.edition
        self.document_changed.emit()

    @property
    def case(self) -> Document:
        """The open document.

        Raises:
            BadInput: when none is open.
        """
        if self.document is None:
            raise BadInput("No scan is open.", "Open a DICOM folder or a NIfTI file first.")
        return self.document

    @property
    def modified(self) -> bool:
        """Whether the project file lacks something."""
        return self.document is not None and self.edition != self._saved

    @property
    def edition(self) -> project.Edition:
        """Which state of the case this is; a ruler alone makes another one."""
        return (self.document.changes if self.document else 0), self.view.rulers

    def snapshot(self) -> project.Snapshot:
        """The case at this moment, frozen, for `project.write` on any thread."""
        return project.snapshot(self.case, self.view, self._model_id)

    def saved(self, path: Path, case: project.Snapshot) -> None:
        """Note that a snapshot was written."""
        self.path = path
        self._saved = case.edition

    def mark_modified(self) -> None:
        """Count the case as not saved: it came from a recovery file."""
        self._saved = None

    def save(self, path: str | Path | None = None) -> None:
        """Write the project file, whole or not at all.

        Raises:
            AppError: when it cannot be written; the old file stays.
        """
        target = Path(path) if path else self.path
        if target is None:
            raise BadInput("This case has no project file yet.", "Name one.")
        case = self.snapshot()
        project.write(target, case)
        self.saved(target, case)

    def mask(self, segment: Segment | int) -> NDArray[np.bool_]:
        """Where the segment is now, a new bool array (k, j, i)."""
        label = self.case.segment(label_of(segment)).label
        return self.case.segmentation.mask(label)

    def export_labels(self, path: str | Path) -> None:
        """All segments as a NIfTI label map on the grid of the scan, names in a sidecar.

        Raises:
            BadInput: when a name repeats what may be the patient's in the scan's header; so do all exports.
        """
        case = self.case
        self._require_nobody()
        names = {s.label: (s.name, s.colour) for s in case.segments}
        volume_io.write_labels(path, case.segmentation.labels, case.volume.geometry, case.volume.codes, names)

    def export_segments(self, path: str | Path, identified: bool = False) -> LabelReceipt:
        """All segments with names and terms, by the ending: DICOM SEG (.seg.dcm), 3D Slicer (.seg.nrrd), ...

        Args:
            identified: Let a DICOM file repeat the patient's name and identifiers of the scan; without it, none.
        """
        from app.exchange import writing  # highdicom is loaded when it is first wanted

        case, volume = self.case, self.case.volume
        if not identified:
            self._require_nobody()
        labels, segments = case.segmentation.labels, case.segments
        return writing.write_segments(path, labels, segments, volume.geometry, volume.source, identified)

    def import_segments(self, path: str | Path) -> str:
        """The segments of a file (see `read_segments`) as new ones on the scan's grid, as one step.

        Returns:
            What the user should know about it, or "".

        Raises:
            BadInput: when it cannot be opened, or nothing of it lies in this scan.
        """
        from app.exchange import placing, reading  # as above

        scene = Scene.of(self.case.volume, self.case.segmentation, 0, None, take_others=False)
        incoming = reading.read_segments(path, scene.volume.geometry)
        proposal = placing.placed(scene, incoming, Path(path).name, PALETTE)
        self.case.revise(proposal)
        return proposal.note

    def export_mesh(self, segment: Segment | int | None, path: str | Path) -> Receipt:
        """One segment, or all with None, as a closed surface in millimetres (STL, OBJ, PLY, 3MF), checked first."""
        from app.render import mesh_files  # VTK is loaded when the first mesh is wanted

        case = self.case
        self._require_nobody()
        chosen = case.segments if segment is None else (case.segment(label_of(segment)),)
        return mesh_files.export(path, case.segmentation.labels, chosen, case.volume.geometry)

    def intervals(self) -> dict[int, tuple[float, float]]:
        """Label -> where an ensemble puts the volume, in mL; a session knows some."""
        return {}

    def statistics(self) -> tuple[SegmentStatistics, ...]:
        """Volume, surface, diameters and intensities of every segment."""
        from app.measure import statistics  # loads scipy and VTK, so only once it is wanted

        case = self.case
        return statistics.statistics(case.volume, case.segmentation.labels, case.segments, self.intervals())

    def compare(self, path: str | Path, tolerance: float = 2.0) -> tuple[Agreement, ...]:
        """Dice, HD95 and NSD (within `tolerance` mm) of the segments against those of a second file."""
        from app.measure import agreement  # as above

        case = self.case
        return agreement.compare_file(path, case.segmentation.labels, case.segments, case.volume.geometry, tolerance)

    def export_report(self, path: str | Path) -> None:
        """One page with pictures and measurements, HTML or PDF by its ending; it names no patient and no file."""
        from app.report import page, writing  # as above

        case, labels = self.case, self.case.segmentation.labels
        content = page.Content(
            case.volume, labels, case.segments, self.statistics(), self.view.window, model=self._model_id
        )
        writing.write(path, content)

    def _require_nobody(self) -> None:
        from app.preflight import require_no_patient  # loads pydicom and ITK, so only once it is wanted

        require_no_patient(self.case.volume.source, [segment.name for segment in self.case.segments])

    def _show(self, document: Document) -> None:
        self.document = document
