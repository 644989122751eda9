"""`Turn`: how a step turns one state of a segment into the next, and back; what two states share is not kept again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from app.segment_state import Confidences, Prompts, SegmentState, shared_start
from app.segmentation import Segment

Found = tuple[float | None, float | None]
"""A confidence before and after; None where the slice had none."""
_CONFIDENCE = 100  # bytes of one slice's, in a dictionary


@dataclass(frozen=True, slots=True)
class Arrival:
    """The step made the segment."""

    state: SegmentState

    def forwards(self, _: SegmentState | None) -> SegmentState | None:
        """The segment as it was made."""
        return self.state

    def backwards(self, _: SegmentState | None) -> SegmentState | None:
        """None: it was not there."""
        return None

    @property
    def size(self) -> int:
        """Bytes, about."""
        return _size(self.state)


@dataclass(frozen=True, slots=True)
class Departure:
    """The step removed the segment."""

    state: SegmentState

    def forwards(self, _: SegmentState | None) -> SegmentState | None:
        """None: it is gone."""
        return None

    def backwards(self, _: SegmentState | None) -> SegmentState | None:
        """The segment as it was before."""
        return self.state

    @property
    def size(self) -> int:
        """Bytes, about."""
        return _size(self.state)


@dataclass(frozen=True, slots=True)
class Difference:
    """What differs. Ten thousand clicks kept with whole lists of prompts took 510 MB, and 590 MB in a project.

    Args:
        segment: Before and after; None where it is the same.
        place: Where in the list of prompts the difference begins.
        taken, given: The prompts there, before and after.
        confidences: (array axis, slice) -> before and after.
        edits: How many more.
    """

    segment: tuple[Segment, Segment] | None
    place: int
    taken: Prompts
    given: Prompts
    confidences: Mapping[tuple[int, int], Found]
    edits: int

    def forwards(self, before: SegmentState | None) -> SegmentState | None:
        """The state after, from the one before."""
        return self._turned(before, 1, self.taken, self.given)

    def backwards(self, after: SegmentState | None) -> SegmentState | None:
        """The state before, from the one after."""
        return self._turned(after, 0, self.given, self.taken)

    @property
    def size(self) -> int:
        """Bytes, about; a prompt counts where it comes and where it goes."""
        prompts = sum(prompt.size for prompt in (*self.taken, *self.given))
        return prompts + _CONFIDENCE * len(self.confidences)

    def _turned(self, state: SegmentState | None, side: int, old: Prompts, new: Prompts) -> SegmentState:
        if state is None:
            raise ValueError("a difference needs the state that it differs from")
        rest = state.prompts[self.place + len(old) :]
        return SegmentState(
            self.segment[side] if self.segment else state.segment,
            (*state.prompts[: self.place], *new, *rest) if old or new else state.prompts,
            _turned_confidences(state.confidences, self.confidences, side) if self.confidences else state.confidences,
            state.edits + (self.edits if side else -self.edits),
        )


Turn = Arrival | Departure | Difference


def turn(before: SegmentState | None, after: SegmentState | None) -> Turn:
    """From one state to the other.

    Raises:
        ValueError: when there is neither.
    """
    if before is None and after is None:
        raise ValueError("a step changes a segment that is there before or after it")
    if before is None or after is None:
        return Arrival(after) if after else Departure(before)  # type: ignore[arg-type]  # one of them is there
    segment = (before.segment, after.segment) if before.segment != after.segment else None
    place, taken, given = _differing(before.prompts, after.prompts)
    found = _differing_confidences(before.confidences, after.confidences)
    return Difference(segment, place, taken, given, found, after.edits - before.edits)


def _differing(before: Prompts, after: Prompts) -> tuple[int, Prompts, Prompts]:
    """The stretch of two lists between what they begin and end with in common."""
    if before is after:
        return 0, (), ()
    first = shared_start(before, after)
    last = shared_start(before[first:][::-1], after[first:][::-1])
    return first, before[first : len(before) - last], after[first : len(after) - last]


def _differing_confidences(before: Confidences, after: Confidences) -> dict[tuple[int, int], Found]:
    if before is after:
        return {}
    places = {(axis, index) for side in (before, after) for axis, line in side.items() for index in line}
    pairs = {place: (_at(before, place), _at(after, place)) for place in sorted(places)}
    return {place: found for place, found in pairs.items() if found[0] != found[1]}


def _at(confidences: Confidences, place: tuple[int, int]) -> float | None:
    axis, index = place
    return confidences.get(axis, {}).get(index)


def _turned_confidences(now: Confidences, changed: Mapping[tuple[int, int], Found], side: int) -> Confidences:
    turned = {axis: dict(line) for axis, line in now.items()}
    for (axis, index), found in changed.items():
        value, line = found[side], turned.setdefault(axis, {})
        if value is None:
            line.pop(index, None)
        else:
            line[index] = value
    return {axis: line for axis, line in turned.items() if line}


def _size(state: SegmentState) -> int:
    slices = sum(len(line) for line in state.confidences.values())
    return sum(prompt.size for prompt in state.prompts) + _CONFIDENCE * slices
