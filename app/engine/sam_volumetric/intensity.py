"""The intensities that the published weights were trained with."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.engine.model_card import ModelCard
from app.volume import Volume


@dataclass(frozen=True, slots=True)
class Recipe:
    """From a card's `recipe`; what it leaves out is as SAM-Med3D was trained and validated.

    Args:
        spacing: Millimetres between samples.
        ct_clip: Hounsfield units to which a CT is clipped.
        multi_click: Every decode gets all clicks; else only the newest, with the answer before.
    """

    spacing: float = 1.5
    ct_clip: tuple[float, float] = (-1000.0, 1000.0)
    multi_click: bool = False

    @classmethod
    def of(cls, card: ModelCard) -> Recipe:
        """The recipe of a model."""
        low, high = card.recipe.get("ct_clip", (-1000.0, 1000.0))
        spacing, multi_click = card.recipe.get("spacing", 1.5), card.recipe.get("multi_click", False)
        return cls(float(spacing), (float(low), float(high)), bool(multi_click))


def normalised(samples: NDArray[np.float32], clip: tuple[float, float] | None) -> NDArray[np.float32]:
    """z-scored by mean and deviation (Bessel's) of the samples above 0, of all samples where that says nothing."""
    values = np.clip(samples, *clip) if clip else samples
    for chosen in (values[values > 0], values.ravel()):
        deviation = float(chosen.std(ddof=1, dtype=np.float64)) if chosen.size > 1 else 0.0
        if deviation > 0:
            return ((values - np.float32(chosen.mean(dtype=np.float64))) / np.float32(deviation)).astype(np.float32)
    return np.zeros_like(values)


def hounsfield(volume: Volume) -> bool:
    """Whether a scan is a CT; one whose file does not say is one when air and bone are both in it."""
    low, high = volume.usual_range
    return volume.modality == "CT" or (volume.modality == "" and low < -200 < 200 < high)
