"""`Sam2Predictor`: SAM 2.1, EdgeTAM, MedSAM2. A volume is a video: click on a slice, carry the mask on."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from app.engine import registry
from app.engine.model_card import ModelCard
from app.engine.protocol import Logits, Prediction, Prior, ReportProgress, Token
from app.engine.sam2 import tracker
from app.engine.sam2.network import Network
from app.engine.sam2.variants import variant_of
from app.engine.sam2.video import Video
from app.engine.sam2.weights import RandomWeights, Weights
from app.engine.slicewise import answered
from app.prompts import Prompt
from app.volume import Volume

_VERSION = "1"  # of the features: raise it when the same slice would get others


class Sam2Predictor:
    """See `Predictor` and `SlicePropagator`.

    The card's recipe names the `network` of `variants.VARIANTS`, and may name the picture's side (`image_size`, else
    the one the weights were trained with), the `ct_window` (level, width), and `sides_apart`: whether what was carried
    one way is forgotten before the other.

    Args:
        untrained: With random numbers in the place of the weights, to see how long it takes.

    Raises:
        MissingModel: no such network, or no weights here.
        BadInput: the weights are of another network.
    """

    def __init__(self, card: ModelCard, untrained: bool = False) -> None:
        self.card = card
        variant = variant_of(str(card.recipe.get("network", "")))
        side = int(card.recipe.get("image_size", variant.image_size))
        path = None if untrained else registry.require_weights(card)
        weights = Weights(path, variant, side) if path else RandomWeights(variant, side)
        self.network = Network(weights, None, side)
        self.version = f"{_VERSION} {weights.key}"

    def prepare(self, volume: Volume, progress: ReportProgress, token: Token) -> Video:
        """At once but for loading the network, the first time: slices are encoded when they are asked for."""
        loading = f"Loading {self.card.name}"
        progress(0.0, loading)
        self.network.load()
        token.raise_if_cancelled()
        progress(1.0, loading)
        return Video(volume, self.network, self.card.recipe)

    def predict(self, prepared: Video, prompts: tuple[Prompt, ...], prior: Prior | None) -> Prediction:
        """Logits on the slices that have prompts, each answered by itself; see `answered`."""
        return answered(prepared.volume, prompts, prior, prepared.answer)

    def remember(self, prepared: Video, axis: int, conditioning: Mapping[int, NDArray[np.bool_]]) -> tracker.Track:
        """See `SlicePropagator`; every given slice conditions the others, however far."""
        return tracker.begin(prepared, axis, conditioning)

    def carry(self, memory: tracker.Track, index: int, previous: int) -> tuple[Logits, float]:
        """See `SlicePropagator`."""
        return tracker.carry(memory, index, previous)
