"""`GrowFromSeeds`: every segment grows from what was drawn of it until it meets an edge of the image or a neighbour."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from app.editing.proposal import Outcome
from app.editing.scene import Crop, Scene, Watch
from app.errors import BadInput
from app.geometry import Region
from app.median import median3

_LEVELS = 4095  # grey levels that the forest tells apart
_OUTSIDE = 256  # the marker of the surroundings; labels end at 255


@dataclass(frozen=True)
class GrowFromSeeds:
    """Image foresting transform (Falcao, Stolfi and Lotufo, IEEE TPAMI 26 (2004) 19; scipy's `watershed_ift`).

    A voxel goes to the seed from which a path of the smallest steps in grey value leads to it: what GrowCut converges
    to. All segments with voxels are seeds and keep them; those that are locked do not grow.

    Args:
        millimetres: How far around the seeds they may grow.
        outside: Whether what lies around that box counts as surroundings. Without it everything in the box is given
            to a segment, and at least two are needed.
    """

    millimetres: float = 20.0
    outside: bool = True
    title = "Grow from seeds:"

    def apply(self, scene: Scene, watch: Watch) -> Outcome:
        """In the box around all seeds."""
        box, seeds = self._box(scene)
        crop = scene.crop(box)
        if seeds + self.outside < 2:
            raise BadInput(
                "Growing needs two segments with something drawn.", "Draw a second one, or use surroundings."
            )
        watch(0.1)
        levels = _levels(crop)
        watch(0.4)
        markers = crop.labels.astype(np.int16)
        if self.outside:
            _mark_surface(markers)
        grown = ndimage.watershed_ift(levels, markers)
        _uncover_surface(grown)
        watch(0.9)
        values = np.where(grown == _OUTSIDE, 0, grown).astype(np.uint8)
        values[np.isin(values, scene.locked)] = 0
        values[crop.labels > 0] = crop.labels[crop.labels > 0]
        return Outcome(crop.region, crop.full(values))

    def _box(self, scene: Scene) -> tuple[Region, int]:
        """Around all seeds, and how many there are."""
        first = scene.box(scene.label, self.millimetres)
        loose = [label for label in scene.bounds if label != scene.label and not scene.segments[label].locked]
        boxes = [box for label in loose if (box := scene.find(label, self.millimetres))]
        return reduce(Region.union, boxes, first), len(boxes) + 1


def _levels(crop: Crop) -> NDArray[np.uint16]:
    """The image with its noise damped and its edges kept (median of 3), in whole numbers over its usual range."""
    smooth = median3(crop.image.astype(np.float32), (1,) * crop.image.ndim)
    low, high = np.percentile(smooth[:: max(1, len(smooth) // 64)], (0.5, 99.5))
    scale = _LEVELS / max(float(high - low), 1e-9)
    return np.asarray(np.clip((smooth - low) * scale, 0, _LEVELS), np.uint16)


def _sides(array: NDArray[Any]) -> Iterator[tuple[NDArray[Any], NDArray[Any]]]:
    """Every outermost layer of an array, as a view, and the layer below it."""
    for axis, length in enumerate(array.shape):
        layers = np.moveaxis(array, axis, 0)
        if length > 2:
            yield layers[0], layers[1]
            yield layers[-1], layers[-2]


def _mark_surface(markers: NDArray[np.int16]) -> None:
    for layer, _ in _sides(markers):
        layer[layer == 0] = _OUTSIDE


def _uncover_surface(grown: NDArray[np.int16]) -> None:
    """What reaches the layer below the surface reaches the surface: it may go on beyond the edge of the image."""
    for layer, below in _sides(grown):
        layer[layer == _OUTSIDE] = below[layer == _OUTSIDE]
