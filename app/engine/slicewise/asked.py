"""`asked_slices`: which slices a list of prompts speaks of, and which prompts belong to each."""

from __future__ import annotations

from dataclasses import dataclass

from app.geometry import Index
from app.prompts import Box, Point, Prompt, Scribble, SliceMask


@dataclass(frozen=True, slots=True)
class SlicePrompts:
    """Prompts of a segment that act on one slice, in the order they were made.

    Args:
        axis, index: The slice.
        prompts: A scribble across several slices is cut to this one; a box with depth is flat here.
    """

    axis: int
    index: int
    prompts: tuple[Prompt, ...]


def asked_slices(prompts: tuple[Prompt, ...], axis: int) -> tuple[SlicePrompts, ...]:
    """One entry per slice, by axis and index. Each prompt acts on the slice that it was made on.

    Args:
        axis: Across the slices of prompts that do not tell theirs (a point from a script, a box with depth).
            Such a box acts on its middle slice: from there the mask is carried to the others.
    """
    by_slice: dict[tuple[int, int], list[Prompt]] = {}
    for prompt in prompts:
        told = told_axis(prompt)
        across = axis if told is None else told
        for index, part in _parts(prompt, across):
            by_slice.setdefault((across, index), []).append(part)
    return tuple(SlicePrompts(*place, tuple(by_slice[place])) for place in sorted(by_slice))


def told_axis(prompt: Prompt) -> int | None:
    """The axis across the slice that a prompt was made on; None where it does not show."""
    if isinstance(prompt, SliceMask | Point):
        return prompt.axis
    flat = [axis for axis, length in enumerate(prompt.region().shape) if length == 1]
    return flat[0] if len(flat) == 1 else None


def _parts(prompt: Prompt, axis: int) -> list[tuple[int, Prompt]]:
    match prompt:
        case Point():
            return [(prompt.index[axis], prompt)]
        case SliceMask():
            return [(prompt.index, prompt)]
        case Box():
            middle = (prompt.start[axis] + prompt.stop[axis]) // 2
            return [(middle, Box(_at(prompt.start, axis, middle), _at(prompt.stop, axis, middle)))]
        case Scribble(indices, positive):
            slices = sorted({index[axis] for index in indices})
            return [(n, Scribble([index for index in indices if index[axis] == n], positive)) for n in slices]


def _at(index: Index, axis: int, value: int) -> Index:
    moved = list(index)
    moved[axis] = value
    return moved[0], moved[1], moved[2]
