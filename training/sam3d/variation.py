"""Variants of a case for training, drawn before its slices are embedded: nnU-Net's ranges, no elastic deformation.

With the embeddings kept, what happens to a picture has to happen once and for all: each variant costs the encoder
another pass over the case.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from app.engine.interpolation import Floats

_DEGREES, _SCALES, _GAMMAS = 30.0, (0.7, 1.4), (0.7, 1.5)


@dataclass(frozen=True, slots=True)
class Variation:
    """What is done to all slices of a case alike.

    Args:
        flips: Whether slices, rows and columns are turned round.
        radians, scale: Within the slices, about their middle.
        gamma: Exponent of the intensities between their smallest and largest.
    """

    flips: tuple[bool, bool, bool]
    radians: float
    scale: float
    gamma: float

    @classmethod
    def draw(cls, case: str, number: int, seed: int) -> Variation:
        """The same for the same case, number and seed."""
        generator = np.random.default_rng((seed, zlib.crc32(case.encode()), number))
        flips = [bool(flip) for flip in generator.random(3) < 0.5]
        radians = float(np.deg2rad(generator.uniform(-_DEGREES, _DEGREES)))
        scale, gamma = float(generator.uniform(*_SCALES)), float(generator.uniform(*_GAMMAS))
        return cls((flips[0], flips[1], flips[2]), radians, scale, gamma)

    def picture(self, slices: Floats) -> Floats:
        """Normalised slices, linear in between; beyond the border is what was smallest."""
        low, high = float(slices.min()), float(slices.max())
        if high > low:
            slices = (((slices - low) / (high - low)) ** np.float32(self.gamma)) * (high - low) + low
        return np.asarray(self._moved(slices.astype(np.float32), 1, low), dtype=np.float32)

    def labels(self, slices: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Labels, each from the nearest pixel; beyond the border is background."""
        return np.asarray(self._moved(slices, 0, 0), dtype=np.uint8)

    def _moved(self, slices: NDArray[np.generic], order: int, beyond: float) -> NDArray[np.generic]:
        cosine, sine = np.cos(self.radians) / self.scale, np.sin(self.radians) / self.scale
        matrix = np.array([[cosine, -sine], [sine, cosine]])
        middle = (np.array(slices.shape[1:]) - 1) / 2
        moved = np.stack(
            [
                ndimage.affine_transform(one, matrix, middle - matrix @ middle, order=order, cval=beyond)
                for one in slices
            ]
        )
        axes = tuple(axis for axis, flip in enumerate(self.flips) if flip)
        return np.ascontiguousarray(np.flip(moved, axes))
