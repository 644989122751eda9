"""`FakePredictor`: a ball around every include point. Deterministic and quick, for tests and for work on the window."""

from __future__ import annotations

import time

import numpy as np
from numpy.typing import NDArray

from app.engine.model_card import ModelCard
from app.engine.protocol import Logits, Prediction, Prior, ReportProgress, Token
from app.geometry import Index
from app.prompts import Box, Point, Prompt, Scribble, SliceMask
from app.volume import Volume

RADIUS = 3.5  # voxels


class FakePredictor:
    """The mask is a ball of 3.5 voxels around include points, less those around exclude points, and what a box,
    a scribble or a slice mask says.
    """

    def __init__(self, card: ModelCard) -> None:
        self.card = card
        self._delay = float(card.recipe.get("delay", 0.0))

    def prepare(self, volume: Volume, progress: ReportProgress, token: Token) -> Volume:
        token.raise_if_cancelled()
        progress(1.0, "Preparing")
        return volume

    def predict(self, prepared: Volume, prompts: tuple[Prompt, ...], prior: Prior | None) -> Prediction:
        time.sleep(self._delay)
        logits = np.full(prepared.shape, -4.0, np.float32)
        if prior is not None and prior.seed:
            logits[prior.region.slices] = np.where(prior.logits > 0, 4.0, -4.0)
        for prompt in prompts:
            _draw(logits, prompt)
        return Prediction(prepared.geometry.region, logits)


def _draw(logits: Logits, prompt: Prompt) -> None:
    match prompt:
        case Point(index, positive):
            logits[_ball(logits.shape, index)] = 4.0 if positive else -4.0
        case Scribble(indices, positive):
            logits[tuple(np.array(indices).T)] = 4.0 if positive else -4.0
        case Box():
            inside = logits[prompt.region().slices]
            np.maximum(inside, 1.0, out=inside)
        case SliceMask(axis, index, mask):
            np.moveaxis(logits, axis, 0)[index] = np.where(mask, 4.0, -4.0)


def _ball(shape: tuple[int, ...], index: Index) -> NDArray[np.bool_]:
    distance = sum((grid - centre) ** 2 for grid, centre in zip(np.ogrid[tuple(map(slice, shape))], index, strict=True))
    return np.asarray(distance <= RADIUS**2)
