"""`Answers`: what the decoder said in its own terms, found again by the logits that were made of it."""

from __future__ import annotations

import zlib
from collections import OrderedDict
from dataclasses import dataclass

import numpy as np

from app.engine.protocol import Logits, Prediction, Prior
from app.engine.sam_volumetric.clicks import Click
from app.engine.sam_volumetric.crop import Crop

_KEPT = 256  # answers, 131 kB each
_SAMPLED = 65536  # voxels of an answer that tell it from others


@dataclass(frozen=True)
class Answer:
    """A state of the conversation with the decoder.

    Args:
        low: Logits (32, 32, 32) of the crop, which the next click gets as its mask.
        clicks: Those that led here.
    """

    crop: Crop
    low: Logits
    clicks: tuple[Click, ...]


class Answers:
    """The newest answers of a volume, so that a prior is fed back as the decoder gave it and not resampled twice."""

    def __init__(self) -> None:
        self._known: OrderedDict[tuple[object, ...], Answer] = OrderedDict()

    def keep(self, prediction: Prediction, answer: Answer) -> None:
        """Note which answer a prediction was made of."""
        key = _key(Prior(prediction.region, prediction.logits))
        self._known[key] = answer
        self._known.move_to_end(key)
        while len(self._known) > _KEPT:
            self._known.popitem(last=False)

    def find(self, prior: Prior) -> Answer | None:
        """The answer whose prediction a prior is."""
        return self._known.get(_key(prior))


def _key(prior: Prior) -> tuple[object, ...]:
    step = max(1, int((prior.logits.size / _SAMPLED) ** (1 / 3)))
    sample = np.ascontiguousarray(prior.logits[::step, ::step, ::step])
    return prior.region, zlib.crc32(sample.tobytes()), float(sample.sum(dtype=np.float64))
