"""`FrozenLabels`: a label array at one moment, cheap to take again and again because unchanged slices are shared."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.geometry import Region


@dataclass(frozen=True, slots=True, eq=False)
class FrozenLabels:
    """Labels of `region`, as one 2D array (j, i) for each slice k of it. Any thread may read them."""

    region: Region
    slices: tuple[NDArray[np.uint8], ...]

    @classmethod
    def of(cls, region: Region, labels: NDArray[np.uint8]) -> FrozenLabels:
        """From an array of the region's shape, which nobody changes any more."""
        return cls(region, tuple(labels))

    def crop(self, region: Region) -> NDArray[np.uint8]:
        """A new array (k, j, i) of a region inside this one."""
        inner = region.within(self.region)
        rows, columns = inner.slices[1:]
        crop = np.empty(region.shape, np.uint8)
        for k in range(region.shape[0]):
            crop[k] = self.slices[inner.start[0] + k][rows, columns]
        return crop
