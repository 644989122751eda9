"""What a user says about a segment: `Point`, `Box`, `Scribble`, `SliceMask`. Frozen, in voxel indices (k, j, i)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from app.errors import BadInput
from app.geometry import Index, Region


@dataclass(frozen=True, slots=True)
class Point:
    """One voxel that belongs to the segment (`positive`) or does not.

    Args:
        axis: Array axis across the slice on which it was clicked, for models that see one slice; None when unknown.
    """

    index: Index
    positive: bool = True
    axis: int | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "index", _index(self.index))
        if self.axis not in (None, 0, 1, 2):
            raise BadInput(f"A point's slice lies across axis 0, 1 or 2, not {self.axis!r}.")

    def turned(self) -> Point:
        """The same that says the opposite."""
        return replace(self, positive=not self.positive)

    def region(self) -> Region:
        """The voxel itself."""
        return Region(self.index, _plus_one(self.index))


@dataclass(frozen=True, slots=True)
class Box:
    """The segment lies between two corner voxels, both inside the box; in any order. A 2D box has one equal pair."""

    start: Index
    stop: Index

    def __post_init__(self) -> None:
        a, b = _index(self.start), _index(self.stop)
        object.__setattr__(self, "start", _index([min(p) for p in zip(a, b, strict=True)]))
        object.__setattr__(self, "stop", _index([max(p) for p in zip(a, b, strict=True)]))

    def region(self) -> Region:
        """The box as half-open region: the far corner is inside."""
        return Region(self.start, _plus_one(self.stop))


@dataclass(frozen=True, slots=True)
class Scribble:
    """Voxels along a free stroke that belong to the segment (`positive`) or do not."""

    indices: tuple[Index, ...]
    positive: bool = True

    def __init__(self, indices: Iterable[ArrayLike], positive: bool = True) -> None:
        object.__setattr__(self, "indices", tuple(_index(index) for index in indices))
        object.__setattr__(self, "positive", bool(positive))
        if not self.indices:
            raise BadInput("A scribble needs at least one voxel.")

    def turned(self) -> Scribble:
        """The same that says the opposite."""
        return Scribble(self.indices, not self.positive)

    def region(self) -> Region:
        """The box around the stroke."""
        array = np.array(self.indices)
        return Region(_index(array.min(axis=0)), _plus_one(_index(array.max(axis=0))))


@dataclass(frozen=True, slots=True, eq=False)
class SliceMask:
    """The segment's exact outline on one slice: True inside it, False outside.

    Args:
        axis: Array axis across the slice, 0 for k, 1 for j, 2 for i.
        index: Which slice.
        mask: 2D over the two other axes in array order.
    """

    axis: int
    index: int
    mask: NDArray[np.bool_]

    def __post_init__(self) -> None:
        mask = np.array(self.mask, dtype=bool, order="C")
        if self.axis not in (0, 1, 2) or mask.ndim != 2:
            raise BadInput("A slice mask needs an axis 0, 1 or 2 and a 2D mask.")
        mask.flags.writeable = False
        object.__setattr__(self, "mask", mask)
        object.__setattr__(self, "index", int(self.index))

    def region(self) -> Region:
        """The whole slice."""
        shape = list(self.mask.shape)
        shape.insert(self.axis, 1)
        start = [0, 0, 0]
        start[self.axis] = self.index
        return Region(_index(start), _index(np.add(start, shape)))

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, SliceMask)
            and (self.axis, self.index, self.mask.shape) == (other.axis, other.index, other.mask.shape)
            and bool((self.mask == other.mask).all())
        )

    def __hash__(self) -> int:
        return hash((self.axis, self.index, self.mask.shape, self.mask.tobytes()))


Prompt = Point | Box | Scribble | SliceMask


def check_inside(prompt: Prompt, shape: Index) -> None:
    """Refuse a prompt that does not lie in the grid.

    Raises:
        BadInput: naming the prompt and the grid.
    """
    region = prompt.region()
    if isinstance(prompt, SliceMask):
        expected = tuple(n for axis, n in enumerate(shape) if axis != prompt.axis)
        if prompt.mask.shape != expected:
            raise BadInput(f"The slice mask has shape {prompt.mask.shape}, the slice has shape {expected}.")
    if min(region.start) < 0 or any(b > n for b, n in zip(region.stop, shape, strict=True)):
        name = type(prompt).__name__.lower()
        low, high = region.start, tuple(b - 1 for b in region.stop)
        where = f"{low}" if low == high else f"{low} to {high}"
        raise BadInput(f"The {name} at {where} lies outside the image, whose shape is {shape} (k, j, i).")


def moved(prompt: Prompt, by: Index, shape: Index) -> Prompt:
    """The same prompt elsewhere, as far as the grid goes.

    Args:
        by: Voxels along (k, j, i); a slice mask moves on its slice and from slice to slice, and is cut at the border.
    """
    region = prompt.region()
    if isinstance(prompt, SliceMask):
        return _moved_mask(prompt, by, shape)
    low, high = np.negative(region.start), np.subtract(shape, region.stop)
    step = np.clip(by, low, high)
    match prompt:
        case Point():
            return replace(prompt, index=_index(prompt.index + step))
        case Box():
            return Box(_index(prompt.start + step), _index(prompt.stop + step))
        case Scribble():
            return Scribble((np.array(prompt.indices) + step).tolist(), prompt.positive)


def _moved_mask(prompt: SliceMask, by: Index, shape: Index) -> SliceMask:
    rows, columns = (step for axis, step in enumerate(by) if axis != prompt.axis)
    padded = np.pad(prompt.mask, [(abs(rows), abs(rows)), (abs(columns), abs(columns))])
    there = np.roll(padded, (rows, columns), axis=(0, 1))
    mask = there[abs(rows) : abs(rows) + prompt.mask.shape[0], abs(columns) : abs(columns) + prompt.mask.shape[1]]
    index = min(max(prompt.index + by[prompt.axis], 0), shape[prompt.axis] - 1)
    return SliceMask(prompt.axis, index, mask)


def _index(values: ArrayLike) -> Index:
    array = np.asarray(values)
    if array.shape != (3,):
        raise BadInput(f"A voxel needs three numbers (k, j, i), got {values!r}.")
    k, j, i = (int(v) for v in array.tolist())
    return k, j, i


def _plus_one(index: Index) -> Index:
    k, j, i = index
    return k + 1, j + 1, i + 1
