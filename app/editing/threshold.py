"""`Threshold`: voxels by their value. Looks at one voxel at a time, so a preview needs the shown slices only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from app.editing.mask_effect import MaskEffect
from app.editing.scene import Crop, Mask, Scene, Watch, in_range
from app.errors import BadInput
from app.geometry import Region


@dataclass(frozen=True)
class Threshold(MaskEffect):
    """Values from `low` to `high`, both included.

    Args:
        how: "replace": the segment becomes them; "add": it keeps its voxels too; "within": only its own stay.
    """

    low: float
    high: float
    how: Literal["replace", "add", "within"] = "replace"
    title = "Threshold"

    def reach(self, scene: Scene) -> Region:
        if self.low > self.high:
            raise BadInput("The lower threshold lies above the upper one.")
        return scene.box(scene.label) if self.how == "within" else scene.domain

    def wanted(self, crop: Crop, scene: Scene, watch: Watch) -> Mask:
        inside = in_range(crop.image, self.low, self.high)
        match self.how:
            case "replace":
                return inside
            case "add":
                return np.asarray(inside | (crop.labels == scene.label))
            case "within":
                return np.asarray(inside & (crop.labels == scene.label))
