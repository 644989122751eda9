"""`MaskEffect`: an effect that says where one segment should be; neighbours are kept out of it here, once."""

from __future__ import annotations

from app.editing.proposal import Outcome
from app.editing.scene import Crop, Mask, Scene, Watch
from app.geometry import Region


class MaskEffect:
    """Override `wanted`, and `reach` where the segment may grow."""

    def reach(self, scene: Scene) -> Region:
        """The box outside which nothing changes; the segment's own by default."""
        return scene.box(scene.label)

    def wanted(self, crop: Crop, scene: Scene, watch: Watch) -> Mask:
        """Where the segment should be, of the shape of `crop.labels`."""
        raise NotImplementedError

    def apply(self, scene: Scene, watch: Watch) -> Outcome:
        """The labels of `reach` with the segment as `wanted`, as far as it may take them."""
        crop = scene.crop(self.reach(scene))
        wanted = self.wanted(crop, scene, watch)
        return Outcome(crop.region, crop.full(scene.claimed(crop.labels, wanted)))
