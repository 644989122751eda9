"""Steps and states of segments as JSON values and back, for the project file; each prompt is told once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from app.change import Change
from app.geometry import Index, Region
from app.history import Step
from app.prompt_codec import decode, encode
from app.prompts import Prompt
from app.segment_state import Prompts, SegmentState
from app.segmentation import Segment
from app.turn import Arrival, Departure, Difference, Turn

Value = Mapping[str, Any]
WHOLE_STATES = 2
"""Projects up to this version keep the whole state before and after each step."""


class Teller:
    """Makes values; `prompts` are those that were met, in the order of the numbers that stand for them."""

    def __init__(self) -> None:
        self._numbers: dict[Prompt, int] = {}

    @property
    def prompts(self) -> list[dict[str, Any]]:
        """For `Reader`."""
        return [encode(prompt) for prompt in self._numbers]

    def state(self, state: SegmentState) -> dict[str, Any]:
        """A segment's state."""
        return {
            "segment": asdict(state.segment),
            "prompts": self._listed(state.prompts),
            "confidences": {str(a): {str(n): c for n, c in line.items()} for a, line in state.confidences.items()},
            "edits": state.edits,
        }

    def step(self, step: Step) -> dict[str, Any]:
        """A step, without the bits of its change: only how many bytes they are."""
        change = step.change
        return {
            "title": step.title,
            "label": step.label,
            "turn": self._turn(step.turn),
            "region": [change.region.start, change.region.stop] if change else None,
            "bytes": len(change.bits) if change else 0,
            "group": step.group,
        }

    def _turn(self, turn: Turn) -> dict[str, Any]:
        match turn:
            case Arrival(state):
                return {"kind": "arrival", "state": self.state(state)}
            case Departure(state):
                return {"kind": "departure", "state": self.state(state)}
            case Difference():
                return {
                    "kind": "difference",
                    "segment": [asdict(segment) for segment in turn.segment] if turn.segment else None,
                    "place": turn.place,
                    "taken": self._listed(turn.taken),
                    "given": self._listed(turn.given),
                    "confidences": [[*place, *found] for place, found in turn.confidences.items()],
                    "edits": turn.edits,
                }

    def _listed(self, prompts: Prompts) -> list[int]:
        return [self._numbers.setdefault(prompt, len(self._numbers)) for prompt in prompts]


class Reader:
    """Makes states and steps of values.

    Args:
        version: Of the project file.

    Raises:
        BadInput, LookupError, ValueError, TypeError: when a value is not as a `Teller` makes it.
    """

    def __init__(self, prompts: Iterable[dict[str, Any]], version: int) -> None:
        self._prompts = [decode(prompt) for prompt in prompts]
        self._version = version

    def state(self, value: Value) -> SegmentState:
        """A segment's state."""
        confidences = value["confidences"].items()
        return SegmentState(
            _segment(value["segment"]),
            self._listed(value["prompts"]),
            {int(axis): {int(n): float(c) for n, c in line.items()} for axis, line in confidences},
            value["edits"],
        )

    def step(self, value: Value, change: Callable[[Region, int], Change]) -> Step:
        """A step; `change` is asked for its voxels, given their region and label, where it has any."""
        title, label, group = value["title"], value["label"], value["group"]
        moved = change(region(value["region"]), label) if value["region"] else None
        if self._version <= WHOLE_STATES:
            before, after = (self.state(value[key]) if value[key] else None for key in ("before", "after"))
            return Step.of(title, label, before, after, moved, group)
        return Step(title, label, self._turn(value["turn"]), moved, group)

    def _turn(self, value: Value) -> Turn:
        match value["kind"]:
            case "arrival":
                return Arrival(self.state(value["state"]))
            case "departure":
                return Departure(self.state(value["state"]))
        before, after = map(_segment, value["segment"]) if value["segment"] else (None, None)
        return Difference(
            (before, after) if before and after else None,
            int(value["place"]),
            self._listed(value["taken"]),
            self._listed(value["given"]),
            {(int(axis), int(index)): (one, other) for axis, index, one, other in value["confidences"]},
            int(value["edits"]),
        )

    def _listed(self, numbers: Iterable[int]) -> Prompts:
        return tuple(self._prompts[number] for number in numbers)


def region(corners: Sequence[Iterable[int]]) -> Region:
    """From its two corners."""
    return Region(index(corners[0]), index(corners[1]))


def index(values: Iterable[int]) -> Index:
    """From three whole numbers."""
    k, j, i = values
    return int(k), int(j), int(i)


def _segment(value: Value) -> Segment:
    return Segment(**({**value} | {"colour": tuple(value["colour"])}))
