"""The protocols of the design: `clicks-3d`, `clicks-propagate`, `mask-propagate`, each a simulated user."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.engine.evaluation.clickers import Clicker
from app.engine.evaluation.metrics import Spacing, deepest, dice, largest_component, surface_dice
from app.geometry import Index
from app.prompts import Point

Mask = NDArray[np.bool_]

REPORTED = (1, 3, 5, 10)
"""Rounds after which figures are given."""

ROUNDS_2D = 5
"""Clicks on the slice before it is propagated."""

SALIENT = 256
"""A slice is salient when the reference has more pixels than this in it."""


@dataclass(frozen=True, slots=True)
class Round:
    """Where things stood after so many clicks.

    Args:
        surface: Normalised surface distance at 2 mm.
        seconds: What the answer to this click took.
    """

    clicks: int
    dice: float
    surface: float
    seconds: float
    point: Point


@dataclass(frozen=True, slots=True)
class Report:
    """One run of a protocol.

    Args:
        rounds: After each click, in order (none for mask-propagate).
        figures: Further numbers by name, such as "dice_2d", "dice_3d", "dice_3d_salient".
        asked: Clicks that were to be made; fewer rounds mean that the answer was perfect before.
    """

    protocol: str
    rounds: tuple[Round, ...] = ()
    asked: int = 0
    figures: dict[str, float] = field(default_factory=dict)

    def after(self, clicks: int) -> Round | None:
        """The last round with at most that many clicks: a run that was perfect earlier stopped clicking."""
        return next((r for r in reversed(self.rounds) if r.clicks <= clicks), None)

    def payload(self) -> dict[str, Any]:
        """For JSON."""
        listed = {str(n): self.after(n) for n in REPORTED if n <= self.asked}
        return {
            "protocol": self.protocol,
            "rounds": [
                {
                    "clicks": r.clicks,
                    "dice": r.dice,
                    "nsd": r.surface,
                    "seconds": r.seconds,
                    "index": list(r.point.index),
                    "positive": r.point.positive,
                }
                for r in self.rounds
            ],
            "dice": {n: r.dice for n, r in listed.items() if r},
            "nsd": {n: r.surface for n, r in listed.items() if r},
            **self.figures,
        }


def clicks_3d(
    clicker: Clicker, reference: Mask, spacing: Spacing, rounds: int = 10, first: Point | None = None
) -> Report:
    """Round 1 clicks the deepest inside point, each later one the deepest point of the largest wrong component.

    Args:
        first: Clicked in round 1 instead.
    """
    return Report("clicks-3d", _clicks(clicker, reference, spacing, rounds, None, first)[0], rounds)


def clicks_propagate(clicker: Clicker, reference: Mask, spacing: Spacing, rounds: int = ROUNDS_2D) -> Report:
    """The same in 2D on the slice with the largest area, judged on that slice, then carried both ways."""
    axis = slicing_axis(spacing)
    index = largest_slice(reference, axis)
    done, answer = _clicks(clicker, reference, spacing, rounds, (axis, index))
    mask = np.take(answer, index, axis=axis)
    start = time.perf_counter()
    carried = clicker.carry(axis, index, mask)
    figures = {"dice_2d": dice(mask, np.take(reference, index, axis=axis)), "axis": float(axis), "slice": float(index)}
    return Report(
        "clicks-propagate", done, rounds, figures | _carried(carried, reference, axis, time.perf_counter() - start)
    )


def mask_propagate(clicker: Clicker, reference: Mask, spacing: Spacing) -> Report:
    """The reference's own mask of its largest slice, carried both ways."""
    axis = slicing_axis(spacing)
    index = largest_slice(reference, axis)
    start = time.perf_counter()
    carried = clicker.carry(axis, index, np.take(reference, index, axis=axis))
    figures = {"axis": float(axis), "slice": float(index)}
    return Report("mask-propagate", (), 0, figures | _carried(carried, reference, axis, time.perf_counter() - start))


PROTOCOLS: dict[str, Callable[..., Report]] = {
    "clicks-3d": clicks_3d,
    "clicks-propagate": clicks_propagate,
    "mask-propagate": mask_propagate,
}


