"""`DocumentFacts`: what a document tells its listeners, once per action, when everything in it is consistent."""

from __future__ import annotations

from app.events import Signal
from app.geometry import Region


class DocumentFacts:
    """Signals of a `Document`.

    prompts_changed(label): prompts of a segment, open or answered.
    labels_changed(region): voxels of a region.
    segments_changed(): the list, a name, colour, visibility or lock.
    confidences_changed(label): confidence per slice.
    history_changed(): what can be undone or redone; follows every action.
    """

    def __init__(self) -> None:
        self.changes = 0
        """Rises with every change that a project file should hold."""
        self.prompts_changed: Signal[int] = Signal()
        self.labels_changed: Signal[Region] = Signal()
        self.segments_changed: Signal[()] = Signal()
        self.confidences_changed: Signal[int] = Signal()
        self.history_changed: Signal[()] = Signal()

    def _tell(
        self,
        prompts: tuple[int, ...] = (),
        region: Region | None = None,
        segments: bool = False,
        confidences: tuple[int, ...] = (),
    ) -> None:
        self.changes += 1
        if segments:
            self.segments_changed.emit()
        for label in prompts:
            self.prompts_changed.emit(label)
        if region is not None:
            self.labels_changed.emit(region)
        for label in confidences:
            self.confidences_changed.emit(label)
        self.history_changed.emit()
