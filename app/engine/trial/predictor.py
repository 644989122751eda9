"""`TrialPredictor`: two networks of convolutions, from prompts to logits on the volume's voxels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.engine.model_card import ModelCard
from app.engine.protocol import Logits, Prediction, Prior, ReportProgress, Token
from app.engine.registry import require_weights
from app.engine.trial import zoom
from app.engine.trial.answer import Answer, Question, answer
from app.engine.trial.binding import bound, kept, steady
from app.engine.trial.features import Features
from app.engine.trial.pyramid import Pyramid
from app.engine.trial.runtime import Runtime
from app.engine.trial.settling import settled
from app.engine.trial.slices.joined import joined, with_plane
from app.engine.trial.slices.memory import SliceMemory, carry
from app.engine.trial.slices.runtime import SliceRuntime
from app.geometry import Region
from app.prompts import Box, Point, Prompt, Scribble, SliceMask
from app.volume import Volume

_FAINT = -3.0  # logit of 5 %: what is below counts as surely outside


class TrialPredictor:
    """See `Predictor` and `SlicePropagator`.

    Raises:
        MissingModel: when the weights are not beside the card.
    """

    def __init__(self, card: ModelCard) -> None:
        self.card = card
        folder = require_weights(card).parent
        self._runtime = Runtime(folder, int(card.recipe["side"]))
        self._slices = SliceRuntime(folder, int(card.recipe["slice_side"]))

    def prepare(self, volume: Volume, progress: ReportProgress, token: Token) -> Features:
        """The volume's pyramid, and the cubes around its middle already encoded."""
        features = Features(volume, Pyramid.of(volume, progress, token), self._runtime, self._slices)
        k, j, i = (n // 2 for n in volume.shape)
        for cube in zoom.levels(features, (k, j, i)):
            token.raise_if_cancelled()
            features.seen(cube)
        return features

    def predict(self, prepared: Features, prompts: tuple[Prompt, ...], prior: Prior | None) -> Prediction:
        """The whole object; every prompt holds on its own voxels."""
        if prior is not None and prior.seed:
            return bound(prepared, prompts, kept(prepared, prompts, prior))
        if not any(says_where(prompt) for prompt in prompts):
            return Prediction.nothing()
        question = Question(prepared, with_plane(prepared, prompts, prior), prior)
        seen = spread(prepared, settled(question, answer(question)))
        return steady(prepared, prompts, prior, bound(prepared, prompts, joined(prepared, prompts, seen)))

    def remember(self, prepared: Features, axis: int, conditioning: Mapping[int, NDArray[np.bool_]]) -> SliceMemory:
        """See `SlicePropagator`."""
        return SliceMemory.of(prepared.views(axis), conditioning)

    def carry(self, memory: SliceMemory, index: int, previous: int) -> tuple[Logits, float]:
        """See `SlicePropagator`."""
        return carry(memory, index, previous)


def spread(features: Features, seen: Answer) -> Prediction:
    """An answer on the volume's voxels: only where it is near to or above zero, a large cube holds 10^7 of them."""
    likely = Region.around(seen.logits > _FAINT)
    if likely is None:
        return Prediction.nothing()
    cube = seen.cube
    start, stop = (cube.index(np.array(corner, float)) for corner in (np.subtract(likely.start, 1), likely.stop))
    box = Region(_index(np.floor(start)), _index(np.ceil(stop) + 1)).intersection(cube.region(features.shape))
    return Prediction(box, cube.placed(seen.logits, box)) if box.size else Prediction.nothing()


def says_where(prompt: Prompt) -> bool:
    """Whether a prompt tells of a place where the object is; an outline around nothing does not."""
    match prompt:
        case Point() | Scribble():
            return prompt.positive
        case SliceMask():
            return bool(prompt.mask.any())
        case Box():
            return True


def _index(values: NDArray[Any]) -> tuple[int, int, int]:
    k, j, i = (int(v) for v in values.tolist())
    return k, j, i
