"""What the protocols drive: `Clicker`, and the one that stands for a `Predictor` of ours."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from app.engine.propagation import propagate
from app.engine.protocol import Prediction, Predictor, Prior, Propagate, SliceAnswer, Token
from app.geometry import Index
from app.prompts import Prompt
from app.volume import Volume

Mask = NDArray[np.bool_]


class Clicker(Protocol):
    """Something that answers clicks on one volume: a model, a session, or a peer of ours."""

    def answer(self, prompts: tuple[Prompt, ...]) -> Mask:
        """The object's mask (k, j, i) on the whole grid after all prompts so far, oldest first."""

    def carry(self, axis: int, index: int, mask: Mask) -> Mask:
        """The mask (k, j, i) after carrying the 2D mask of slice `index` across `axis` both ways."""


class PredictorClicker:
    """A `Predictor` on a volume, called as the engine calls it: the previous answer is the prior.

    Args:
        predictor: The model.
        volume: The image.
        prepared: Features made before; made here when None.
    """

    def __init__(self, predictor: Predictor, volume: Volume, prepared: Any = None) -> None:
        self.prepared = prepared if prepared is not None else predictor.prepare(volume, _silent, Token())
        self._predictor = predictor
        self._volume = volume
        self._last: Prediction | None = None

    def answer(self, prompts: tuple[Prompt, ...]) -> Mask:
        """See `Clicker`; one prompt starts a new object."""
        prior = Prior(self._last.region, self._last.logits) if self._last and len(prompts) > 1 else None
        self._last = self._predictor.predict(self.prepared, prompts, prior)
        return whole(self._last, self._volume.shape)

    def carry(self, axis: int, index: int, mask: Mask) -> Mask:
        """See `Clicker`; slice by slice as the engine does it, with its own ends."""
        whole_mask = np.zeros(self._volume.shape, dtype=bool)
        last = self._volume.shape[axis] - 1
        request = Propagate(0, 1, axis, {index: mask}, 0, last)
        for message in propagate(request, self._predictor, self.prepared, self._volume, Token()):
            if isinstance(message, SliceAnswer):
                np.moveaxis(whole_mask, axis, 0)[message.index] = message.mask
        return whole_mask


def whole(prediction: Prediction, shape: Index) -> Mask:
    """A prediction's mask on the whole grid."""
    mask = np.zeros(shape, dtype=bool)
    mask[prediction.region.slices] = prediction.logits > 0
    return mask


def _silent(fraction: float, what: str) -> None:
    del fraction, what
