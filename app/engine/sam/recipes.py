"""`Recipe`: how one system of the family wants its pictures and prompts, exactly as it was trained."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from app.engine.sam import resizing
from app.engine.sam.frame import Frame
from app.engine.sam.intensity import Way
from app.engine.sam.network import Architecture

_MEAN = np.array([123.675, 116.28, 103.53], np.float32)  # of ImageNet, in 0..255; SAM's checkpoints leave it out
_DEVIATION = np.array([58.395, 57.12, 57.375], np.float32)
Style = Literal["sam", "medsam", "lite", "med2d"]


@dataclass(frozen=True, slots=True)
class Recipe:
    """One system.

    Args:
        architecture: Of its network.
        style: How a picture becomes the network's input.
        size: Side of that input in pixels.
        grid: Side of the embedding; low-resolution logits have four times that.
        way: How values become 0..255.
        several: Whether three masks are asked for always (SAM-Med2D); else for a single click.
        feeds_back: Whether the mask before goes in with the next prompts; models of boxes only take none.
        as_probability: Whether it goes in as a probability and not as logits (SAM-Med2D).
        box_margin: Pixels of the input by which a box around the neighbouring slice's mask is wider (LiteMedSAM's own
            script: 3); for the others a twentieth of the mask's extent, at least one pixel of the slice.
    """

    architecture: Architecture
    style: Style = "sam"
    size: int = 1024
    grid: int = 64
    way: Way = "display"
    several: bool = False
    feeds_back: bool = True
    as_probability: bool = False
    box_margin: int = 0

    def frame(self, height: int, width: int) -> Frame:
        """Where a picture of that size lies in the input."""
        rows = columns = self.size
        top = left = 0
        if self.style in ("sam", "lite"):  # the longer side fills the input, the rest stays empty
            scale = self.size / max(height, width)
            rows, columns = int(height * scale + 0.5), int(width * scale + 0.5)
        if self.style == "med2d" and max(height, width) < self.size:  # smaller ones lay in the middle, not enlarged
            rows, columns = height, width
            top, left = (self.size - height) // 2, (self.size - width) // 2
        medsam = self.style == "medsam"
        place = rows, columns, self.size, 4 * self.grid, top, left
        return Frame(height, width, *place, probability=medsam, by_input=not medsam)

    def input(self, picture: NDArray[np.uint8]) -> NDArray[np.float32]:
        """(height, width) in 0..255 -> (1, 3, size, size)."""
        frame = self.frame(*picture.shape)
        match self.style:
            case "sam":
                resized = resizing.bilinear(picture, frame.rows, frame.columns)
                channels = _normalised(resized)
            case "medsam":
                channels = _unit(resizing.cubic(picture, frame.rows, frame.columns))
            case "lite":
                channels = _unit(resizing.area(picture, frame.rows, frame.columns))
            case "med2d":
                channels = _resized(_normalised(picture), frame)
        whole = np.zeros((1, 3, self.size, self.size), np.float32)
        whole[0, :, frame.top : frame.top + frame.rows, frame.left : frame.left + frame.columns] = channels
        return whole


RECIPES: dict[str, Recipe] = {
    "sam_vit_b": Recipe("vit_b"),
    "sam_vit_l": Recipe("vit_l"),
    "sam_vit_h": Recipe("vit_h"),
    "mobile_sam": Recipe("mobile"),
    "medsam": Recipe("vit_b", "medsam", way="medsam", feeds_back=False),
    "lite_medsam": Recipe("lite", "lite", 256, way="medsam", feeds_back=False, box_margin=3),
    "sam_med2d": Recipe("med2d", "med2d", 256, 16, way="slice", several=True, as_probability=True),
}
"""By the id of a card, or by `system` in the recipe of a card with weights of one's own."""


def _normalised(picture: NDArray[np.uint8]) -> NDArray[np.float32]:
    return (picture.astype(np.float32) - _MEAN[:, None, None]) / _DEVIATION[:, None, None]


def _unit(picture: NDArray[np.uint8]) -> NDArray[np.float32]:
    """From the least to the largest value of the slice to 0..1; neither mean nor deviation."""
    low, high = float(picture.min()), float(picture.max())
    return (picture.astype(np.float32) - low) / max(high - low, 1e-8)


def _resized(channels: NDArray[np.float32], frame: Frame) -> NDArray[np.float32]:
    """After normalising, as SAM-Med2D does it."""
    return np.stack([resizing.nearest(channel, frame.rows, frame.columns) for channel in channels])
