"""`Document`: one volume, its segmentation, prompts and history. The only mutable data; emits facts.

Prompts that the engine has not answered are *open*. Every open entry is the whole list of prompts that its segment
should have, so that adding, moving and deleting a prompt are one thing. While anything is open, undo cancels the newest
open entry and redo waits (tests/property/test_document.py is the specification).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from app.change import Change
from app.editing.proposal import Proposal
from app.frozen_labels import FrozenMask
from app.geometry import Region
from app.history import History
from app.open_prompts import OpenPrompts
from app.prompts import Prompt, check_inside
from app.segment_state import Prompts, SegmentState
from app.segmentation import Segment
from app.timeline import Timeline
from app.volume import Volume

PALETTE = (
    (230, 159, 0), (86, 180, 233), (0, 158, 115), (240, 228, 66), (213, 94, 0), (204, 121, 167), (0, 114, 178),
    (148, 203, 113), (247, 150, 140), (167, 139, 250),
)  # fmt: skip
"""Okabe and Ito's colours for all kinds of colour vision (jfly.uni-koeln.de/color), then three more."""


class Document(Timeline):
    """A case. Its signals are those of `DocumentFacts`."""

    def __init__(self, volume: Volume) -> None:
        super().__init__(volume)
        self._open = OpenPrompts()

    # What is

    def prompts(self, label: int) -> Prompts:
        """The prompts as the user sees them: the newest open list, else the answered one."""
        wanted = self._open.of(label)
        return wanted[-1] if wanted else self.state(label).prompts

    def open_prompts(self, label: int) -> tuple[Prompts, ...]:
        """Lists of prompts that wait for an answer, oldest first."""
        return self._open.of(label)

    @property
    def open_labels(self) -> tuple[int, ...]:  # those of segments that wait for an answer
        return self._open.labels

    def seed(self, label: int) -> FrozenMask | None:
        """The mask to start from where voxels came from more than prompts (propagation, brush); else None."""
        return self.segmentation.freeze_mask(label) if self.state(label).edits else None

    @property
    def can_undo(self) -> bool:
        """Whether there is anything to take back."""
        return bool(self._open or self.history.done)

    @property
    def can_redo(self) -> bool:
        """Whether there is anything to do again."""
        return bool(self.history.undone) and not self._open

    # Segments

    def add_segment(self, name: str = "", colour: tuple[int, int, int] | None = None) -> Segment:
        """A new, empty segment at the end of the list."""
        label = self.segmentation.free_label()
        segment = Segment(label, name.strip() or f"Segment {label}", colour or PALETTE[(label - 1) % len(PALETTE)])
        self._do(f"Add {segment.name}", None, SegmentState(segment))
        return segment

    def change_segment(self, label: int, **fields: object) -> Segment:
        """Rename, recolour, show or lock; `fields` are those of `Segment`."""
        before = self.state(label)
        segment = replace(before.segment, **fields)  # type: ignore[arg-type]  # replace() checks the names
        if segment != before.segment:
            if segment.locked:
                self._open.forget(label)
            self._do(f"Change {segment.name}", before, replace(before, segment=segment))
        return segment

    def remove_segment(self, label: int) -> None:
        """Delete a segment, its voxels and its prompts.

        Raises:
            BadInput: when it is locked.
        """
        before, change = self._emptied(label)
        self._do(f"Delete {before.segment.name}", before, None, change)

    def reset_segment(self, label: int) -> None:
        """Take a segment's voxels, prompts and confidences away; name, colour and place in the list stay.

        Raises:
            BadInput: when it is locked.
        """
        before, change = self._emptied(label)
        self._push(f"Reset {before.segment.name}", before, SegmentState(before.segment), change)
        self._bump(label)
        self._tell(prompts=(label,), region=change.region if change else None, confidences=(label,))

    # Prompts and answers

    def add_prompt(self, label: int, prompt: Prompt) -> None:
        """Append a prompt; it stays open until answered."""
        self.set_prompts(label, (*self.prompts(label), prompt))

    def set_prompts(self, label: int, prompts: Iterable[Prompt]) -> None:
        """Replace all prompts of a segment (one moved, flipped, deleted); open until answered.

        Raises:
            BadInput: outside the grid, or the segment is gone or locked.
        """
        wanted = tuple(prompts)
        self._unlocked(label)
        known = {id(prompt) for prompt in self.prompts(label)}
        for prompt in wanted:
            if id(prompt) not in known:
                check_inside(prompt, self.volume.shape)
        self.history.forget_undone()
        self._open.add(label, wanted)
        self._tell(prompts=(label,))

    def answer(self, label: int, prompts: Prompts, revision: int, region: Region, mask: NDArray[np.bool_]) -> bool:
        """Take a mask for one of the open lists of prompts.

        Args:
            region: Where the mask applies. A segment that came from prompts alone is emptied outside it; one with a
                seed keeps its voxels there.
            mask: Of the region's shape.

        Returns:
            False when the answer came too late (the prompts or the voxels changed meanwhile) and nothing was done.
        """
        if label not in self.segmentation.segments or revision != self.revision(label):
            return False
        if prompts not in self._open.of(label):
            return False
        before = self.state(label)
        change = self.segmentation.claim(label, region, mask, alone=not before.edits)
        self._open.answered(label, prompts)
        title = _title(before.prompts, prompts) + f" {before.segment.name}"
        self._push(title, before, replace(before, prompts=prompts), change)
        self._tell(prompts=(label,), region=change.region if change else None)
        return True

    def refuse(self, label: int, prompts: Prompts) -> None:
        """Drop an open list of prompts that the engine could not answer, and every list built on it."""
        if self._open.refused(label, prompts):
            self._tell(prompts=(label,))

    # Other edits

    def edit(
        self,
        label: int,
        region: Region,
        mask: NDArray[np.bool_],
        title: str,
        group: int = 0,
        confidence: tuple[int, int, float] | None = None,
    ) -> None:
        """Make the segment equal `mask` inside `region` by something that is not an answer.

        Steps of one `group` are undone together; `confidence` is (axis, slice, value) of a propagated slice.
        """
        before = self._unlocked(label)
        change = self.segmentation.claim(label, region, mask)
        after = replace(_with_confidence(before, confidence), edits=before.edits + 1)
        self._push(f"{title} {before.segment.name}", before, after, change, group)
        self._bump(label)
        self._tell(region=change.region if change else None, confidences=(label,) if confidence else ())

    def revise(self, proposal: Proposal) -> None:
        """Apply a correction as one undo step; clicks that wait for a segment which it removes are dropped.

        Raises:
            BadInput: as `Timeline.revise`.
        """
        super().revise(proposal)
        for label in proposal.removed:
            self._open.forget(label)

    def undo(self) -> bool:
        """Take back the newest open prompts, or else the newest step; whether there was one."""
        if self._open:
            self._tell(prompts=(self._open.take_newest(),))
            return True
        return self._flip(self.history.take_undo(), forwards=False)

    def redo(self) -> bool:
        """Do the last undone step again; whether there was one."""
        return not self._open and self._flip(self.history.take_redo(), forwards=True)

    def restore(
        self, states: Iterable[SegmentState], region: Region, labels: NDArray[np.uint8], history: History
    ) -> None:
        """Fill a new document from a project file; `labels` are those of `region`."""
        self._states = {state.segment.label: state for state in states}
        self.segmentation.fill([state.segment for state in self._states.values()], region, labels)
        self.history = history
        self._tell(region=region, segments=True)

    # How

    def _emptied(self, label: int) -> tuple[SegmentState, Change | None]:
        """Take all voxels of a segment away; its state before, and the change where there was one."""
        before = self._unlocked(label)
        self._open.forget(label)
        region = self.segmentation.bounds(label)
        if region is None:
            return before, None
        return before, self.segmentation.claim(label, region, np.broadcast_to(np.False_, region.shape))


def _with_confidence(state: SegmentState, confidence: tuple[int, int, float] | None) -> SegmentState:
    if confidence is None:
        return state
    axis, index, value = confidence
    return replace(state, confidences={**state.confidences, axis: {**state.confidences.get(axis, {}), index: value}})


def _title(before: Prompts, after: Prompts) -> str:
    if len(after) <= len(before):
        return "Change prompts of"
    kind = type(after[-1]).__name__
    return f"{'Lasso' if kind == 'SliceMask' else kind} on"
