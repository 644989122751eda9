"""Islands: the connected parts of a segment, by connected-components-3d. Voxels are connected through faces."""

from __future__ import annotations

import colorsys
from dataclasses import dataclass, replace
from typing import Any

import cc3d
import numpy as np
from numpy.typing import NDArray

from app.editing.mask_effect import MaskEffect
from app.editing.proposal import Outcome
from app.editing.scene import Crop, Mask, Scene, Watch
from app.errors import BadInput
from app.geometry import Index
from app.segmentation import MOST_SEGMENTS, Segment


def islands(mask: Mask) -> tuple[NDArray[Any], NDArray[Any]]:
    """Numbers of the islands of a 2D or 3D mask, 0 outside, and (n + 1,) how many voxels each number has."""
    numbers = cc3d.connected_components(np.ascontiguousarray(mask), connectivity=4 if mask.ndim == 2 else 6)
    return numbers, np.bincount(numbers.ravel())


def by_size(sizes: NDArray[Any]) -> NDArray[Any]:
    """Numbers of the islands, the largest first; of equal ones the earlier."""
    return np.argsort(-sizes[1:], kind="stable") + 1


@dataclass(frozen=True)
class KeepLargest(MaskEffect):
    """Only the largest islands stay."""

    count: int = 1
    title = "Keep the largest island of"

    def wanted(self, crop: Crop, scene: Scene, watch: Watch) -> Mask:
        numbers, sizes = islands(crop.labels == scene.label)
        return np.isin(numbers, by_size(sizes)[: self.count])


@dataclass(frozen=True)
class RemoveSmall(MaskEffect):
    """Islands smaller than `millilitres` go."""

    millilitres: float
    title = "Remove small islands of"

    def wanted(self, crop: Crop, scene: Scene, watch: Watch) -> Mask:
        numbers, sizes = islands(crop.labels == scene.label)
        large = sizes * scene.volume.geometry.voxel_volume / 1000 >= self.millilitres
        large[0] = False
        return np.asarray(large[numbers])


@dataclass(frozen=True)
class PickIsland(MaskEffect):
    """The island at a voxel alone stays, or goes."""

    index: Index
    keep: bool = True

    @property
    def title(self) -> str:
        """Says which."""
        return "Keep the chosen island of" if self.keep else "Remove the chosen island of"

    def wanted(self, crop: Crop, scene: Scene, watch: Watch) -> Mask:
        mask = crop.labels == scene.label
        at = [x - a for x, a in zip(self.index, crop.region.start, strict=True)]
        if not crop.region.contains(self.index) or not crop.full(mask)[tuple(at)]:
            raise BadInput(f"The crosshair is not on {scene.name}.", "Put it on the island that you mean.")
        numbers, _ = islands(mask)
        chosen = numbers == crop.full(numbers)[tuple(at)]
        return np.asarray(chosen if self.keep else mask & ~chosen)


@dataclass(frozen=True)
class Split:
    """Every island becomes a segment of its own; the largest stays what it is.

    Args:
        most: At most so many new segments, the largest; smaller islands stay where they are.
        millilitres: Islands smaller than this stay where they are.
    """

    most: int = 20
    millilitres: float = 0.0
    title = "Split"

    def apply(self, scene: Scene, watch: Watch) -> Outcome:
        """New labels for the islands after the first."""
        crop = scene.crop(scene.box(scene.label))
        numbers, sizes = islands(crop.labels == scene.label)
        least = self.millilitres * 1000 / scene.volume.geometry.voxel_volume
        parts = [number for number in by_size(sizes)[1:] if sizes[number] >= least][: self.most]
        free = [label for label in range(1, MOST_SEGMENTS + 1) if label not in scene.segments]
        after = [label for label in free if label > max(scene.segments)] or free
        values, added = crop.labels.copy(), []
        for place, (number, label) in enumerate(zip(parts, after, strict=False), 2):
            values[numbers == number] = label
            added.append(_part(scene.segments[scene.label], label, place))
            watch(place / (len(parts) + 2))
        return Outcome(crop.region, crop.full(values), tuple(added), note=_told(len(sizes) - 1, scene.name))


def _part(segment: Segment, label: int, place: int) -> Segment:
    """Named after the whole, in a colour of its own: the hue turned by the golden angle, so that neighbours differ."""
    red, green, blue = (part / 255 for part in segment.colour)
    hue, saturation, value = colorsys.rgb_to_hsv(red, green, blue)
    turned = colorsys.hsv_to_rgb((hue + 0.381966 * (place - 1)) % 1, max(saturation, 0.5), max(value, 0.8))
    r, g, b = (round(255 * part) for part in turned)
    return replace(segment, label=label, name=f"{segment.name} {place}", colour=(r, g, b))


def _told(count: int, name: str) -> str:
    return f"{name} has {count} islands." if count != 1 else f"{name} is one island already."
