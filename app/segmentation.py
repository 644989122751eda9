"""The label array and its segments. Voxels change here and nowhere else."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from mmap import mmap
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from app.change import Change
from app.errors import BadInput
from app.frozen_labels import FrozenLabels, FrozenMask, FrozenSlice
from app.geometry import EMPTY_REGION, Geometry, Index, Region

Labels = NDArray[np.uint8]
MOST_SEGMENTS = 255


@dataclass(frozen=True, slots=True)
class Segment:
    """One structure.

    Args:
        label: Its value in the label array, 1 to 255.
        name: As the user calls it.
        colour: Red, green, blue, 0 to 255.
        visible: Shown in the views.
        locked: Its voxels are never changed, by anything.
        term: What it is, a key of `app.exchange.terms`; "" while nobody said.
    """

    label: int
    name: str
    colour: tuple[int, int, int]
    visible: bool = True
    locked: bool = False
    term: str = ""


def label_of(segment: Segment | int) -> int:
    """The label, where a caller may give either."""
    return segment.label if isinstance(segment, Segment) else int(segment)


class Segmentation:
    """Labels (k, j, i) on the volume's grid, 0 for background; one voxel has one label."""

    def __init__(self, geometry: Geometry) -> None:
        self.geometry = geometry
        self._labels = _background(geometry.shape)
        self._segments: dict[int, Segment] = {}
        self._extents: dict[int, Region] = {}
        empty = FrozenSlice(EMPTY_REGION, np.zeros(EMPTY_REGION.shape, np.uint8))
        self._frozen: list[FrozenSlice | None] = [empty] * geometry.shape[0]
        self.stamp = 0
        """Rises whenever a voxel may have changed: what was computed for an older one is out of date."""
        self.touched = EMPTY_REGION
        """Every voxel ever changed lies in this box; what a project has to hold."""

    @property
    def labels(self) -> Labels:
        """Read-only view of the label array."""
        view = self._labels.view()
        view.flags.writeable = False
        return view

    @property
    def segments(self) -> MappingProxyType[int, Segment]:
        """The segments by label, in the order of their labels."""
        return MappingProxyType(self._segments)

    def free_label(self) -> int:
        """One more than the largest label in use, so that a new segment comes last; a gap when there is no more.

        Raises:
            BadInput: when all 255 are taken.
        """
        largest = max(self._segments, default=0)
        candidates: tuple[int, ...] = (largest + 1, *range(1, MOST_SEGMENTS))
        for label in candidates:
            if label <= MOST_SEGMENTS and label not in self._segments:
                return label
        raise BadInput(f"A case holds at most {MOST_SEGMENTS} segments.", "Merge or delete one first.")

    def put(self, segment: Segment) -> None:
        """Add a segment, or replace the one with its label."""
        self._segments = dict(sorted({**self._segments, segment.label: segment}.items()))

    def drop(self, label: int) -> None:
        """Take a segment off the list; its voxels must be gone."""
        del self._segments[label]

    def mask(self, label: int, region: Region | None = None) -> NDArray[np.bool_]:
        """Where the segment is, a new array over `region` or the whole grid."""
        labels = self._labels if region is None else self._labels[region.slices]
        return np.asarray(labels == label)

    def claim(self, label: int, region: Region, mask: NDArray[np.bool_], alone: bool = False) -> Change | None:
        """Make the segment equal `mask` in `region`: the gate of all that is not a proposal.

        It takes background and its own voxels only, other segments keep theirs. It goes slice by slice, so that its
        time is that of the slices that differ.

        Args:
            mask: (k, j, i) of the region's shape.
            alone: Whether the segment is emptied outside the region, too.

        Returns:
            What differs, for `flip`; None where nothing does, as for a locked segment.
        """
        if self._segments[label].locked:
            return None
        own = self._extents.get(label) if alone else None
        wide = region.union(own) if own else region
        planes, crop = [], self._labels[wide.slices]
        for k, wanted in enumerate(_planes(region, mask, wide)):
            moved = _moved(crop[k], label, wanted)
            planes.append(np.packbits(moved))
            if planes[-1].any():
                crop[k] ^= moved.view(np.uint8) * np.uint8(label)
        change = self._noted(label, wide, planes)
        if alone:
            self._extents.pop(label, None)
            if region.size:
                self._extents[label] = region
        return change

    def fill(self, segments: Iterable[Segment], region: Region, labels: Labels) -> None:
        """Take over a whole segmentation, locked segments included, in place of an empty one."""
        self._segments = {segment.label: segment for segment in sorted(segments, key=lambda segment: segment.label)}
        if unknown := set(np.unique(labels).tolist()) - {0, *self._segments}:
            raise ValueError(f"the labels {sorted(unknown)} have no segment")
        self._labels[region.slices] = labels
        self._note(region, set(self._segments))

    def flip(self, change: Change) -> None:
        """Undo or redo a change of a segment: it is its own inverse."""
        change.flip(self._labels)
        self._note(change.region, {change.label})

    def revise(self, region: Region, values: Labels, changes: Mapping[int, Change]) -> None:
        """Write `values` into `region`, `changes` (`change.by_label`) being the same for undo: a proposal's gate.

        Raises:
            ValueError: when a locked segment would change or a label has no segment.
        """
        if refused := [label for label in changes if label not in self._segments or self._segments[label].locked]:
            raise ValueError(f"the segments {refused} cannot change")
        self._labels[region.slices] = values
        for label, change in changes.items():
            self._note(change.region, {label})

    def bounds(self, label: int) -> Region | None:
        """A box that holds a segment, at once and perhaps too large; None when it was never written."""
        return self._extents.get(label)

    def extent(self, label: int) -> Region | None:
        """The tightest box around a segment, None when it is empty.

        It looks only where the segment was ever written.
        """
        known = self._extents.pop(label, None)
        inner = _around(self._labels[known.slices], label) if known else None
        if known is None or inner is None:
            return None
        self._extents[label] = inner.placed(known.start)
        return self._extents[label]

    def freeze(self) -> FrozenLabels:
        """The whole array at this moment; copies only the slices that changed since the last time.

        And of these what was ever touched: of a liver in 512x512 voxels a quarter, which takes a quarter of the time.
        """
        for k, kept in enumerate(self._frozen):
            if kept is None:
                touched = self.touched.slab(k)
                self._frozen[k] = FrozenSlice(touched, self._labels[touched.slices].copy())
        return FrozenLabels(self.geometry.region, tuple(kept for kept in self._frozen if kept is not None))

    def freeze_mask(self, label: int) -> FrozenMask:
        """A segment at this moment; it is looked for where it is wanted, not here."""
        return FrozenMask(self.freeze(), label, self.bounds(label) or EMPTY_REGION)

    def _noted(self, label: int, region: Region, planes: list[NDArray[np.uint8]]) -> Change | None:
        """The change of packed planes, cut to the slices that differ; None where none does."""
        differ = [k for k, plane in enumerate(planes) if plane.any()]
        if not differ:
            return None
        first, last = differ[0], differ[-1] + 1
        box = Region((region.start[0] + first, *region.start[1:]), (region.start[0] + last, *region.stop[1:]))
        self._note(box, {label})
        return Change.packed(box, label, planes[first:last])

    def _note(self, region: Region, labels: set[int]) -> None:
        self.stamp += 1
        self.touched = self.touched.union(region)
        for label in labels - {0}:
            known = self._extents.get(label)
            self._extents[label] = known.union(region) if known else region
        for k in range(region.start[0], region.stop[0]):
            self._frozen[k] = None


