"""`Stroke`: voxels covered with the mouse so far, shown as they would become, and at its end one proposal."""

from __future__ import annotations

import numpy as np

from app.change import by_label
from app.editing.brush import Tip, dab
from app.editing.proposal import Proposal
from app.editing.scene import Mask, claimed, in_range
from app.errors import BadInput
from app.geometry import EMPTY_REGION, Index, Region
from app.segmentation import Labels, Segmentation
from app.volume import Volume

_ROOM = 32  # voxels by which the array grows beyond what is needed, so that it does not grow at every move


class Stroke:
    """Paints or erases one segment. It reads the labels as they are, so an answer that comes meanwhile is no harm.

    Args:
        erase: Take voxels of the segment away instead of adding some.
        kept: Labels whose voxels it does not take; locked ones are always among them.
        gate: Lowest and highest image value that is painted, None for all.

    Raises:
        BadInput: when the segment is locked or hidden.
    """

    def __init__(
        self,
        volume: Volume,
        segmentation: Segmentation,
        label: int,
        *,
        erase: bool = False,
        take_others: bool = False,
        gate: tuple[float, float] | None = None,
    ) -> None:
        segment = segmentation.segments[label]
        if segment.locked:
            raise BadInput(f"{segment.name} is locked.", "Unlock it to change it.")
        if not segment.visible:
            raise BadInput(f"{segment.name} is hidden.", "Show it to draw on it.")
        self._volume, self._segmentation = volume, segmentation
        self._label, self._erase, self._take_others, self._gate = label, erase, take_others, gate
        self._last: Index | None = None
        self.region = EMPTY_REGION
        """What was covered so far."""
        self._room = self.region
        self._covered: Mask = np.zeros((0, 0, 0), bool)

    def to(self, index: Index, tip: Tip) -> Region:
        """Go on to a voxel, straight from the last one; the box that was covered newly."""
        geometry = self._volume.geometry
        region, mask = dab(tip, self._last or index, index, geometry.spacing, geometry.shape)
        self._last = index
        self.cover(region, mask)
        return region

    def cover(self, region: Region, mask: Mask) -> None:
        """Add the voxels of a mask (k, j, i) of the region's shape."""
        if self._gate is not None:
            mask = mask & in_range(self._volume.array[region.slices], *self._gate)
        self.region = self.region.union(region)
        self._make_room()
        self._covered[region.within(self._room).slices] |= mask

    def clear(self) -> Region:
        """Begin again; the box that was covered."""
        region, self.region = self.region, EMPTY_REGION
        self._room, self._covered, self._last = self.region, np.zeros((0, 0, 0), bool), None
        return region

    def crop(self, region: Region) -> tuple[Region, Labels] | None:
        """The labels as they would become where `region` meets the stroke, None where they do not meet."""
        common = self.region.intersection(region)
        if not common.size:
            return None
        labels = self._segmentation.labels[common.slices]
        mine, covered = labels == self._label, self._covered[common.within(self._room).slices]
        wanted = mine & ~covered if self._erase else mine | covered
        return common, claimed(labels, self._label, wanted, self._kept)

    def proposal(self, title: str) -> Proposal:
        """The whole stroke as one step, for the labels as they are now."""
        found = self.crop(self.region)
        values = found[1] if found else np.zeros((0, 0, 0), np.uint8)
        changes = by_label(self._segmentation.labels[self.region.slices], values, self.region) if found else {}
        return Proposal(title, self.region, values, changes, stamp=self._segmentation.stamp)

    @property
    def _kept(self) -> tuple[int, ...]:
        segments = self._segmentation.segments.values()
        return tuple(s.label for s in segments if s.label != self._label and (s.locked or not self._take_others))

    def _make_room(self) -> None:
        if self._room.union(self.region) == self._room:
            return
        room = self.region.grown(_ROOM, self._volume.shape)
        covered = np.zeros(room.shape, bool)
        if self._room.size:
            covered[self._room.within(room).slices] = self._covered
        self._room, self._covered = room, covered
