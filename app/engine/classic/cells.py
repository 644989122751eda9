"""`Cells`: logits on the lattice around an object, before they are spread over the voxels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.engine.protocol import Logits
from app.geometry import Region

Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Cells:
    """All cells outside `region` are outside the object.

    Args:
        region: Of the lattice.
        logits: (k, j, i) on it.
        by_threshold: Whether a threshold on the tones says so (`connected_threshold.py`), at once and everywhere.
    """

    region: Region
    logits: Logits
    by_threshold: bool = False

    def inside(self, region: Region) -> Mask:
        """(k, j, i) which cells of another region are in the object."""
        mask = np.zeros(region.shape, dtype=bool)
        shared = region.intersection(self.region)
        if shared.size:
            mask[shared.within(region).slices] = self.logits[shared.within(self.region).slices] > 0
        return mask
