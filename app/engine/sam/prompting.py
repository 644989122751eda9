"""`Tokens`: the prompts of one slice as the prompt encoder takes them, in pixels of the network's input."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.geometry import Index
from app.prompts import Box, Point, Prompt, Scribble

INCLUDE, EXCLUDE, FIRST_CORNER, LAST_CORNER, NOTHING = 1.0, 0.0, 2.0, 3.0, -1.0
STROKE_POINTS = 8  # spread along a scribble: SAM knows no strokes, and its training saw about as many points

Pixel = Callable[[Index], tuple[float, float]]
"""Voxel -> (x, y) in the network's input."""


@dataclass(frozen=True, slots=True)
class Tokens:
    """What is put into the prompt encoder.

    Args:
        points: (1, n, 2), (x, y).
        kinds: (1, n), see `PromptedDecoder`.
        single: Whether it is one click and nothing else.
    """

    points: NDArray[np.float32]
    kinds: NDArray[np.float32]
    single: bool

    @classmethod
    def of(cls, prompts: tuple[Prompt, ...], pixel: Pixel, whole: bool = False) -> Tokens:
        """Of points, scribbles and the newest box. Without a box a token that is no point follows, as in training.

        Args:
            whole: Whether the box's corners are cut to whole pixels (LiteMedSAM).
        """
        marks: list[tuple[tuple[float, float], float]] = []
        corners: list[tuple[tuple[float, float], float]] = []
        for prompt in prompts:
            match prompt:
                case Point():
                    marks.append((pixel(prompt.index), INCLUDE if prompt.positive else EXCLUDE))
                case Scribble():
                    kind = INCLUDE if prompt.positive else EXCLUDE
                    marks += [(pixel(index), kind) for index in _spread(prompt.indices)]
                case Box():
                    corners = _corners(pixel(prompt.start), pixel(prompt.stop), whole)
        single = len(marks) == 1 and not corners
        return cls._listed(marks + (corners or [((0.0, 0.0), NOTHING)]), single)

    @classmethod
    def box(cls, left: float, top: float, right: float, bottom: float) -> Tokens:
        """Of a box alone, in pixels of the input."""
        return cls._listed([((left, top), FIRST_CORNER), ((right, bottom), LAST_CORNER)], single=False)

    @classmethod
    def _listed(cls, tokens: list[tuple[tuple[float, float], float]], single: bool) -> Tokens:
        points = np.array([[place for place, _ in tokens]], np.float32)
        return cls(points, np.array([[kind for _, kind in tokens]], np.float32), single)


def _corners(
    first: tuple[float, float], last: tuple[float, float], whole: bool
) -> list[tuple[tuple[float, float], float]]:
    """Upper left and lower right, whichever way the slice is turned."""
    (left, right), (top, bottom) = (sorted(pair) for pair in zip(first, last, strict=True))
    if whole:
        left, right, top, bottom = (float(int(value)) for value in (left, right, top, bottom))
    return [((left, top), FIRST_CORNER), ((right, bottom), LAST_CORNER)]


def _spread(indices: tuple[Index, ...]) -> list[Index]:
    """At most `STROKE_POINTS`, evenly along the stroke, both ends among them."""
    count = min(STROKE_POINTS, len(indices))
    return [indices[round(place)] for place in np.linspace(0, len(indices) - 1, count)]
