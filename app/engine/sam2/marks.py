"""`Said`: what the prompts of a slice say to the prompt encoder, points with labels and perhaps a mask."""

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
Mark = tuple[float, float, int]
"""(x, y) in pixels of the square picture, and a label."""


@dataclass(frozen=True, slots=True)
class Said:
    """The prompts of one slice together.

    Args:
        marks: Points and corners since the drawn mask, or since the beginning.
        drawn: The mask that was drawn last, in array order; the marks correct it.
    """

    marks: tuple[Mark, ...] = ()
    drawn: NDArray[np.bool_] | None = None

    @classmethod
    def by(cls, prompts: tuple[Prompt, ...], axis: int, pictures: Pictures) -> Said:
        """In order: a drawn mask replaces what was said before, a box the last box, and clicks accumulate (SAM 2)."""
        said = cls()
        for prompt in prompts:
            said = said._and(prompt, axis, pictures)
        return said

    @property
    def includes(self) -> bool:
        """Whether it says where the object is, and not only where it is not."""
        return any(label != EXCLUDE for _, _, label in self.marks)

    @property
    def arrays(self) -> Marks:
        """For the network; a box comes first, as in SAM 2."""
        ordered = sorted(self.marks, key=lambda mark: mark[2] < FIRST_CORNER)
        points = np.array([mark[:2] for mark in ordered], np.float32)
        return Marks(points, np.array([mark[2] for mark in ordered], np.int64))

    def _and(self, prompt: Prompt, axis: int, pictures: Pictures) -> Said:
        match prompt:
            case SliceMask():
                return Said(drawn=prompt.mask)
            case Point():
                return Said((*self.marks, _mark(prompt.index, prompt.positive, axis, pictures)), self.drawn)
            case Scribble(indices, positive):
                chosen = np.unique(np.linspace(0, len(indices) - 1, STROKE_POINTS).round().astype(int))
                new = (_mark(indices[n], positive, axis, pictures) for n in chosen)
                return Said((*self.marks, *new), self.drawn)
            case Box():
                clicks = (mark for mark in self.marks if mark[2] < FIRST_CORNER)
                return Said((*_corners(prompt, axis, pictures), *clicks), self.drawn)


def _corners(box: Box, axis: int, pictures: Pictures) -> tuple[Mark, Mark]:
    """Top left and bottom right: which voxels these are depends on how the slice is turned."""
    (x0, y0), (x1, y1) = (pictures.place(axis, corner) for corner in (box.start, box.stop))
    return (min(x0, x1), min(y0, y1), FIRST_CORNER), (max(x0, x1), max(y0, y1), SECOND_CORNER)


def _mark(index: Index, positive: bool, axis: int, pictures: Pictures) -> Mark:
    return (*pictures.place(axis, index), INCLUDE if positive else EXCLUDE)
