"""`Video`: a volume as the SAM 2 family sees it; slices are encoded when needed, answers to prompts are kept."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.engine.sam2.marks import Step, steps
from app.engine.sam2.network import Network
from app.engine.sam2.picture import Pictures
from app.engine.slicewise import SliceEmbeddings, SlicePrompts
from app.volume import Volume

Values = NDArray[np.float32]
Mask = NDArray[np.bool_]
DRAWN = 10.0  # logit of a mask that was given (SAM 2: -10 and 10)
LARGEST = 32.0  # logits are cut there before they are fed back or shown
_KEPT = 256  # answers of 64 or 256 KB


class Video(SliceEmbeddings):
    """What `prepare` gives; nothing is computed before a slice is asked for.

    Args:
        recipe: Of the card.
    """

    def __init__(self, volume: Volume, network: Network, recipe: Mapping[str, Any]) -> None:
        self.pictures = Pictures(volume, network.side, recipe)
        self.network = network
        self._answers: OrderedDict[tuple[Any, ...], Values] = OrderedDict()
        super().__init__(volume, lambda axis, index: network.encode(self.pictures.pixels(axis, index)))

    def answer(self, asked: SlicePrompts, before: Mask | None = None) -> Values:
        """Logits of one slice, in array order, for its whole list of prompts.

        Each prompt is answered given the logits of those before it, as when they are made one by one, so that the
        answer depends on the prompts alone. A drawn mask is its own answer.

        Args:
            before: A mask of the slice that the prompts correct all at once.
        """
        made = steps(asked.prompts, asked.axis, self.pictures)
        last = made[-1]
        if last.drawn is not None and not last.marks:
            return np.where(last.drawn, np.float32(DRAWN), np.float32(-DRAWN))
        if before is None:
            low = self._chain(asked, made)
        else:
            drawn = before if last.drawn is None else last.drawn
            low = self._decoded(asked, last, self._low(asked, drawn))
        return self.pictures.plane(asked.axis, low)

    def _chain(self, asked: SlicePrompts, made: list[Step]) -> Values:
        low: Values | None = None
        for count, step in enumerate(made, start=1):
            key = asked.axis, asked.index, asked.prompts[:count]
            if key not in self._answers:
                self._keep(key, self._decoded(asked, step, low))
            self._answers.move_to_end(key)
            low = self._answers[key]
        return low if low is not None else np.full((self.network.low, self.network.low), -DRAWN, np.float32)

    def _decoded(self, asked: SlicePrompts, step: Step, low: Values | None) -> Values:
        """Logits at a quarter of the picture's side, given those of the step before."""
        if step.drawn is not None and not step.marks:
            return self._low(asked, step.drawn)
        features = self.features(asked.axis, asked.index)
        alone = features["coarse"] + self.network.constants.no_memory
        decoded = self.network.decode(features, alone, step.arrays, low)
        return np.clip(decoded.logits, -LARGEST, LARGEST)

    def _low(self, asked: SlicePrompts, drawn: Mask) -> Values:
        return drawn_logits(self.pictures.square(asked.axis, drawn, self.network.low))

    def _keep(self, key: tuple[Any, ...], low: Values) -> None:
        self._answers[key] = low
        while len(self._answers) > _KEPT:
            self._answers.popitem(last=False)


def drawn_logits(share: Values) -> Values:
    """From the share of each pixel that a given mask covers."""
    return np.asarray(share * 2 * DRAWN - DRAWN, np.float32)
