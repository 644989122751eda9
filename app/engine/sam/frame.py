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
    """A picture of height x width, resized to rows x columns, in a square of `size` pixels.

    Args:
        top, left: Where it lies there.
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
    top: int = 0
    left: int = 0
    probability: bool = False
    by_input: bool = True

    def point(self, x: float, y: float) -> tuple[float, float]:
        """Pixel of the picture -> pixel of the input."""
        across, down = self.length(x, y)
        return self.left + across, self.top + down

    def length(self, across: float, down: float) -> tuple[float, float]:
        """Pixels of the picture -> of the input, as lengths."""
        return across * self.columns / self.width, down * self.rows / self.height

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
        placed = functional.interpolate(values, (self.rows, self.columns), mode="bilinear", antialias=True)
        right, bottom = self.size - self.left - self.columns, self.size - self.top - self.rows
        whole = functional.pad(placed, (self.left, right, self.top, bottom), value=-SURE)
        return _array(functional.interpolate(whole, (self.low, self.low), mode="bilinear", antialias=True))

    def _to_picture(self, values: torch.Tensor) -> torch.Tensor:
        if self.by_input:
            values = functional.interpolate(values, (self.size, self.size), mode="bilinear")
            values = values[..., self.top : self.top + self.rows, self.left : self.left + self.columns]
        return functional.interpolate(values, (self.height, self.width), mode="bilinear")


def _array(values: torch.Tensor) -> Logits:
    result: Logits = values[0, 0].numpy()
    return result
