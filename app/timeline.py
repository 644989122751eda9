"""`Timeline`: the segments of a case and their voxels, changed by steps of one history and by nothing else."""

from __future__ import annotations

from dataclasses import replace
from itertools import count

from app.change import Change
from app.document_facts import DocumentFacts
from app.editing.proposal import Proposal
from app.errors import BadInput
from app.geometry import Region
from app.history import History, Step
from app.segment_state import SegmentState
from app.segmentation import Segment, Segmentation
from app.volume import Volume


class Timeline(DocumentFacts):
    """What a step can change, and how a step is done and flipped. Its signals are those of `DocumentFacts`."""

    def __init__(self, volume: Volume) -> None:
        super().__init__()
        self.volume = volume
        self.segmentation = Segmentation(volume.geometry)
        self.history = History()
        self._states: dict[int, SegmentState] = {}
        self._revisions: dict[int, int] = {}
        self._revision = count(1)

    @property
    def segments(self) -> tuple[Segment, ...]:
        """In the order of the list."""
        return tuple(self.segmentation.segments.values())

    def segment(self, label: int) -> Segment:
        """The segment as it is now.

        Raises:
            BadInput: when it was removed.
        """
        if label not in self.segmentation.segments:
            raise BadInput(f"Segment {label} is not in this case any more.")
        return self.segmentation.segments[label]

    def state(self, label: int) -> SegmentState:
        """Segment, answered prompts, confidences."""
        self.segment(label)
        return self._states[label]

    def revision(self, label: int) -> int:
        """Changes whenever the segment's voxels do, other than by an answer: an older answer is then dropped."""
        return self._revisions.get(label, 0)

    def revise(self, proposal: Proposal) -> None:
        """Apply a correction, of however many segments, as one undo step; nothing when it changes nothing.

        Raises:
            BadInput: when it was made for voxels or segments that are not there any more, or one of them is locked.
        """
        if proposal.stamp != self.segmentation.stamp:
            raise BadInput("The segments have changed since this was computed.", "Do it again.")
        new = {segment.label for segment in proposal.added}
        for label in {*proposal.changes, *proposal.removed} - new:
            self._unlocked(label)
        steps = self._steps(proposal)
        for segment in proposal.added:
            self.segmentation.put(segment)
        self.segmentation.revise(proposal.region, proposal.values, proposal.changes)
        for step in steps:
            self._set_state(step.label, step.turn.forwards(self._states.get(step.label)))
            self.history.push(step)
            self._bump(step.label)
        if steps:
            gone = bool(proposal.added or proposal.removed)
            self._tell(prompts=proposal.removed, region=proposal.region, segments=gone)

    # How

    def _steps(self, proposal: Proposal) -> list[Step]:
        """One step per segment, of one group, so that they are undone together."""
        added = {segment.label: SegmentState(segment) for segment in proposal.added}
        labels = list(dict.fromkeys((*added, *proposal.changes, *proposal.removed)))
        last = self.history.done[-1].group if self.history.done else 0
        group = 0 if len(labels) < 2 else -1 if last != -1 else -2  # only neighbours must differ; jobs are above 0
        steps = []
        for label in labels:
            before = self._states.get(label)
            after = None if label in proposal.removed else before or added[label]
            if after is not None:
                after = replace(after, edits=after.edits + 1)
            steps.append(Step.of(proposal.title, label, before, after, proposal.changes.get(label), group))
        return steps

    def _unlocked(self, label: int) -> SegmentState:
        state = self.state(label)
        if state.segment.locked:
            raise BadInput(f"{state.segment.name} is locked.", "Unlock it to change it.")
        return state

    def _do(
        self, title: str, before: SegmentState | None, after: SegmentState | None, change: Change | None = None
    ) -> None:
        """A step of the list of segments."""
        label = self._push(title, before, after, change)
        if change or before is None or after is None:
            self._bump(label)
        self._tell(segments=True, region=change.region if change else None)

    def _flip(self, steps: list[Step], forwards: bool) -> bool:
        region: Region | None = None
        for step in steps:
            now = self._states.get(step.label)
            self._set_state(step.label, step.turn.forwards(now) if forwards else step.turn.backwards(now))
            if step.change:
                self.segmentation.flip(step.change)
                region = region.union(step.change.region) if region else step.change.region
            self._bump(step.label)
        if steps:
            labels = tuple(label for label in dict.fromkeys(step.label for step in steps) if label in self._states)
            self._tell(prompts=labels, region=region, segments=True, confidences=labels)
        return bool(steps)

    def _set_state(self, label: int, state: SegmentState | None) -> None:
        if state is None:
            self._states.pop(label, None)
            self.segmentation.drop(label)
        else:
            self._states[label] = state
            self.segmentation.put(state.segment)

    def _push(
        self,
        title: str,
        before: SegmentState | None,
        after: SegmentState | None,
        change: Change | None = None,
        group: int = 0,
    ) -> int:
        """Note a step whose voxels have been changed already; the label of its segment."""
        state = after or before
        if state is None:
            raise ValueError("a step belongs to a segment")
        label = state.segment.label
        self._set_state(label, after)
        self.history.push(Step.of(title, label, before, after, change, group))
        return label

    def _bump(self, label: int) -> None:
        self._revisions[label] = next(self._revision)
