"""The main job on the bundled sample: open it, click in the liver, take the mask away in several formats."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from app import volume_io
from app.errors import AppError
from app.prompts import Point
from app.segmentation import Segment
from app.session import Session

SAMPLE = Path(__file__).parents[2] / "resources" / "sample" / "ct_abdomen.nii.gz"
CLICK = (111, 66, 83)
"""(k, j, i), deep in the liver of the sample."""

_LEAST, _MOST = 500, 0.5
"""A plausible answer has at least so many voxels and at most this share of the scan."""


class Job:
    """A session on the sample, with the model that a user gets.

    Args:
        folder: Where the files go; one with a name beyond ASCII and a space is made in it.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "Prüfung 検査"
        self.labels = self._folder / "labels.nii.gz"
        """The label map that `segment` writes."""

    def segment(self) -> str:
        """Open, click, and save project, labels, surface and Slicer segmentation while the session is there.

        Raises:
            AppError: when the answer is implausible, or any step fails.
        """
        self._folder.mkdir(exist_ok=True)
        with Session.headless() as session:
            session.open(SAMPLE)
            liver = session.add_segment("Liver")
            session.add_prompt(liver, Point(CLICK, positive=True))
            session.wait()
            mask = session.mask(liver)
            found = int(mask.sum())
            if not (mask[CLICK] and _LEAST <= found <= _MOST * mask.size):
                raise AppError(f"The model {session.model.id} answered a click with {found} of {mask.size} voxels.")
            self._save(session, liver)
            return f"{session.model.id}: {found} voxels from one click"

    def write(self) -> str:
        """Read back what was written.

        Raises:
            AppError: when a file is missing or holds something else.
        """
        names = ("case.volumask", "labels.nii.gz", "labels.seg.nrrd", "mesh.stl")
        missing = [name for name in names if not (self._folder / name).is_file()]
        if missing:
            raise AppError(f"Not written: {', '.join(missing)}.")
        with Session.headless() as session:
            session.open(self._folder / "case.volumask")
            kept = session.mask(session.case.segments[0])
        read = np.asarray(volume_io.read_labels(str(self.labels)).labels) > 0
        if not np.array_equal(kept, read):
            raise AppError("The labels that were written differ from those of the project.")
        return f"{', '.join(names)} written and read back"

    def _save(self, session: Session, liver: Segment) -> None:
        session.save(self._folder / "case.volumask")
        session.export_labels(self.labels)
        session.export_segments(self._folder / "labels.seg.nrrd")
        session.export_mesh(liver, self._folder / "mesh.stl")