def _background(shape: Index) -> Labels:
    """An array of 0 whose memory comes in pages of the usual 4 kB when they are first written.

    numpy asks Linux for pages of 2 MB. For these the first answer on 512x512x300 voxels waited 77 to 95 ms
    instead of 15 on a virtual machine.
    """
    return np.frombuffer(mmap(-1, math.prod(shape)), np.uint8).reshape(shape)


def _planes(region: Region, mask: NDArray[np.bool_], wide: Region) -> Iterator[NDArray[np.bool_]]:
    """Each slice k of a mask, padded to a wider region."""
    inner = region.within(wide)
    rows, columns = inner.slices[1:]
    for k in range(wide.shape[0]):
        inside = inner.start[0] <= k < inner.stop[0]
        if inside and region.shape[1:] == wide.shape[1:]:
            yield mask[k - inner.start[0]]
            continue
        plane = np.zeros(wide.shape[1:], bool)
        if inside:
            plane[rows, columns] = mask[k - inner.start[0]]
        yield plane


def _moved(labels: Labels, label: int, wanted: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Where a segment that takes background and its own voxels only would come or go."""
    own = labels == label
    moved: NDArray[np.bool_] = labels == 0
    moved |= own
    moved &= wanted
    moved ^= own
    return moved


def _around(labels: Labels, label: int) -> Region | None:
    """The tightest box around a label, slice by slice: a mask of 512x512x300 voxels takes 50 ms to make, this 15."""
    depth, height, width = labels.shape
    rows, columns = np.zeros((depth, height), bool), np.zeros(width, bool)
    for k, plane in enumerate(labels):
        own = plane == label
        own.any(axis=1, out=rows[k])
        columns |= own.any(axis=0)
    lines = [np.flatnonzero(line) for line in (rows.any(axis=1), rows.any(axis=0), columns)]
    if not lines[0].size:
        return None
    (k, j, i), (k1, j1, i1) = ([int(line[end]) for line in lines] for end in (0, -1))
    return Region((k, j, i), (k1 + 1, j1 + 1, i1 + 1))
