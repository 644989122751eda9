"""`Seeds`: what the prompts say of single voxels, with the newest winning where they contradict each other."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.geometry import Index, Region
from app.prompts import Box, Point, Prompt, Scribble, SliceMask

Indices = NDArray[np.int64]

_AROUND_FLAT = 0.5  # of a flat box's sides: how far the object may reach beyond it on other slices


@dataclass(frozen=True, slots=True, eq=False)
class Seeds:
    """Voxels that are known.

    Args:
        include, exclude: (n, 3) voxel indices inside and outside the object, disjoint, without repeats.
        newest: (n, 3) the voxels of the last prompt, where it was a point or a scribble.
        bounds: The object lies in here; the whole grid when no box was given.
        boxes: The boxes as regions, oldest first.
        precise: Whether boxes or masks of slices say of many voxels where exactly the object is.
    """

    include: Indices
    exclude: Indices
    newest: Indices
    bounds: Region
    boxes: tuple[Region, ...]
    precise: bool

    @classmethod
    def of(cls, prompts: tuple[Prompt, ...], shape: Index, spacing: tuple[float, float, float]) -> Seeds:
        """Collect prompts, oldest first."""
        spoken: list[tuple[Indices, bool]] = []
        for prompt in prompts:
            if isinstance(prompt, SliceMask):
                spoken += [(_of_slice(prompt, value), value) for value in (False, True)]
            elif not isinstance(prompt, Box):
                spoken.append((_indices(prompt), prompt.positive))
        include, exclude = _newest(spoken, shape)
        boxes = tuple(prompt.region() for prompt in prompts if isinstance(prompt, Box))
        last = prompts[-1] if prompts else None
        precise = any(isinstance(prompt, Box | SliceMask) for prompt in prompts)
        newest = _indices(last) if isinstance(last, Point | Scribble) else np.empty((0, 3), dtype=np.int64)
        return cls(include, exclude, newest, _bounds(boxes, shape, spacing), boxes, precise)

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


def _newest(spoken: list[tuple[Indices, bool]], shape: Index) -> tuple[Indices, Indices]:
    if not spoken:
        none = np.empty((0, 3), dtype=np.int64)
        return none, none
    voxels = np.concatenate([v for v, _ in spoken])[::-1]
    values = np.concatenate([np.full(len(v), positive) for v, positive in spoken])[::-1]
    flat = np.ravel_multi_index(tuple(voxels.T), shape)
    _, newest = np.unique(flat, return_index=True)  # the first of the reversed list
    voxels, values = voxels[newest], values[newest]
    return np.ascontiguousarray(voxels[values]), np.ascontiguousarray(voxels[~values])


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
