"""`Change`: voxels of a region where one segment comes or goes, a bit for each, compressed."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.geometry import Region


@dataclass(frozen=True, slots=True)
class Change:
    """What differs between two label arrays in one segment: flipping it is both undo and redo.

    Args:
        label: The segment: its voxels become background, and background becomes it.
        bits: zlib of one bit a voxel, set where it differs; row by row, every slice k padded to whole bytes. Against a
            byte a voxel, a change of 512x512x300 voxels is packed and flipped five times as fast.
    """

    region: Region
    label: int
    bits: bytes

    @classmethod
    def of(cls, region: Region, label: int, moved: NDArray[np.bool_]) -> Change:
        """From the voxels (k, j, i) of a region that differ."""
        return cls.packed(region, label, [np.packbits(plane) for plane in moved])

    @classmethod
    def packed(cls, region: Region, label: int, planes: Sequence[NDArray[np.uint8]]) -> Change:
        """From `np.packbits` of each slice k of the region."""
        return cls(region, label, zlib.compress(np.concatenate(planes).tobytes(), 1))

    def flip(self, labels: NDArray[np.uint8]) -> None:
        """Apply to, or take back from, the whole label array.

        Slice by slice, and only where a slice differs: a slice stays in the processor's cache.
        """
        depth, height, width = self.region.shape
        planes = np.frombuffer(zlib.decompress(self.bits), np.uint8).reshape(depth, -1)
        crop = labels[self.region.slices]
        for k in np.flatnonzero(planes.any(axis=1)):
            moved = np.unpackbits(planes[k], count=height * width).reshape(height, width)
            moved *= np.uint8(self.label)
            crop[k] ^= moved


def by_label(before: NDArray[np.uint8], after: NDArray[np.uint8], region: Region) -> dict[int, Change]:
    """The change from one label crop to another, cut into one for each segment, in tight boxes.

    Flipped one after the other they are the whole change, in any order: XOR does not mind it.
    """
    differs = before != after
    touched = np.zeros(256, bool)
    touched[before[differs]] = touched[after[differs]] = True
    changes = {}
    for label in np.flatnonzero(touched[1:]) + 1:
        moved = differs & ((before == label) | (after == label))
        box = Region.around(moved)
        if box is not None:
            changes[int(label)] = Change.of(box.placed(region.start), int(label), moved[box.slices])
    return changes
