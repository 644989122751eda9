"""What the protocols drive: `Clicker`, and the one that stands for a `Predictor` of ours."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from app.engine.protocol import Prediction, Predictor, Prior, Token
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


CarryMask = Callable[[Predictor, Any, Volume, int, int, Mask], Mask]
"""(predictor, prepared, volume, axis, index, 2D mask) -> whole-grid mask."""


class PredictorClicker:
    """A `Predictor` on a volume, called as the engine calls it: the previous answer is the prior.

    Args:
        predictor: The model.
        volume: The image.
        carry: How masks are carried between slices; without it `carry` refuses.
        prepared: Features made before; made here when None.
    """

    def __init__(
        self, predictor: Predictor, volume: Volume, carry: CarryMask | None = None, prepared: Any = None
    ) -> None:
        self.prepared = prepared if prepared is not None else predictor.prepare(volume, _silent, Token())
        self._predictor = predictor
        self._volume = volume
        self._carry = carry
        self._last: Prediction | None = None

    def answer(self, prompts: tuple[Prompt, ...]) -> Mask:
        """See `Clicker`; one prompt starts a new object."""
        prior = Prior(self._last.region, self._last.logits) if self._last and len(prompts) > 1 else None
        self._last = self._predictor.predict(self.prepared, prompts, prior)
        return whole(self._last, self._volume.shape)

    def carry(self, axis: int, index: int, mask: Mask) -> Mask:
        """See `Clicker`."""
        if self._carry is None:
            raise NotImplementedError("this clicker was made without a way to carry masks")
        return self._carry(self._predictor, self.prepared, self._volume, axis, index, mask)


def whole(prediction: Prediction, shape: Index) -> Mask:
    """A prediction's mask on the whole grid."""
    mask = np.zeros(shape, dtype=bool)
    mask[prediction.region.slices] = prediction.logits > 0
    return mask


def _silent(fraction: float, what: str) -> None:
    del fraction, what
