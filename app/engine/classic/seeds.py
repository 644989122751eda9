"""`Seeds`: what the prompts say of single voxels, with the newest winning where they contradict each other."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.geometry import Index, Region
from app.prompts import Box, Point, Prompt, Scribble, SliceMask

Indices = NDArray[np.int64]
Flags = NDArray[np.bool_]
_Spoken = tuple[Indices, bool, bool]
"""Voxels, whether they are inside, and whether a point or a scribble says so."""

_AROUND_FLAT = 0.5  # of a flat box's sides: how far the object may reach beyond it on other slices


@dataclass(frozen=True, slots=True, eq=False)
class Seeds:
    """Voxels that are known.

    Args:
        include, exclude: (n, 3) voxel indices inside and outside the object, disjoint, without repeats.
        clicked_in, clicked_out: (n, 3) of these, the ones that points and scribbles speak of, and no mask of a slice.
        newest: (n, 3) the voxels of the last prompt, where it was a point or a scribble.
        bounds: The object lies in here; the whole grid when no box was given.
        boxes: The boxes as regions, oldest first.
        precise: Whether boxes or masks of slices say of many voxels where exactly the object is.
        drawn: The masks of slices, oldest first, where nothing else was said and all lie parallel.
    """

    include: Indices
    exclude: Indices
    clicked_in: Indices
    clicked_out: Indices
    newest: Indices
    bounds: Region
    boxes: tuple[Region, ...]
    precise: bool
    drawn: tuple[SliceMask, ...]

    @classmethod
    def of(cls, prompts: tuple[Prompt, ...], shape: Index, spacing: tuple[float, float, float]) -> Seeds:
        """Collect prompts, oldest first."""
        spoken: list[_Spoken] = []
        for prompt in prompts:
            if isinstance(prompt, SliceMask):
                spoken += [(_of_slice(prompt, value), value, False) for value in (False, True)]
            elif not isinstance(prompt, Box):
                spoken.append((_indices(prompt), prompt.positive, True))
        voxels, inside, clicked = _newest(spoken, shape)
        include, exclude = voxels[inside], voxels[~inside]
        clicked_in, clicked_out = voxels[inside & clicked], voxels[~inside & clicked]
        boxes = tuple(prompt.region() for prompt in prompts if isinstance(prompt, Box))
        last = prompts[-1] if prompts else None
        precise = any(isinstance(prompt, Box | SliceMask) for prompt in prompts)
        newest = _indices(last) if isinstance(last, Point | Scribble) else np.empty((0, 3), dtype=np.int64)
        bounds, drawn = _bounds(boxes, shape, spacing), _drawn(prompts)
        return cls(include, exclude, clicked_in, clicked_out, newest, bounds, boxes, precise, drawn)

    @property
    def empty(self) -> bool:
        """Whether nothing says where the object is."""
        return not len(self.include) and not self.boxes


def _indices(prompt: Point | Scribble) -> Indices:
    listed = [prompt.index] if isinstance(prompt, Point) else prompt.indices
    return np.array(listed, dtype=np.int64).reshape(-1, 3)


def _of_slice(prompt: SliceMask, value: bool) -> Indices:
    pixels = np.argwhere(prompt.mask == value)
    return np.insert(pixels, prompt.axis, prompt.index, axis=1).astype(np.int64)


def _drawn(prompts: tuple[Prompt, ...]) -> tuple[SliceMask, ...]:
    """All prompts, if they are masks of parallel slices; of two of one slice the newer one."""
    masks = {prompt.index: prompt for prompt in prompts if isinstance(prompt, SliceMask)}
    axes = {prompt.axis if isinstance(prompt, SliceMask) else None for prompt in prompts}
    return tuple(masks.values()) if len(axes) == 1 else ()


def _newest(spoken: list[_Spoken], shape: Index) -> tuple[Indices, Flags, Flags]:
    """(n, 3) voxels, each once; (n,) whether the last word said that it is inside, and whether that was a click."""
    if not spoken:
        return np.empty((0, 3), dtype=np.int64), np.empty(0, dtype=bool), np.empty(0, dtype=bool)
    voxels = np.concatenate([v for v, _, _ in spoken])[::-1]
    inside, clicked = (np.concatenate([np.full(len(said[0]), said[n]) for said in spoken])[::-1] for n in (1, 2))
    flat = np.ravel_multi_index(tuple(voxels.T), shape)
    _, newest = np.unique(flat, return_index=True)  # the first of the reversed list
    return voxels[newest], inside[newest], clicked[newest]


def _bounds(boxes: tuple[Region, ...], shape: Index, spacing: tuple[float, float, float]) -> Region:
    """What all boxes span; a flat one (drawn on a slice) bounds the object more loosely on the other slices."""
    if not boxes:
        return Region.whole(shape)
    spans = [_loosened(box, shape, spacing) if 1 in box.shape else box for box in boxes]
    joined = spans[0]
    for span in spans[1:]:
        joined = joined.union(span)
    return joined.intersection(Region.whole(shape))


def _loosened(box: Region, shape: Index, spacing: tuple[float, float, float]) -> Region:
    longest = max(n * s for n, s in zip(box.shape, spacing, strict=True))
    margin = [
        int(np.ceil((longest if n == 1 else _AROUND_FLAT * n * s) / s)) for n, s in zip(box.shape, spacing, strict=True)
    ]
    return box.grown((margin[0], margin[1], margin[2]), shape)
