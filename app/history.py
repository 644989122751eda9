"""`History`: one timeline of `Step`s with undo and redo, under a budget of bytes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from app.change import Change
from app.prompts import Prompt
from app.segmentation import Segment

Prompts = tuple[Prompt, ...]
Confidences = Mapping[int, Mapping[int, float]]
"""Array axis -> slice index -> confidence 0..1 of that slice's propagated mask."""


@dataclass(frozen=True, slots=True)
class SegmentState:
    """All of a segment that a step can change, besides its voxels."""

    segment: Segment
    prompts: Prompts = ()
    confidences: Confidences = field(default_factory=dict)
    edits: int = 0
    """How many applied steps changed its voxels other than by an answer (propagation, brush)."""


@dataclass(frozen=True, slots=True)
class Step:
    """One line of the history. `before` is None for a segment that the step made, `after` for one that it removed."""

    title: str
    label: int
    before: SegmentState | None
    after: SegmentState | None
    change: Change | None = None
    group: int = 0
    """Neighbouring steps of one group other than 0 are undone and redone together (the slices of a propagation)."""

    @property
    def size(self) -> int:
        """Bytes it keeps, about."""
        return 300 + (len(self.change.xor) if self.change else 0)


class History:
    """Steps done and steps undone. Beyond `budget` bytes the oldest steps are forgotten."""

    def __init__(self, budget: int = 256 * 1024**2) -> None:
        self.done: list[Step] = []
        self.undone: list[Step] = []
        self.budget = budget
        self._bytes = 0

    def push(self, step: Step) -> None:
        """Add a step that has just been applied; what was undone is gone."""
        self.forget_undone()
        self.done.append(step)
        self._bytes += step.size
        while self._bytes > self.budget and len(self.done) > 1:
            self._bytes -= self.done.pop(0).size

    def forget_undone(self) -> None:
        """A new action ends what could be redone."""
        self._bytes -= sum(step.size for step in self.undone)
        self.undone.clear()

    def take_undo(self) -> list[Step]:
        """The steps to flip, newest first; they become redoable."""
        return _move(self.done, self.undone)

    def take_redo(self) -> list[Step]:
        """The steps to flip again, in their order; they become undoable."""
        return _move(self.undone, self.done)


def _move(source: list[Step], target: list[Step]) -> list[Step]:
    moved: list[Step] = []
    while source and (not moved or (moved[-1].group and source[-1].group == moved[-1].group)):
        moved.append(source.pop())
        target.append(moved[-1])
    return moved
