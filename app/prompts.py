"""What a user says about a segment: `Point`, `Box`, `Scribble`, `SliceMask`. Frozen, in voxel indices (k, j, i)."""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

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

    @property
    def size(self) -> int:
        """Bytes in memory, about."""
        return 250

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

    @property
    def size(self) -> int:
        """Bytes in memory, about."""
        return 400

    def region(self) -> Region:
        """The box as half-open region: the far corner is inside."""
        return Region(self.start, _plus_one(self.stop))


@dataclass(frozen=True, slots=True, init=False)
class Scribble:
    """Voxels along a free stroke that belong to the segment (`positive`) or do not.

    A case keeps thousands of strokes, so the voxels are kept as 12 bytes each, a tenth of what tuples take.
    """

    positive: bool
    _packed: bytes = field(repr=False)
    __match_args__ = ("indices", "positive")

    def __init__(self, indices: Iterable[ArrayLike], positive: bool = True) -> None:
        listed = [_index(index) for index in indices]
        if not listed:
            raise BadInput("A scribble needs at least one voxel.")
        object.__setattr__(self, "positive", bool(positive))
        object.__setattr__(self, "_packed", np.array(listed, np.int32).tobytes())

    @property
    def array(self) -> NDArray[np.int32]:
        """The voxels (n, 3), each (k, j, i), in the order of the stroke; read-only."""
        return np.frombuffer(self._packed, np.int32).reshape(-1, 3)

    @property
    def indices(self) -> tuple[Index, ...]:
        """The voxels, in the order of the stroke."""
        return tuple((k, j, i) for k, j, i in self.array.tolist())

    @property
    def size(self) -> int:
        """Bytes in memory, about."""
        return 200 + len(self._packed)

    def turned(self) -> Scribble:
        """The same that says the opposite."""
        return Scribble(self.indices, not self.positive)

    def region(self) -> Region:
        """The box around the stroke."""
        array = self.array
        return Region(_index(array.min(axis=0)), _plus_one(_index(array.max(axis=0))))


@dataclass(frozen=True, slots=True, init=False)
class SliceMask:
    """The segment's exact outline on one slice: True inside it, False outside.

    Kept as the deflated bits of the box around what is inside: 0.3 to 3 kB where a byte a voxel took 260 kB.

    Args:
        axis: Array axis across the slice, 0 for k, 1 for j, 2 for i.
        index: Which slice.
        mask: 2D over the two other axes in array order.
    """

    axis: int
    index: int
    shape: tuple[int, int]
    _box: tuple[slice, slice] = field(repr=False, hash=False)
    _bits: bytes = field(repr=False)
    __match_args__ = ("axis", "index", "mask")

    def __init__(self, axis: int, index: int, mask: ArrayLike) -> None:
        inside = np.asarray(mask, dtype=bool)
        if axis not in (0, 1, 2) or inside.ndim != 2:
            raise BadInput("A slice mask needs an axis 0, 1 or 2 and a 2D mask.")
        box = (_stretch(np.any(inside, axis=1)), _stretch(np.any(inside, axis=0)))
        object.__setattr__(self, "axis", axis)
        object.__setattr__(self, "index", int(index))
        object.__setattr__(self, "shape", inside.shape)
        object.__setattr__(self, "_box", box)
        object.__setattr__(self, "_bits", zlib.compress(np.packbits(inside[box]).tobytes(), 1))

    @property
    def mask(self) -> NDArray[np.bool_]:
        """2D over the two other axes in array order; a new array each time."""
        made = np.zeros(self.shape, bool)
        crop = made[self._box]
        bits = np.frombuffer(zlib.decompress(self._bits), np.uint8)
        crop[...] = np.unpackbits(bits, count=crop.size).reshape(crop.shape)
        return made

    @property
    def size(self) -> int:
        """Bytes in memory, about."""
        return 600 + len(self._bits)

    def region(self) -> Region:
        """The whole slice."""
        shape = list(self.shape)
        shape.insert(self.axis, 1)
        start = [0, 0, 0]
        start[self.axis] = self.index
        return Region(_index(start), _index(np.add(start, shape)))


Prompt = Point | Box | Scribble | SliceMask


def check_inside(prompt: Prompt, shape: Index) -> None:
    """Refuse a prompt that does not lie in the grid.

    Raises:
        BadInput: naming the prompt and the grid.
    """
    region = prompt.region()
    if isinstance(prompt, SliceMask):
        expected = tuple(n for axis, n in enumerate(shape) if axis != prompt.axis)
        if prompt.shape != expected:
            raise BadInput(f"The slice mask has shape {prompt.shape}, the slice has shape {expected}.")
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
            return Scribble((prompt.array + step).tolist(), prompt.positive)


def _moved_mask(prompt: SliceMask, by: Index, shape: Index) -> SliceMask:
    rows, columns = (step for axis, step in enumerate(by) if axis != prompt.axis)
    rows_there, columns_there = prompt.shape
    padded = np.pad(prompt.mask, [(abs(rows), abs(rows)), (abs(columns), abs(columns))])
    there = np.roll(padded, (rows, columns), axis=(0, 1))
    mask = there[abs(rows) : abs(rows) + rows_there, abs(columns) : abs(columns) + columns_there]
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


def _stretch(inside: ArrayLike) -> slice:
    """From the first True to the last; empty without one."""
    places = np.flatnonzero(inside)
    return slice(int(places[0]), int(places[-1]) + 1) if places.size else slice(0, 0)
