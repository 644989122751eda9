"""`LiveThreshold`: a threshold seen before it is computed: each shown slice is asked for when it is drawn."""

from __future__ import annotations

import numpy as np

from app.editing.scene import Scene
from app.editing.threshold import Threshold
from app.geometry import Region
from app.segmentation import Labels


class LiveThreshold:
    """What a threshold would make of any part of a scene, without a pass over the volume."""

    def __init__(self, effect: Threshold, scene: Scene) -> None:
        self._effect, self._scene = effect, scene

    def crop(self, region: Region) -> tuple[Region, Labels] | None:
        """The labels as they would become, None where the scene does not go."""
        common = self._scene.domain.intersection(region)
        if not common.size:
            return None
        labels = self._scene.labels.crop(common)
        wanted = self._effect.chosen(labels, self._scene.volume.array[common.slices], self._scene.label)
        return common, np.asarray(self._scene.claimed(labels, wanted))
