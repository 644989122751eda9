"""`Change`: what differs in a region of the label array, XORed and compressed."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.geometry import Region


@dataclass(frozen=True, slots=True)
class Change:
    """zlib of (before XOR after) over a region: flipping it is both undo and redo."""

    region: Region
    xor: bytes

    @classmethod
    def between(cls, before: NDArray[np.uint8], after: NDArray[np.uint8], region: Region) -> Change:
        """The change from one label crop to another, both of the region's shape."""
        return cls(region, zlib.compress(np.ascontiguousarray(before ^ after).tobytes(), 1))

    def flip(self, labels: NDArray[np.uint8]) -> None:
        """Apply to, or take back from, the whole label array."""
        crop = labels[self.region.slices]
        crop ^= np.frombuffer(zlib.decompress(self.xor), np.uint8).reshape(crop.shape)


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
            xor = moved[box.slices] * np.uint8(label)
            changes[int(label)] = Change(box.placed(region.start), zlib.compress(xor.tobytes(), 1))
    return changes
