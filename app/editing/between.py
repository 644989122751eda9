"""`FillBetween`: the slices that were skipped, from those that were drawn."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from app.editing.distance import signed
from app.editing.mask_effect import MaskEffect
from app.editing.scene import Crop, Mask, Scene, Watch
from app.errors import BadInput


@dataclass(frozen=True)
class FillBetween(MaskEffect):
    """Shape-based interpolation: the distance to the outline goes linearly from one drawn slice to the next.

    S. P. Raya and J. K. Udupa, IEEE Trans. Med. Imaging 9 (1990) 32; outlines are first laid on one centre, which
    moves linearly too, so that oblique tubes stay whole (G. T. Herman et al., IEEE CG&A 12 (1992) 69).

    Args:
        axis: Array axis across the slices.
    """

    axis: int
    title = "Fill between slices of"

    def wanted(self, crop: Crop, scene: Scene, watch: Watch) -> Mask:
        if crop.axis is not None:
            raise BadInput("Filling between slices needs the whole volume.", "Choose the whole volume.")
        mask = crop.labels == scene.label
        filled = np.moveaxis(mask, self.axis, 0).copy()
        drawn = np.flatnonzero(filled.any(axis=(1, 2)))
        gaps = [(int(a), int(b)) for a, b in pairwise(drawn) if b - a > 1]
        if not gaps:
            raise BadInput(f"{scene.name} has no slice left out between others.", "Draw every few slices, then fill.")
        spacing = crop.spacing[: self.axis] + crop.spacing[self.axis + 1 :]
        for number, (first, last) in enumerate(gaps):
            filled[first + 1 : last] = between(filled[first], filled[last], last - first, spacing)
            watch((number + 1) / len(gaps))
        return np.moveaxis(filled, 0, self.axis)


def between(first: Mask, last: Mask, steps: int, spacing: tuple[float, ...]) -> Mask:
    """(steps - 1, rows, columns): the masks on the way from one slice to another."""
    centres = [np.array(ndimage.center_of_mass(mask)) for mask in (first, last)]
    wide = [max(first.shape[a], last.shape[a]) for a in range(2)]
    middle = np.array(wide, float)
    fields = [_centred(mask, centre, middle, spacing) for mask, centre in zip((first, last), centres, strict=True)]
    masks = np.zeros((steps - 1, *first.shape), bool)
    for step in range(1, steps):
        t = step / steps
        field = (1 - t) * fields[0] + t * fields[1]
        centre = (1 - t) * centres[0] + t * centres[1]
        masks[step - 1] = _moved(field, centre - middle)[: first.shape[0], : first.shape[1]] > 0
    return masks


def _centred(
    mask: Mask, centre: NDArray[np.float64], middle: NDArray[np.float64], spacing: tuple[float, ...]
) -> NDArray[np.float32]:
    """Signed distances on a canvas twice as large, with the mask's centre in its middle."""
    canvas = np.zeros([2 * n + 1 for n in mask.shape], bool)
    corner = np.floor(middle - centre).astype(int)
    canvas[corner[0] : corner[0] + mask.shape[0], corner[1] : corner[1] + mask.shape[1]] = mask
    return _moved(signed(canvas, spacing), (middle - centre) - corner)


def _moved(field: NDArray[np.float32], by: NDArray[np.float64]) -> NDArray[np.float32]:
    return np.asarray(ndimage.shift(field, by, order=1, mode="nearest"), np.float32)
