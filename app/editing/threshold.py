"""`Threshold`: voxels by their value. Looks at one voxel at a time, so a preview needs the shown slices only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from app.editing.mask_effect import MaskEffect
from app.editing.scene import Crop, Mask, Scene, Watch, in_range
from app.errors import BadInput
from app.geometry import Region
from app.segmentation import Labels


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
            raise BadInput("The lower threshold lies above the upper one.", "Make the range wider.")
        return scene.box(scene.label) if self.how == "within" else scene.domain

    def wanted(self, crop: Crop, scene: Scene, watch: Watch) -> Mask:
        return self.chosen(crop.labels, crop.image, scene.label)

    def chosen(self, labels: Labels, image: NDArray[Any], label: int) -> Mask:
        """Where the segment should be, given labels and image values of any one shape."""
        inside = in_range(image, self.low, self.high)
        match self.how:
            case "replace":
                return inside
            case "add":
                return np.asarray(inside | (labels == label))
            case "within":
                return np.asarray(inside & (labels == label))
