"""`FrozenLabels`: a label array at one moment, cheap to take again and again because unchanged slices are shared.

`FrozenSlice`: a slice of it, of which only the part is kept where there ever was a segment.
`FrozenMask`: one segment of it, whose voxels are looked for by whoever wants them, on whatever thread.
`PackedMask`: a segment in a box, a bit a voxel, to be sent to another process.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.geometry import Region


@dataclass(frozen=True, slots=True, eq=False)
class FrozenSlice:
    """Labels (1, j, i) of `region`, a part of a slice k; the rest of the slice is background."""

    region: Region
    labels: NDArray[np.uint8]

    def put(self, into: NDArray[np.uint8], region: Region) -> None:
        """Write what lies in a region into an array of its shape."""
        both = self.region.intersection(region)
        if both.size:
            into[both.within(region).slices] = self.labels[both.within(self.region).slices]


@dataclass(frozen=True, slots=True, eq=False)
class FrozenLabels:
    """Labels of `region`, slice k by slice k. Any thread may read them."""

    region: Region
    slices: tuple[FrozenSlice, ...]

    @classmethod
    def of(cls, region: Region, labels: NDArray[np.uint8]) -> FrozenLabels:
        """From an array of the region's shape, which nobody changes any more."""
        planes = [region.slab(k) for k in range(region.start[0], region.stop[0])]
        return cls(region, tuple(FrozenSlice(p, labels[p.within(region).slices]) for p in planes))

    def crop(self, region: Region) -> NDArray[np.uint8]:
        """A new array (k, j, i) of a region inside this one."""
        crop = np.zeros(region.shape, np.uint8)
        for kept in self.slices[region.within(self.region).slices[0]]:
            kept.put(crop, region)
        return crop

    def planes(self, region: Region) -> Iterator[NDArray[np.uint8]]:
        """Each slice (j, i) of a region inside this one, a new array."""
        for k in range(region.start[0], region.stop[0]):
            yield self.crop(region.slab(k))[0]


@dataclass(frozen=True, slots=True, eq=False)
class FrozenMask:
    """A segment at one moment. Any thread may read it.

    Args:
        region: A box that holds it, perhaps too large.
    """

    labels: FrozenLabels
    label: int
    region: Region

    @classmethod
    def of(cls, mask: NDArray[np.bool_]) -> FrozenMask:
        """From a mask over a whole grid, which nobody changes any more."""
        whole = Region.whole((mask.shape[0], mask.shape[1], mask.shape[2]))
        return cls(FrozenLabels.of(whole, mask.astype(np.uint8)), 1, whole)

    def crop(self, region: Region) -> NDArray[np.bool_]:
        """A new mask (k, j, i) of a region."""
        return np.asarray(self.labels.crop(region) == self.label)

    @property
    def extent(self) -> Region | None:
        """The tightest box around it; None when it is empty."""
        inner = Region.around(self.crop(self.region)) if self.region.size else None
        return inner.placed(self.region.start) if inner else None


@dataclass(frozen=True, slots=True, eq=False)
class PackedMask:
    """A segment in a box.

    Args:
        planes: Of each slice k `np.packbits` of its (j, i) mask.
    """

    region: Region
    planes: tuple[NDArray[np.uint8], ...]

    @classmethod
    def of(cls, mask: FrozenMask, region: Region) -> PackedMask:
        """A frozen mask in a box, slice by slice, so that no thread holds Python's lock for long."""
        return cls(region, tuple(np.packbits(plane == mask.label) for plane in mask.labels.planes(region)))

    @property
    def mask(self) -> NDArray[np.bool_]:
        """(k, j, i) of the box."""
        depth, height, width = self.region.shape
        flat = np.unpackbits(np.stack(self.planes), axis=1, count=height * width)
        return flat.reshape(depth, height, width).view(bool)
