"""`Video`: a volume as the SAM 2 family sees it; slices are encoded when needed, prompts of a slice are answered."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.engine.protocol import Logits
from app.engine.sam2.marks import Said
from app.engine.sam2.network import Decoded, Network
from app.engine.sam2.picture import Pictures
from app.engine.slicewise import ABSENT, Originals, SliceEmbeddings, SlicePrompts
from app.volume import Volume

Values = NDArray[np.float32]
DRAWN = 10.0  # logit of a mask that was given (SAM 2: -10 and 10)
LARGEST = 32.0  # logits are cut there before they are fed back or shown


class Video(SliceEmbeddings):
    """What `prepare` gives; nothing is computed before a slice is asked for. `originals` are the decoder's own words.

    Args:
        recipe: Of the card; `sides_apart` where the authors' script forgets one direction before it goes the other way.
    """

    def __init__(self, volume: Volume, network: Network, recipe: Mapping[str, Any]) -> None:
        self.pictures = Pictures(volume, network.side, recipe)
        self.network = network
        self.sides_apart = bool(recipe.get("sides_apart", False))
        self.originals: Originals[Decoded] = Originals()
        super().__init__(volume, lambda axis, index: network.encode(self.pictures.pixels(axis, index)))

    def answer(self, asked: SlicePrompts, known: Logits | None) -> Logits:
        """Logits of one slice, in array order, for all its prompts.

        A drawn mask is its own answer. An object absent by its own score is not blanked, as in SAM 2's predictor for
        pictures: who clicks sees it there.

        Args:
            known: Logits of an earlier answer on the slice, which the prompts refine or correct.
        """
        said = Said.by(asked.prompts, asked.axis, self.pictures)
        if said.drawn is not None and not said.marks:
            return drawn_logits(said.drawn.astype(np.float32))
        before = drawn_logits(said.drawn.astype(np.float32)) if said.drawn is not None else known
        if before is None and not said.includes:
            return np.full([n for a, n in enumerate(self.volume.shape) if a != asked.axis], ABSENT, np.float32)
        features = self.features(asked.axis, asked.index)
        low = None if before is None else self._lowered(asked, before)
        alone = features["coarse"] + self.network.constants.no_memory
        decoded = self.network.decode(features, alone, said.arrays, low)
        logits = self.pictures.plane(asked.axis, np.clip(decoded.logits, -LARGEST, LARGEST))
        self.originals.keep(asked.axis, asked.index, logits, decoded)
        return logits

    def _lowered(self, asked: SlicePrompts, logits: Logits) -> Values:
        """As the decoder gave them where it did, else on its grid."""
        original = self.originals.of_logits(asked.axis, asked.index, logits)
        low = self.pictures.square(asked.axis, logits, self.network.low) if original is None else original.logits
        return np.clip(low, -LARGEST, LARGEST)


def drawn_logits(share: Values) -> Values:
    """From the share of each pixel that a given mask covers."""
    return np.asarray(share * 2 * DRAWN - DRAWN, np.float32)
