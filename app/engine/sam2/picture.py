"""`Pictures`: slices of a volume as the square pictures that the SAM 2 family was trained on, and the way back."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.engine.slicewise import Upright
from app.geometry import Index
from app.view_state import in_hounsfield
from app.volume import Volume

Values = NDArray[np.float32]
MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Of ImageNet's red, green and blue, as fractions of white (sam2/utils/misc.py)."""
SOFT_TISSUE = (40.0, 400.0)  # level and width in Hounsfield units, MedSAM's and MedSAM2's choice for abdomens
PERCENTILES = (0.5, 99.5)  # of the voxels over zero, where values have no unit (MedSAM)
_SAMPLED = 4_000_000  # voxels: percentiles of a larger volume are taken from every second or third


class Pictures:
    """How the slices of one volume become pictures.

    Args:
        side: Of the square picture, pixels.
        recipe: Of the card; `ct_window` is the level and width for computed tomography.
    """

    def __init__(self, volume: Volume, side: int, recipe: Mapping[str, Any]) -> None:
        self.volume = volume
        self.side = side
        self._ct_window = tuple(recipe.get("ct_window", SOFT_TISSUE))

    def pixels(self, axis: int, index: int) -> Values:
        """(3, S, S): a slice, windowed to 8 bits, upright, resized without regard to its shape, normalised.

        Resized as the official loaders do (PIL, bicubic, on 8 bits), not at all where the slice has the side already.
        """
        from PIL import Image

        grey = self.grey(np.take(self.volume.array, index, axis))
        picture = Image.fromarray(np.ascontiguousarray(self._upright(axis).picture(grey)))
        if picture.size != (self.side, self.side):
            picture = picture.resize((self.side, self.side), Image.Resampling.BICUBIC)
        fraction = np.asarray(picture, np.float32) / 255
        return np.stack([(fraction - mean) / deviation for mean, deviation in zip(MEAN, DEVIATION, strict=True)])

    def grey(self, values: NDArray[Any]) -> NDArray[np.uint8]:
        """0 to 255: the window of the recipe; zero stays zero where values have no unit and begin there."""
        low, high = self._window
        share = (np.clip(values.astype(np.float32), low, high) - low) / max(high - low, 1e-6)
        grey = (share * 255).astype(np.uint8)
        return np.where(values == 0, np.uint8(0), grey) if self._begins_at_zero else grey

    def place(self, axis: int, index: Index) -> tuple[float, float]:
        """(x, y) in the square picture of the middle of a voxel, in pixels whose middles are whole numbers."""
        x, y = self._upright(axis).pixel(index, self.volume.shape)
        height, width = self._size(axis)
        return (x + 0.5) * self.side / width - 0.5, (y + 0.5) * self.side / height - 0.5

    def square(self, axis: int, plane: NDArray[Any], side: int) -> Values:
        """A mask or logits of a slice in array order -> on the upright square picture; of a mask shares 0..1."""
        return resized(self._upright(axis).picture(plane.astype(np.float32)), (side, side))

    def plane(self, axis: int, logits: Values) -> Values:
        """Logits on a square picture of any side -> on the slice, in array order: bilinear, not smoothed, as SAM 2."""
        return np.ascontiguousarray(self._upright(axis).plane(resized(logits, self._size(axis), smooth=False)))

    def _upright(self, axis: int) -> Upright:
        return Upright.of(self.volume.geometry, axis)

    def _size(self, axis: int) -> tuple[int, int]:
        """Height and width of the upright picture before it is made square."""
        lengths = [length for a, length in enumerate(self.volume.shape) if a != axis]
        height, width = lengths[::-1] if self._upright(axis).transposed else lengths
        return height, width

    @cached_property
    def _window(self) -> tuple[float, float]:
        """Lowest and highest value that are told apart."""
        if in_hounsfield(self.volume):
            level, width = self._ct_window
            return level - width / 2, level + width / 2
        step = max(1, round((self.volume.array.size / _SAMPLED) ** (1 / 3)))
        sample = self.volume.array[::step, ::step, ::step].astype(np.float32)
        positive = sample[sample > 0] if self._begins_at_zero else sample
        low, high = np.percentile(positive if positive.size else sample, PERCENTILES)
        return float(low), float(high)

    @cached_property
    def _begins_at_zero(self) -> bool:
        """Whether zero is the dark around the patient: not with Hounsfield units, nor where values go below."""
        return not in_hounsfield(self.volume) and self.volume.intensity_range[0] >= 0


def resized(values: Values, shape: tuple[int, int], *, smooth: bool = True) -> Values:
    """Bilinear (2D).

    Args:
        smooth: Where it gets smaller, average over what falls into a pixel.
    """
    import torch
    from torch.nn import functional

    if values.shape == shape:
        return values
    tensor = torch.from_numpy(np.ascontiguousarray(values, np.float32))[None, None]
    smaller = shape[0] < values.shape[0] or shape[1] < values.shape[1]
    made = functional.interpolate(tensor, shape, mode="bilinear", align_corners=False, antialias=smooth and smaller)
    return np.asarray(made[0, 0].numpy(), np.float32)
