"""`BuiltinPredictor`: the network that ships with the program, from prompts to logits on the volume's voxels."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.engine.builtin.answer import Answer, Question, answer
from app.engine.builtin.binding import bound, kept
from app.engine.builtin.features import Features
from app.engine.builtin.pyramid import Pyramid
from app.engine.builtin.runtime import Runtime
from app.engine.builtin.settling import settled
from app.engine.builtin.slices import SliceMemory, carry
from app.engine.protocol import Logits, ModelCard, Prediction, Prior, ReportProgress, Token
from app.engine.registry import weights_path
from app.errors import MissingModel
from app.geometry import Region
from app.prompts import Point, Prompt, Scribble
from app.volume import Volume


class BuiltinPredictor:
    """See `Predictor` and `SlicePropagator`.

    Raises:
        MissingModel: when the weights are not beside the card.
    """

    def __init__(self, card: ModelCard) -> None:
        self.card = card
        path = weights_path(card)
        if path is None:
            raise MissingModel("The built-in network's weights are missing.", "Install Volumask again.")
        self._runtime = Runtime(path.parent, compiled_folder())

    def prepare(self, volume: Volume, progress: ReportProgress, token: Token) -> Features:
        """The volume's pyramid, and the cubes around its middle already encoded."""
        from app.engine.builtin.zoom import levels

        features = Features(volume, Pyramid.of(volume, progress, token), self._runtime)
        k, j, i = (n // 2 for n in volume.shape)
        for cube in levels(features, (k, j, i)):
            token.raise_if_cancelled()
            features.encoded(cube)
        return features

    def predict(self, prepared: Features, prompts: tuple[Prompt, ...], prior: Prior | None) -> Prediction:
        """The whole object; every prompt holds on its own voxels."""
        if prior is not None and prior.seed:
            return bound(prepared, prompts, kept(prepared, prompts, prior))
        if not any(says_where(prompt) for prompt in prompts):
            return nothing()
        question = Question(prepared, prompts, prior)
        return bound(prepared, prompts, spread(prepared, settled(question, answer(question))))

    def remember(self, prepared: Features, axis: int, conditioning: Mapping[int, NDArray[np.bool_]]) -> SliceMemory:
        """See `SlicePropagator`."""
        return SliceMemory.of(prepared, axis, conditioning)

    def carry(self, memory: SliceMemory, index: int, previous: int) -> tuple[Logits, float]:
        """See `SlicePropagator`."""
        return carry(memory, index, previous)


def spread(features: Features, seen: Answer) -> Prediction:
    """An answer on the volume's voxels: only where it is near to or above zero, a large cube holds 10^7 of them."""
    likely = Region.around(seen.logits > FAINT)
    if likely is None:
        return nothing()
    cube = seen.cube
    low, high = (np.array(corner, float) + shift for corner, shift in ((likely.start, -1), (likely.stop, 0)))
    start, stop = ((corner - (cube.side - 1) / 2) / cube.ratio + cube.centre for corner in (low, high))
    box = Region(_index(np.floor(start)), _index(np.ceil(stop) + 1)).intersection(cube.region(features.shape))
    return Prediction(box, cube.placed(seen.logits, box)) if box.size else nothing()


FAINT = -3.0
"""5 % probability: what is below counts as surely outside."""


def says_where(prompt: Prompt) -> bool:
    """Whether a prompt tells of a place where the object is."""
    return prompt.positive if isinstance(prompt, Point | Scribble) else True


def nothing() -> Prediction:
    """An object without a voxel."""
    return Prediction(Region((0, 0, 0), (0, 0, 0)), np.zeros((0, 0, 0), dtype=np.float32))


def compiled_folder() -> Path:
    """Where OpenVINO keeps what it compiled, so that the next start is quick."""
    from platformdirs import user_cache_path

    return Path(os.environ.get("VOLUMASK_CACHE", "") or user_cache_path("Volumask", appauthor=False)) / "compiled"


def _index(values: NDArray[Any]) -> tuple[int, int, int]:
    k, j, i = (int(v) for v in values.tolist())
    return k, j, i
