"""Shape of one segment: holes, margin, smoothing; and of all at once: joint smoothing."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import reduce
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from app.editing.distance import grown, shrunk
from app.editing.mask_effect import MaskEffect
from app.editing.proposal import Outcome
from app.editing.scene import Crop, Mask, Scene, Watch
from app.editing.steps import in_voxels
from app.errors import BadInput
from app.geometry import Region
from app.segmentation import Labels

_TAIL = 3.0  # standard deviations after which a Gaussian is cut off


@dataclass(frozen=True)
class FillHoles(MaskEffect):
    """What the segment encloses becomes part of it.

    Args:
        axis: Fill also what is enclosed on single slices across this array axis; None for true cavities.
    """

    axis: int | None = None
    title = "Fill holes of"

    def wanted(self, crop: Crop, scene: Scene, watch: Watch) -> Mask:
        mask = crop.labels == scene.label
        if self.axis is None or mask.ndim == 2:
            return np.asarray(ndimage.binary_fill_holes(mask))
        slices = np.moveaxis(mask.copy(), self.axis, 0)
        for number, each in enumerate(slices):
            each |= ndimage.binary_fill_holes(each)
            watch(number / len(slices))
        return np.moveaxis(slices, 0, self.axis)


@dataclass(frozen=True)
class Margin(MaskEffect):
    """Grow by a margin, or shrink by a negative one; measured between voxel centres, right on anisotropic grids."""

    millimetres: float

    @property
    def title(self) -> str:
        """Says which."""
        return f"{'Grow' if self.millimetres >= 0 else 'Shrink'} by {abs(self.millimetres):g} mm:"

    def reach(self, scene: Scene) -> Region:
        return scene.box(scene.label, max(0.0, self.millimetres))

    def apply(self, scene: Scene, watch: Watch) -> Outcome:
        """Says how many voxels the distance means: on 3 mm voxels 2 mm are none."""
        return replace(super().apply(scene, watch), note=in_voxels(scene, abs(self.millimetres)))

    def wanted(self, crop: Crop, scene: Scene, watch: Watch) -> Mask:
        mask = crop.labels == scene.label
        if self.millimetres >= 0:
            return grown(mask, self.millimetres, crop.spacing)
        return shrunk(mask, -self.millimetres, crop.spacing)


@dataclass(frozen=True)
class Smooth(MaskEffect):
    """Smooth one segment.

    Args:
        how: "gaussian": the outline of a blurred mask; "median": thin parts and dents smaller than the ball go;
            "opening": spikes go; "closing": dents and gaps are filled.
        millimetres: Standard deviation, or radius.
    """

    how: Literal["gaussian", "median", "opening", "closing"] = "gaussian"
    millimetres: float = 2.0
    title = "Smooth"

    def reach(self, scene: Scene) -> Region:
        return scene.box(scene.label, _TAIL * self.millimetres)

    def wanted(self, crop: Crop, scene: Scene, watch: Watch) -> Mask:
        mask, radius, spacing = crop.labels == scene.label, self.millimetres, crop.spacing
        match self.how:
            case "gaussian":
                return blurred(mask, radius, spacing) > 0.5
            case "median":
                share = ndimage.convolve(mask.astype(np.float32), ball(radius, spacing), mode="nearest")
                return np.asarray(share > 0.5)
            case "opening":
                return grown(shrunk(mask, radius, spacing), radius, spacing)
            case "closing":
                return np.asarray(shrunk(grown(mask, radius, spacing), radius, spacing) | mask)


@dataclass(frozen=True)
class SmoothJointly:
    """Smooth all segments that are not locked at once, so that neighbours stay in contact.

    Every voxel goes to the segment, or background, whose blurred mask is the highest there. Locked segments keep
    their voxels and do not compete: what touches them stays in contact too.

    Args:
        millimetres: Standard deviation.
    """

    millimetres: float = 2.0
    title = "Smooth jointly with"

    def apply(self, scene: Scene, watch: Watch) -> Outcome:
        """Each segment is blurred in its own box only."""
        loose = [label for label, segment in scene.segments.items() if not segment.locked]
        found = {label: scene.find(label, _TAIL * self.millimetres) for label in loose}
        boxes = {label: box for label, box in found.items() if box}
        if not boxes:
            raise BadInput("There is nothing to smooth: every segment is locked or empty.", "Draw or unlock one.")
        whole = reduce(Region.union, boxes.values())
        crop = scene.crop(whole)
        values = self._winners(scene, crop, boxes, watch)
        for label in scene.locked:
            values[crop.labels == label] = label
        return Outcome(whole, crop.full(values))

    def _winners(self, scene: Scene, crop: Crop, boxes: dict[int, Region], watch: Watch) -> Labels:
        best = blurred(crop.labels == 0, self.millimetres, crop.spacing)
        values = np.zeros(crop.labels.shape, np.uint8)
        for number, (label, box) in enumerate(boxes.items(), 1):
            watch(number / (len(boxes) + 1))
            inner = box.within(crop.region).slices
            if crop.axis is not None:
                inner = inner[: crop.axis] + inner[crop.axis + 1 :]  # type: ignore[assignment]  # two axes are left
            here = blurred(crop.labels[inner] == label, self.millimetres, crop.spacing)
            wins = here > best[inner]
            values[inner][wins] = label
            best[inner][wins] = here[wins]
        return values


def blurred(mask: Mask, millimetres: float, spacing: tuple[float, ...]) -> NDArray[np.float32]:
    """A mask (2D or 3D) under a Gaussian with this standard deviation; beyond the array it goes on as at its border."""
    sigma = [millimetres / step for step in spacing]
    return np.asarray(ndimage.gaussian_filter(mask.astype(np.float32), sigma, truncate=_TAIL, mode="nearest"))


def ball(millimetres: float, spacing: tuple[float, ...]) -> NDArray[np.float32]:
    """Equal weights, 1 in all, on the voxels within a radius; at least one voxel to every side."""
    reach = [max(1, int(millimetres / step)) for step in spacing]
    grid = np.ogrid[tuple(slice(-n, n + 1) for n in reach)]
    radii = [max(millimetres, step) for step in spacing]
    inside = sum((axis * step / radius) ** 2 for axis, step, radius in zip(grid, spacing, radii, strict=True)) <= 1.0001
    return np.asarray(inside / np.count_nonzero(inside), np.float32)
