"""`Frame`: where a slice's picture lies in the network's input; points and logits from one to the other and back."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional

from app.engine.protocol import Logits

SURE = 8.0  # logit of a mask that was given: of the size that SAM's own logits have inside an object
_EPSILON = 1e-6  # probabilities closer to 0 or 1 have no finite logit


@dataclass(frozen=True, slots=True)
class Frame:
    """A picture of height x width, resized to rows x columns at the upper left of a square of `size` pixels.

    Args:
        low: Side of the low-resolution logits, which show the whole square.
        probability: Whether logits become probabilities before they are resized (MedSAM), or after.
        by_input: Whether they are resized to the square first (SAM), or at once to the picture.
    """

    height: int
    width: int
    rows: int
    columns: int
    size: int
    low: int
    probability: bool = False
    by_input: bool = True

    def point(self, x: float, y: float) -> tuple[float, float]:
        """Pixel of the picture -> pixel of the input."""
        return x * self.columns / self.width, y * self.rows / self.height

    def raised(self, logits: Logits) -> Logits:
        """Low-resolution logits (low, low) -> logits of the picture (height, width)."""
        values = torch.from_numpy(np.ascontiguousarray(logits, dtype=np.float32))[None, None]
        if self.probability:
            chance = self._to_picture(values.sigmoid()).clamp(_EPSILON, 1 - _EPSILON)
            return _array(torch.log(chance) - torch.log1p(-chance))
        return _array(self._to_picture(values))

    def lowered(self, logits: Logits) -> Logits:
        """Logits of the picture (height, width) -> low-resolution ones (low, low), negative beside the picture."""
        values = torch.from_numpy(np.ascontiguousarray(logits, dtype=np.float32))[None, None]
        share = self.low / self.size
        rows, columns = max(1, round(self.rows * share)), max(1, round(self.columns * share))
        small = functional.interpolate(values, (rows, columns), mode="bilinear", antialias=True)
        return _array(functional.pad(small, (0, self.low - columns, 0, self.low - rows), value=-SURE))

    def _to_picture(self, values: torch.Tensor) -> torch.Tensor:
        if self.by_input:
            values = functional.interpolate(values, (self.size, self.size), mode="bilinear")
            values = values[..., : self.rows, : self.columns]
        return functional.interpolate(values, (self.height, self.width), mode="bilinear")


def _array(values: torch.Tensor) -> Logits:
    result: Logits = values[0, 0].numpy()
    return result
