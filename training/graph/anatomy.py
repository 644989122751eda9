"""`Draft`: a block of an invented torso, drawn as chains of ellipsoids that do not overlap.

Coordinates are reference millimetres (up, back, left) from a point in the middle of the trunk at the second lumbar
vertebra. Sizes and places are what any atlas of anatomy shows, rounded and varied at random; no scan was measured.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from training.shapes import Random

Mask = NDArray[np.bool_]
Points = NDArray[np.float64]


class Tissue(IntEnum):
    """What a voxel consists of."""

    AIR = 0
    FAT = 1
    MUSCLE = 2
    LUNG = 3
    CORTEX = 4
    MARROW = 5
    DISC = 6
    CORD = 7
    ARTERY = 8
    VEIN = 9
    LIVER = 10
    SPLEEN = 11
    KIDNEY = 12
    BILE = 13
    WALL = 14
    CONTENT = 15
    GAS = 16
    URINE = 17
    PANCREAS = 18
    HEART = 19


@dataclass
class Draft:
    """A block on a regular grid, to which organs are added one after the other.

    Args:
        step: Reference millimetres between voxels.
        origin: (3,) where the first voxel lies.
        side: Voxels along each axis.
        random: What varies sizes, places and gaps.
    """

    step: float
    origin: Points
    side: int
    random: Random
    tissue: NDArray[np.int16] = field(init=False)
    organ: NDArray[np.int16] = field(init=False)
    """Which organ a voxel belongs to, counted from 1; 0 where none."""
    count: int = 0
    _taken: Mask = field(init=False)

    def __post_init__(self) -> None:
        shape = (self.side,) * 3
        self.tissue, self.organ = np.zeros(shape, np.int16), np.zeros(shape, np.int16)
        self._taken = np.zeros(shape, bool)

    def around(self, *at: float, by: float = 8.0) -> Points:
        """A place, moved at random by about `by` millimetres."""
        return np.array(at) + self.random.normal(0, by / 2, 3)

    def sized(self, *radii: float) -> Points:
        """Half axes, each made larger or smaller at random by about a sixth, all by as much again."""
        return np.array(radii) * np.exp(self.random.normal(0, 0.15, 3) + self.random.normal(0, 0.15))

    def solid(self, points: Points, radii: Points, power: float = 2.0) -> Mask:
        """The union of ellipsoids at points (n, 3) with half axes (n, 3); a power above 2 is nearer to a box."""
        mask = np.zeros(self.tissue.shape, bool)
        for point, radius in zip(*np.broadcast_arrays(np.atleast_2d(points), np.atleast_2d(radii)), strict=True):
            low = np.clip(np.floor((point - radius - self.origin) / self.step), 0, self.side).astype(int)
            high = np.clip(np.ceil((point + radius - self.origin) / self.step) + 1, 0, self.side).astype(int)
            if (high <= low).any():
                continue
            k, j, i = (
                np.abs((np.arange(a, b) * self.step + o - p) / r) ** power
                for a, b, o, p, r in zip(low, high, self.origin, point, radius, strict=True)
            )
            near = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
            mask[near] |= k[:, None, None] + j[:, None] + i < 1
        return mask

    def fill(self, mask: Mask, tissue: Tissue) -> None:
        """Background: no organ, and nothing is kept from lying over it."""
        self.tissue[mask & ~self._taken] = tissue

    def keep_to(self, mask: Mask) -> None:
        """Nothing that is drawn from now on lies outside of the mask."""
        self._taken |= ~mask

    def add(self, mask: Mask, tissue: Tissue, gap: int | None = None) -> Mask:
        """A new organ where nothing is yet, and as many voxels of gap around it as asked (mostly one); its mask."""
        mask = mask & ~self._taken
        if not mask.any():
            return mask
        self.count += 1
        self.tissue[mask], self.organ[mask] = tissue, self.count
        gap = int(self.random.random() < 0.65) if gap is None else gap
        self._taken |= ndimage.binary_dilation(mask, iterations=gap) if gap else mask
        return mask

    def within(self, organ: Mask, mask: Mask, tissue: Tissue) -> None:
        """A part of an organ that was just added: its content, its hilum."""
        self.tissue[organ & mask] = tissue

    def hollow(self, points: Points, radii: Points, thick: float, content: Tissue) -> None:
        """An organ with a wall and something in it."""
        organ = self.add(self.solid(points, radii), Tissue.WALL)
        self.within(organ, self.solid(points, np.maximum(radii - thick, 0.5)), content)


def place(up: float, back: float, left: float) -> Points:
    """(3,) reference millimetres: a place, a way or half axes."""
    return np.array([up, back, left], dtype=np.float64)


def chain(*stations: Points, steps: int = 24) -> Points:
    """Points along a smooth way through stations of equal rank (places, or places with radii)."""
    given = np.stack(stations)
    at = np.linspace(0, len(given) - 1, len(given))
    fine = np.linspace(0, len(given) - 1, steps)
    way = np.stack([np.interp(fine, at, given[:, a]) for a in range(given.shape[1])], 1)
    return np.asarray(ndimage.gaussian_filter1d(way, steps / 12, axis=0, mode="nearest"))
