"""`Contrast`: what parts an object's tone from that around it, in which tones are told whatever the scanner's units."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]
Floats = NDArray[np.float32]

_MOST = 3.0  # units beyond which a tone is just unlike


@dataclass(frozen=True, slots=True)
class Contrast:
    """Mean tones near an object's border.

    Args:
        inside, around: On both sides of it.
        noise: Of the image, on the tone scale.
    """

    inside: float
    around: float
    noise: float

    @classmethod
    def of(cls, tone: Floats, inner: Mask, outer: Mask, noise: float, otherwise: Floats) -> Contrast:
        """From tones of two parts of an image; where the first is empty its mean is that of `otherwise`."""
        inside = float(tone[inner].mean()) if inner.any() else float(otherwise.mean())
        return cls(inside, float(tone[outer].mean()) if outer.any() else inside, noise)

    @property
    def in_noise(self) -> float:
        """How far they are apart, in units of the noise."""
        return abs(self.inside - self.around) / self.noise

    def __call__(self, tone: Floats) -> Floats:
        """-1..1 how unlike the object tones are, in units of half of what parts it from what is around."""
        unit = np.float32(0.5 * abs(self.inside - self.around) + 2 * self.noise)
        return np.asarray(np.clip((tone - np.float32(self.inside)) / unit, -_MOST, _MOST) / np.float32(_MOST))
