"""`SliceRuntime`: the network for slices through OpenVINO, without torch."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from app.engine.trial import hints
from app.engine.trial.maps import REMEMBERED
from app.engine.trial.runtime import Files, Halves

Array = NDArray[np.float32]
Encoded = tuple[Array, ...]
FILES = Files("slices.safetensors", "slice_encoder.xml", "slice_decoder.xml")


class SliceRuntime(Halves):
    """The network for slices; `side` is of the window, in pixels."""

    files = FILES

    def decode(
        self, encoded: Encoded, drawn: Array, hinted: Array | None, seen: list[tuple[Encoded, Array]]
    ) -> tuple[Array, float]:
        """Logits (side, side) and the Dice that the network expects of them.

        Args:
            encoded: Of the slice that is asked about.
            drawn: Prompt maps (CHANNELS, side, side).
            hinted: (hints.CHANNELS, side / 2, side / 2); None where there is no prompt.
            seen: Features and probabilities (side, side) of remembered slices, the one before first.
        """
        half = self.side // hints.STRIDE
        if hinted is None:
            hinted = np.zeros((hints.CHANNELS, half, half), np.float32)
        shown = seen + seen[-1:] * (REMEMBERED - len(seen))
        features = [features[1][0] for features, _ in shown] or [encoded[1][0]] * REMEMBERED
        masks = np.zeros((REMEMBERED, 2, half, half), np.float32)
        for number, (_, probability) in enumerate(shown):
            inside = probability.reshape(half, 2, half, 2).mean(axis=(1, 3))
            masks[number] = inside, 1 - inside
        return self.answer(*encoded, drawn[None], hinted[None], np.stack(features)[None], masks[None])
