"""`SegmentState`: all of a segment that a step can change, besides its voxels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from app.prompts import Prompt
from app.segmentation import Segment

Prompts = tuple[Prompt, ...]
Confidences = Mapping[int, Mapping[int, float]]
"""Array axis -> slice index -> confidence 0..1 of that slice's propagated mask."""


@dataclass(frozen=True, slots=True)
class SegmentState:
    """At one moment; its prompts are the answered ones."""

    segment: Segment
    prompts: Prompts = ()
    confidences: Confidences = field(default_factory=dict)
    edits: int = 0
    """How many applied steps changed its voxels other than by an answer (propagation, brush)."""


def shared_start(one: Prompts, other: Prompts) -> int:
    """How many prompts two lists begin with in common."""
    short = min(len(one), len(other))
    if one[:short] == other[:short]:  # one added or taken at the end, the usual thing
        return short
    return next(place for place in range(short) if one[place] != other[place])
