"""Boxes on parallel slices: what each holds is found on its slice alone, and goes from there for a drawn mask.

Of what lies above and below such a box it says little; a mask on its slice says much more, and the network for slices
has learnt what (`training/REPORT.md`).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from app.engine.builtin.plane import CAP, Plane
from app.engine.protocol import Logits, Prediction
from app.geometry import Geometry, Index, Region
from app.prompts import Box, Point, Prompt, Scribble, SliceMask

Alone = Callable[[Plane, tuple[Prompt, ...]], Prediction]
"""The answer on a slice, as if there were no other."""

InVolume = Callable[[tuple[Prompt, ...]], Prediction]
"""The answer in the volume to masks of parallel slices and clicks beside them."""


def by_slice(prompts: tuple[Prompt, ...], geometry: Geometry) -> dict[Plane, tuple[Prompt, ...]]:
    """Each slice's newest box, and the clicks and strokes on it; nothing unless all boxes are flat and parallel."""
    boxes = [prompt for prompt in prompts if isinstance(prompt, Box)]
    flat = {_axes(box.region(), geometry) for box in boxes}
    if len(flat) != 1 or len(axes := flat.pop()) != 1:
        return {}
    found: dict[Plane, tuple[Prompt, ...]] = {Plane(axes[0], box.start[axes[0]]): (box,) for box in boxes}
    for prompt in prompts:
        if isinstance(prompt, Point | Scribble) and (plane := _plane(prompt, axes[0])) in found:
            found[plane] += (prompt,)
    return found


def joined(
    slices: dict[Plane, tuple[Prompt, ...]], others: tuple[Prompt, ...], shape: Index, alone: Alone, volume: InVolume
) -> tuple[Region, Logits] | None:
    """What is found on each slice, and from there in the volume; None where nothing is found.

    Args:
        others: Prompts on none of the slices.
        shape: Of the volume.
    """
    found = {plane: plane.pixels_alone(alone(plane, prompts), shape) for plane, prompts in slices.items()}
    found = {plane: logits for plane, logits in found.items() if (logits > 0).any()}
    if not found:
        return None
    answer = volume((*(SliceMask(plane.axis, plane.index, logits > 0) for plane, logits in found.items()), *others))
    for plane, logits in found.items():
        answer = plane.write(answer, np.clip(logits, -CAP, CAP))
    return answer.region, answer.logits


def _plane(prompt: Point | Scribble, axis: int) -> Plane | None:
    """The slice across `axis` that a click or a stroke lies on, if it lies on one."""
    region = prompt.region()
    return Plane(axis, region.start[axis]) if region.shape[axis] == 1 else None


def _axes(region: Region, geometry: Geometry) -> tuple[int, ...]:
    """Across which axes a box is one slice thick, in a volume of more."""
    flat = np.array(region.shape) == 1
    return tuple(np.flatnonzero(flat & (np.array(geometry.shape) > 1)).tolist())