def slicing_axis(spacing: Spacing) -> int:
    """The axis across the thickest slices; k (0) where no axis is thicker than k."""
    return 0 if spacing[0] >= max(spacing) * (1 - 1e-6) else int(np.argmax(spacing))


def largest_slice(reference: Mask, axis: int) -> int:
    """The slice with the most reference pixels; the first of equals."""
    return int(np.argmax(reference.sum(axis=tuple(a for a in range(3) if a != axis))))


def first_click(reference: Mask, spacing: Spacing, plane: tuple[int, int] | None = None) -> Point:
    """The point deepest inside the reference, of the slice `plane` = (axis, index) where one is given."""
    if plane is None:
        return _point(deepest(reference, spacing), reference)
    inside = np.take(reference, plane[1], axis=plane[0])
    return _point(_in_volume(deepest(inside, _in_plane(spacing, plane[0])), plane), reference)


def next_click(mask: Mask, reference: Mask, spacing: Spacing, plane: tuple[int, int] | None = None) -> Point | None:
    """The deepest point of the largest wrong component: include if missed, exclude if wrongly taken; None when right.

    Args:
        plane: (axis, index) of the one slice that counts, None for the whole grid.
    """
    wrong, steps = mask ^ reference, spacing
    if plane is not None:
        wrong, steps = np.take(wrong, plane[1], axis=plane[0]), _in_plane(spacing, plane[0])
    if not wrong.any():
        return None
    pixel = deepest(largest_component(wrong), steps)
    return _point(pixel if plane is None else _in_volume(pixel, plane), reference)


def _clicks(
    clicker: Clicker,
    reference: Mask,
    spacing: Spacing,
    rounds: int,
    plane: tuple[int, int] | None,
    first: Point | None = None,
) -> tuple[tuple[Round, ...], Mask]:
    """The rounds, and the mask after the last."""
    if not reference.any():
        raise ValueError("the reference is empty")
    point: Point | None = first or first_click(reference, spacing, plane)
    mask = np.zeros_like(reference)
    prompts: tuple[Point, ...] = ()
    done: list[Round] = []
    while point is not None and len(done) < rounds:
        prompts = (*prompts, point)
        start = time.perf_counter()
        mask = clicker.answer(prompts)
        seconds = time.perf_counter() - start
        ours, theirs, steps = _judged(mask, reference, spacing, plane)
        done.append(Round(len(prompts), dice(ours, theirs), surface_dice(ours, theirs, steps), seconds, point))
        point = next_click(mask, reference, spacing, plane)
    return tuple(done), mask


def _judged(mask: Mask, reference: Mask, spacing: Spacing, plane: tuple[int, int] | None) -> tuple[Mask, Mask, Spacing]:
    if plane is None:
        return mask, reference, spacing
    axis, index = plane
    return np.take(mask, index, axis=axis), np.take(reference, index, axis=axis), _in_plane(spacing, axis)


def _in_plane(spacing: Spacing, axis: int) -> Spacing:
    return tuple(step for a, step in enumerate(spacing) if a != axis)


def _carried(mask: Mask, reference: Mask, axis: int, seconds: float) -> dict[str, float]:
    areas = reference.sum(axis=tuple(a for a in range(3) if a != axis))
    salient = np.flatnonzero(areas > SALIENT)
    figures = {"dice_3d": dice(mask, reference), "seconds_propagate": seconds, "slices": float((areas > 0).sum())}
    if salient.size:
        figures["dice_3d_salient"] = dice(np.take(mask, salient, axis), np.take(reference, salient, axis))
    return figures


def _point(index: tuple[int, ...], reference: Mask) -> Point:
    k, j, i = index
    return Point((k, j, i), positive=bool(reference[k, j, i]))


def _in_volume(pixel: tuple[int, ...], plane: tuple[int, int]) -> Index:
    axis, index = plane
    k, j, i = np.insert(np.array(pixel), axis, index).tolist()
    return int(k), int(j), int(i)
