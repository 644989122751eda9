"""What a user says, as clicks: the only thing besides a whole mask that the 3D SAMs were trained on."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from app.engine.protocol import Logits
from app.geometry import Index
from app.prompts import Point, Prompt, Scribble, SliceMask

Click = tuple[Index, bool]
"""A voxel (k, j, i), and whether it belongs to the object."""

SURE = 10.0  # logit of what was drawn
_STROKE = 5  # clicks that stand for a scribble, evenly along it
_OUTLINE = 3  # at most so many stand for an outline, the deepest places first


def clicks_of(prompts: tuple[Prompt, ...]) -> tuple[Click, ...]:
    """The clicks that stand for prompts, an include click first where there is one."""
    clicks: list[Click] = []
    for prompt in prompts:
        if isinstance(prompt, Point):
            clicks.append((prompt.index, prompt.positive))
        elif isinstance(prompt, Scribble):
            places = np.unique(np.linspace(0, len(prompt.indices) - 1, _STROKE).round().astype(int))
            clicks.extend((prompt.indices[place], prompt.positive) for place in places)
        elif isinstance(prompt, SliceMask):
            clicks.extend((index, True) for index in deepest(prompt.axis, prompt.index, prompt.mask))
    head = next((number for number, (_, positive) in enumerate(clicks) if positive), 0)
    return (*clicks[head : head + 1], *clicks[:head], *clicks[head + 1 :])


def deepest(axis: int, index: int, mask: NDArray[np.bool_]) -> list[Index]:
    """Voxels deep inside an outline: the deepest, then the deepest of what lies further away from those before."""
    depth = ndimage.distance_transform_edt(np.pad(mask, 1))[1:-1, 1:-1]
    rows, columns = np.ogrid[: mask.shape[0], : mask.shape[1]]
    found: list[Index] = []
    left = depth.copy()
    for _ in range(_OUTLINE):
        row, column = (int(x) for x in np.unravel_index(int(left.argmax()), mask.shape))
        if left[row, column] <= 0:
            break
        place = [row, column]
        place.insert(axis, index)
        found.append((place[0], place[1], place[2]))
        left[(rows - row) ** 2 + (columns - column) ** 2 <= (2 * depth[row, column]) ** 2] = 0
    return found


def drawn(prompts: tuple[Prompt, ...], start: Index, logits: Logits) -> None:
    """Write outlines into logits that begin at voxel `start`: on its slice an outline is exact."""
    for prompt in prompts:
        if isinstance(prompt, SliceMask):
            place = prompt.index - start[prompt.axis]
            if 0 <= place < logits.shape[prompt.axis]:
                other = [axis for axis in range(3) if axis != prompt.axis]
                cut = tuple(slice(start[axis], start[axis] + logits.shape[axis]) for axis in other)
                np.moveaxis(logits, prompt.axis, 0)[place] = np.where(prompt.mask[cut], SURE, -SURE)
