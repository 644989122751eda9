"""`Grey`: from a volume's values to the 0..255 that the networks were trained on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from app.view_state import in_hounsfield
from app.volume import Volume

SOFT_TISSUE = (40.0, 400.0)  # level and width in Hounsfield units
SAMPLE = 4_000_000  # voxels: percentiles of larger volumes are those of voxels spread over the grid
Way = Literal["display", "medsam", "slice"]


@dataclass(frozen=True, slots=True)
class Grey:
    """Values are cut to low..high, then spread over 0..255 and cut to whole numbers.

    Args:
        keep_zero: Whether what was exactly 0 (outside the body in many MR images) is 0 again.
        by_slice: Whether every slice finds its own limits among its values above 0.
    """

    low: float
    high: float
    keep_zero: bool = False
    by_slice: bool = False

    @classmethod
    def of(cls, volume: Volume, way: Way, recipe: Mapping[str, Any]) -> Grey:
        """Of a volume, as a recipe does it; `ct_window` (level and width) in the card's recipe comes first for CT.

        - display: soft tissue for CT, else the 0.5th to 99.5th percentile of the volume (SAM has no medical recipe;
          this is what RadioActive, arXiv 2411.07885, chose for other images).
        - medsam: soft tissue for CT, else those percentiles of the voxels above 0 (MedSAM's pre_CT_MR).
        - slice: those percentiles of each slice's pixels above 0 (RadioActive's choice for SAM-Med2D).
        """
        if in_hounsfield(volume) and ("ct_window" in recipe or way != "slice"):
            level, width = recipe.get("ct_window", SOFT_TISSUE)
            return cls._window(volume, float(level), float(width))
        if way == "slice":
            return cls(0, 0, by_slice=True)
        if way == "display":
            return cls(*volume.usual_range)
        return cls(*_percentiles(_sample(volume.array)), keep_zero=True)

    @classmethod
    def _window(cls, volume: Volume, level: float, width: float) -> Grey:
        """Within the window what the volume holds of it is spread, as MedSAM's script does after clipping."""
        low, high = level - width / 2, level + width / 2
        least, most = volume.intensity_range
        return cls(float(np.clip(least, low, high)), float(np.clip(most, low, high)))

    def picture(self, plane: NDArray[Any]) -> NDArray[np.uint8]:
        """A slice in 0..255, of the same shape; a slice without contrast is black."""
        values = plane.astype(np.float32)
        low, high = _percentiles(values) if self.by_slice else (self.low, self.high)
        if high <= low:
            return np.zeros(plane.shape, np.uint8)
        grey = (np.clip(values, low, high) - low) / (high - low) * 255
        if self.keep_zero:
            grey[values == 0] = 0
        return grey.astype(np.uint8)


def _sample(array: NDArray[Any]) -> NDArray[Any]:
    step = max(1, int(np.ceil((array.size / SAMPLE) ** (1 / 3))))
    return array[::step, ::step, ::step]


def _percentiles(values: NDArray[Any]) -> tuple[float, float]:
    """0.5th and 99.5th of what is above 0; of everything where nothing is."""
    above = values[values > 0]
    low, high = np.percentile(above if above.size else values, (0.5, 99.5))
    return float(low), float(high)
