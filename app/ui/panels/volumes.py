"""`Volumes`: millilitres of every segment, counted in a thread shortly after voxels changed."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, Signal

from app.document import Document
from app.errors import AppError
from app.ui.jobs import Job, Jobs
from app.ui.soon import Soon

SETTLE_MS = 80  # changes that come this close are counted once


def millilitres(volume: float) -> str:
    """Three digits that matter, and the unit."""
    digits = 0 if volume >= 100 else 1 if volume >= 10 else 2
    return f"{volume:.{digits}f} mL"


class Volumes(QObject):
    """Signals: `changed()`: new counts are here."""

    changed = Signal()

    def __init__(self, jobs: Jobs) -> None:
        super().__init__()
        self._jobs = jobs
        self._document: Document | None = None
        self._millilitres: dict[int, float] = {}
        self._counting = False
        self._again = False
        self._soon = Soon(self, self._count, SETTLE_MS)

    def of(self, label: int) -> float | None:
        """Millilitres as last counted, None where it was not yet."""
        return self._millilitres.get(label)

    def set_document(self, document: Document | None) -> None:
        """Count another case."""
        self._document = document
        self._millilitres = {}
        self.recount()

    def recount(self, *_: object) -> None:
        """Voxels changed."""
        if self._document is not None and not self._jobs.closed:
            self._soon.ask()

    def _count(self) -> None:
        document = self._document
        if self._counting or document is None or self._jobs.closed:
            self._again = self._counting
            return
        self._counting = True
        # The thread may see an edit that happens meanwhile half done: that edit has asked for the next count.
        crop = document.segmentation.labels[document.segmentation.touched.slices]
        labels = tuple(document.segmentation.segments)
        self._jobs.start(Job(lambda: voxels(crop, labels), lambda counts: self._take(document, counts), self._fail))

    def _take(self, document: Document, counts: dict[int, int]) -> None:
        self._counting = False
        if document is self._document:
            cubic = document.volume.geometry.voxel_volume
            self._millilitres = {label: count * cubic / 1000 for label, count in counts.items()}
            self.changed.emit()
        if self._again or document is not self._document:
            self._again = False
            self.recount()

    def _fail(self, error: AppError) -> None:
        self._counting = False


def voxels(labels: NDArray[np.uint8], wanted: tuple[int, ...]) -> dict[int, int]:
    """How many voxels each wanted label has."""
    return {label: int(np.count_nonzero(labels == label)) for label in wanted}
