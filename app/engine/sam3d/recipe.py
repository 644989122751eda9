"""`Sam3dRecipe`: what a SAM3D decoder was trained on, and so what it must be given."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.engine.model_card import ModelCard
from app.errors import BadInput

Spacing = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Sam3dRecipe:
    """The part of a card that its training wrote.

    Args:
        classes: Names of the classes, without the background.
        depth: Slices of a crop.
        side: Rows and columns of a crop, a multiple of 16.
        spacing: Millimetres between slices, rows and columns.
        across: World axis across the slices: 2 for axial ones (head), 1 coronal, 0 sagittal.
        clip: Intensities are clipped to these two; equal ones clip nothing.
        mean: Subtracted, then divided by `deviation`; where that is 0, those of the scan itself are taken (z-score).
        encoder: Id of the SAM whose image encoder it stands on.
    """

    classes: tuple[str, ...]
    depth: int
    side: int
    spacing: Spacing
    across: int = 2
    clip: tuple[float, float] = (0.0, 0.0)
    mean: float = 0.0
    deviation: float = 0.0
    encoder: str = "sam_vit_b"

    @classmethod
    def of(cls, card: ModelCard) -> Sam3dRecipe:
        """From a card.

        Raises:
            BadInput: when the card lacks what is needed.
        """
        try:
            recipe = cls.read(card.recipe)
        except (KeyError, TypeError, ValueError) as error:
            message = f"The card of {card.name} does not say what the decoder was trained on ({error})."
            raise BadInput(message, "Use the folder that train-sam3d wrote.") from error
        if recipe.side % 16 or min(recipe.side, recipe.depth) < 1 or recipe.across not in (0, 1, 2):
            raise BadInput(f"The card of {card.name} asks for a crop that there cannot be.")
        return recipe

    @classmethod
    def read(cls, table: Mapping[str, Any]) -> Sam3dRecipe:
        """From what `table` gave.

        Raises:
            KeyError, TypeError, ValueError: when it is not that.
        """
        value = dict(table)
        k, j, i = (float(step) for step in value.pop("spacing"))
        low, high = (float(end) for end in value.pop("clip", (0.0, 0.0)))
        return cls(classes=tuple(value.pop("classes")), spacing=(k, j, i), clip=(low, high), **value)

    def table(self) -> dict[str, Any]:
        """For a card; `of` reads it."""
        return asdict(self)

    def normalised(self, array: NDArray[np.float32]) -> NDArray[np.float32]:
        """A whole scan, resampled, as the network wants it."""
        if self.clip[0] < self.clip[1]:
            array = np.clip(array, *self.clip)
        mean, deviation = self.mean, self.deviation
        if not deviation:
            mean, deviation = float(array.mean(dtype=np.float64)), float(array.std(dtype=np.float64))
        return ((array - np.float32(mean)) / np.float32(max(deviation, 1e-8))).astype(np.float32)
