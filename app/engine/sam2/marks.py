"""What the prompts of a slice say to the prompt encoder: points with labels, or a mask."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.engine.sam2.network import Marks
from app.engine.sam2.picture import Pictures
from app.geometry import Index
from app.prompts import Box, Point, Prompt, Scribble, SliceMask

EXCLUDE, INCLUDE, FIRST_CORNER, SECOND_CORNER = range(4)
STROKE_POINTS = 5  # a stroke is told by that many of its voxels: the networks saw few points at a time


@dataclass(frozen=True, slots=True)
class Step:
    """A beginning of a slice's prompts, as the decoder gets it.

    Args:
        marks: Points and corners since the drawn mask, or since the beginning.
        drawn: A mask that was drawn last, in array order; the marks correct it.
    """

    marks: tuple[tuple[float, float, int], ...] = ()
    drawn: NDArray[np.bool_] | None = None

    @property
    def arrays(self) -> Marks:
        """For the network; a box comes first, as in SAM 2."""
        ordered = sorted(self.marks, key=lambda mark: mark[2] < FIRST_CORNER)
        points = np.array([mark[:2] for mark in ordered], np.float32)
        return Marks(points, np.array([mark[2] for mark in ordered], np.int64))


def steps(prompts: tuple[Prompt, ...], axis: int, pictures: Pictures) -> list[Step]:
    """One step per prompt of a slice, each with all that holds after it.

    A drawn mask replaces what was said before, a box the last box, and clicks accumulate: SAM 2's predictor.
    """
    made, step = [], Step()
    for prompt in prompts:
        step = _after(step, prompt, axis, pictures)
        made.append(step)
    return made


def _after(step: Step, prompt: Prompt, axis: int, pictures: Pictures) -> Step:
    match prompt:
        case SliceMask():
            return Step(drawn=prompt.mask)
        case Point(index, positive):
            return Step((*step.marks, _mark(index, _label(positive), axis, pictures)), step.drawn)
        case Scribble(indices, positive):
            chosen = np.unique(np.linspace(0, len(indices) - 1, STROKE_POINTS).round().astype(int))
            new = tuple(_mark(indices[n], _label(positive), axis, pictures) for n in chosen)
            return Step((*step.marks, *new), step.drawn)
        case Box(start, stop):
            clicks = tuple(mark for mark in step.marks if mark[2] < FIRST_CORNER)
            return Step((*_corners(start, stop, axis, pictures), *clicks), step.drawn)


def _corners(start: Index, stop: Index, axis: int, pictures: Pictures) -> tuple[tuple[float, float, int], ...]:
    """Top left and bottom right: which voxels these are depends on how the slice is turned."""
    (x0, y0), (x1, y1) = (pictures.place(axis, corner) for corner in (start, stop))
    return (min(x0, x1), min(y0, y1), FIRST_CORNER), (max(x0, x1), max(y0, y1), SECOND_CORNER)


def _mark(index: Index, label: int, axis: int, pictures: Pictures) -> tuple[float, float, int]:
    return (*pictures.place(axis, index), label)


def _label(positive: bool) -> int:
    return INCLUDE if positive else EXCLUDE
