"""`Clicked`: a slice on which all clicks lie, what is said of it so far, and where to look once more."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.engine.builtin.features import BuiltinFeatures
from app.engine.builtin.plane import CAP, Plane, look
from app.engine.builtin.square import Square
from app.engine.protocol import Logits, Prediction, Prior
from app.prompts import Point, Prompt, Scribble

Pixels = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Clicked:
    """Logits (rows, columns) of all pixels of a slice.

    Args:
        features: Of the volume.
        prompts: All on the slice; one of them at least.
        tones: See `SliceAlone`.
        volume, alone: What the volume says of the slice, and the slice alone.
        both: Their mean, of each as far as `CAP`.
        last: What was answered before the newest prompt; None where nothing was.
    """

    features: BuiltinFeatures
    plane: Plane
    prompts: tuple[Prompt, ...]
    tones: NDArray[np.float32]
    volume: Logits
    alone: Logits
    both: Logits
    last: Logits | None

    @classmethod
    def of(
        cls,
        features: BuiltinFeatures,
        plane: Plane,
        prompts: tuple[Prompt, ...],
        answer: Prediction,
        alone: Prediction,
        prior: Prior | None,
    ) -> Clicked:
        """From the answer in the volume, the one on the slice alone, and the last one in the volume."""
        shape = features.volume.shape
        here, on_it = plane.pixels(answer, shape), plane.pixels_alone(alone, shape)
        both = 0.5 * (np.clip(here, -CAP, CAP) + np.clip(on_it, -CAP, CAP))
        last = None if prior is None else plane.pixels(prior, shape)
        return cls(features, plane, prompts, look(features, plane).tones, here, on_it, np.asarray(both), last)

    @property
    def square(self) -> Square:
        """Around the answer and the prompts."""
        seen = self.both > 0
        for pixels, _ in self.marks:
            seen[tuple(pixels.T)] = True
        rows, columns = np.delete(self.features.volume.geometry.spacing, self.plane.axis).tolist()
        return Square.around(seen, (rows, columns))

    @property
    def marks(self) -> list[tuple[Pixels, bool]]:
        """Pixels (n, 2) of each prompt in their order, and whether it says that they are inside."""
        return [
            (np.array([prompt.index] if isinstance(prompt, Point) else prompt.indices)[:, 1:], prompt.positive)
            for prompt in self.plane.flat(self.prompts)
            if isinstance(prompt, Point | Scribble)
        ]
