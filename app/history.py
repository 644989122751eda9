"""`History`: one timeline of `Step`s with undo and redo, under a budget of bytes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from app.change import Change
from app.segment_state import SegmentState
from app.turn import Turn, turn

_STEP = 700
"""Bytes of a step beside its bits and prompts: measured with ten thousand strokes."""


@dataclass(frozen=True, slots=True)
class Step:
    """One line of the history: what became of a segment, and of its voxels."""

    title: str
    label: int
    turn: Turn
    change: Change | None = None
    group: int = 0
    """Neighbouring steps of one group other than 0 are undone and redone together (the slices of a propagation)."""

    @classmethod
    def of(
        cls,
        title: str,
        label: int,
        before: SegmentState | None,
        after: SegmentState | None,
        change: Change | None = None,
        group: int = 0,
    ) -> Step:
        """`before` is None for a segment that the step made, `after` for one that it removed."""
        return cls(title, label, turn(before, after), change, group)

    @property
    def size(self) -> int:
        """Bytes it keeps, about."""
        return _STEP + self.turn.size + (len(self.change.bits) if self.change else 0)


class History:
    """Steps done and steps undone. Beyond `budget` bytes the oldest steps are forgotten."""

    def __init__(self, budget: int = 256 * 1024**2, done: Iterable[Step] = (), undone: Iterable[Step] = ()) -> None:
        self.done: list[Step] = list(done)
        self.undone: list[Step] = list(undone)
        self.budget = budget
        self._bytes = sum(step.size for step in (*self.done, *self.undone))

    def push(self, step: Step) -> None:
        """Add a step that has just been applied; what was undone is gone."""
        self.forget_undone()
        self.done.append(step)
        self._bytes += step.size
        while self._bytes > self.budget and self._forget_oldest():
            continue

    def _forget_oldest(self) -> bool:
        """A group is forgotten whole: half of it could not be undone. The newest step always stays."""
        first = self.done[0].group
        ends = (n for n, step in enumerate(self.done) if n and (not first or step.group != first))
        count = next(ends, 0)
        self._bytes -= sum(step.size for step in self.done[:count])
        del self.done[:count]
        return bool(count)

    @property
    def count(self) -> int:
        """How many steps are done, those of one group counted as one."""
        groups = [step.group for step in self.done]
        return sum(not group or group != before for group, before in zip(groups, [0, *groups], strict=False))

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
