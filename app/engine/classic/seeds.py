"""`Seeds`: what the prompts say of single voxels, with the newest winning where they contradict each other."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.geometry import Index, Region
from app.prompts import Box, Point, Prompt, Scribble, SliceMask

Indices = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Seeds:
    """Voxels that are known.

    Args:
        include, exclude: (n, 3) voxel indices inside and outside the object, disjoint, without repeats.
        bounds: The object lies in here: the box common to all boxes, or the whole grid.
        boxed: Whether a box said so.
        slices: The newest mask of each masked slice, (axis, index) -> 2D mask.
    """

    include: Indices
    exclude: Indices
    bounds: Region
    boxed: bool
    slices: dict[tuple[int, int], NDArray[np.bool_]]

    @classmethod
    def of(cls, prompts: tuple[Prompt, ...], shape: Index) -> Seeds:
        """Collect prompts, oldest first."""
        spoken: list[tuple[Indices, bool]] = []
        bounds, boxed = Region.whole(shape), False
        slices: dict[tuple[int, int], NDArray[np.bool_]] = {}
        for prompt in prompts:
            if isinstance(prompt, Box):
                # Boxes of different parts widen the bounds; a box says where the object is, not where it ends.
                bounds, boxed = (bounds.union(prompt.region()) if boxed else prompt.region()), True
            elif isinstance(prompt, SliceMask):
                slices.pop((prompt.axis, prompt.index), None)
                slices[prompt.axis, prompt.index] = prompt.mask
                spoken += [(_of_slice(prompt, value), value) for value in (False, True)]
            else:
                spoken.append((_indices(prompt), prompt.positive))
        include, exclude = _newest(spoken, shape)
        return cls(include, exclude, bounds.intersection(Region.whole(shape)), boxed, slices)

    @property
    def empty(self) -> bool:
        """Whether nothing says where the object is."""
        return not len(self.include) and not self.boxed


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
