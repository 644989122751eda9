"""What stands in the place of networks in tests."""

from __future__ import annotations

import numpy as np

from app.engine.trial import maps
from app.engine.trial.slices.runtime import Encoded


class Bright:
    """In the place of `SliceRuntime`: whatever is bright, where a click or a remembered mask is near."""

    side = 64

    def __init__(self) -> None:
        self.encodings = self.decodings = 0

    def encode(self, image: np.ndarray) -> Encoded:
        self.encodings += 1
        return (image,)

    def decode(
        self, encoded: Encoded, drawn: np.ndarray, hinted: np.ndarray | None, seen: list[tuple[Encoded, np.ndarray]]
    ) -> tuple[np.ndarray, float]:
        self.decodings += 1
        told = (
            drawn[[maps.INCLUDE, maps.BOX]].any()
            or (drawn[maps.LAST] > 0).any()
            or any((p > 0.5).any() for _, p in seen)
        )
        logits = np.where(encoded[0][0] > 0, 6.0, -6.0) if told else np.full((self.side, self.side), -6.0)
        return logits.astype(np.float32), 0.9
