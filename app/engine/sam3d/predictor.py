"""`Sam3dPredictor`: SAM3D, the classes that it was trained on, without a prompt."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from app.engine import registry
from app.engine.backends import Compiled, chosen
from app.engine.model_card import ModelCard
from app.engine.protocol import Automated, Automatic, Found, Prediction, Prior, Progress, ReportProgress, Token
from app.engine.sam3d.embedding import Embedded, embed, pictures
from app.engine.sam3d.recipe import Sam3dRecipe
from app.engine.sam3d.segmentation import classified
from app.engine.sam3d.slice_encoder import compiled_encoder
from app.errors import BadInput, MissingModel
from app.prompts import Prompt
from app.volume import Volume

_PATCH = 16


class Sam3dPredictor:
    """See `Predictor` and `AutomaticSegmenter`: `prepare` embeds every slice, `find` decodes them all."""

    version = "1"  # of the features: raise it when `prepare` changes, so that cached ones are made again

    def __init__(self, card: ModelCard) -> None:
        self.card = card
        self._recipe = Sam3dRecipe.of(card)
        self._decoder: Compiled | None = None

    def prepare(self, volume: Volume, progress: ReportProgress, token: Token) -> Embedded:
        """SAM's encoder over every slice.

        Raises:
            MissingModel: when the SAM that the decoder stands on is not on this machine.
        """
        progress(0.0, f"Loading {self.card.name}")
        side = self._recipe.side
        encoder = compiled_encoder(_weights(registry.card(self._recipe.encoder), self.card), side)
        layout, slices = pictures(volume, self._recipe)
        count, done = len(layout.windows) * len(slices), []
        for features in embed(layout, slices, side, lambda picture: encoder(picture)[0]):
            token.raise_if_cancelled()
            done.append(features)
            progress(len(done) / count, "Encoding slices")
        stacked = np.stack(done).reshape(len(layout.windows), len(slices), *done[0].shape)
        return Embedded(layout, stacked)

    def predict(self, prepared: Embedded, prompts: tuple[Prompt, ...], prior: Prior | None) -> Prediction:
        """Raises `BadInput`: it was trained to find its classes by itself, and takes no prompts."""
        message = f"{self.card.name} finds its structures by itself and takes no clicks."
        raise BadInput(message, "Let it segment, then choose another model to correct.")

    def find(self, prepared: Embedded, job: Automatic, token: Token) -> Iterator[Progress | Automated]:
        """See `AutomaticSegmenter`."""
        decoder = self._loaded()
        recipe, layout = self._recipe, prepared.layout
        classes = np.zeros(layout.grid.shape, np.uint8)
        for first, part in classified(prepared, recipe.depth, recipe.side, lambda features: decoder(features)[0]):
            classes[first : first + len(part)] = part
            yield Progress("Segmenting", (first + len(part)) / len(classes))
            token.raise_if_cancelled()
        found = []
        for number, name in enumerate(recipe.classes, start=1):
            placed = layout.grid.back(classes == number)
            if placed is not None:
                found.append(Found(name, *placed))
        yield Automated(job, tuple(found))

    def pack(self, prepared: Embedded) -> dict[str, NDArray[np.generic]]:
        """For the embedding cache."""
        return {"features": prepared.features}

    def unpack(self, volume: Volume, arrays: dict[str, NDArray[np.generic]]) -> Embedded:
        """From the embedding cache."""
        layout, _ = pictures(volume, self._recipe)
        features = arrays["features"]
        if features.shape[:2] != (len(layout.windows), layout.shape[0]):
            raise ValueError("the features are of another layout")
        return Embedded(layout, features.astype(np.float16, copy=False))

    def _loaded(self) -> Compiled:
        if self._decoder is None:
            from app.engine.sam3d.decoder import EMBEDDED, Probabilities, Sam3dDecoder
            from app.engine.weights.checkpoint import read_state

            decoder = Sam3dDecoder.of(read_state(_weights(self.card, self.card)))
            if decoder.classes != len(self._recipe.classes) + 1 or decoder.modalities != 1:
                message = f"The weights of {self.card.name} do not fit its card ({decoder.classes} classes with the "
                message += f"background, {decoder.modalities} kinds of scan at once)."
                raise BadInput(message, "Use the folder that train-sam3d wrote.")
            tokens = self._recipe.side // _PATCH
            example = np.zeros((1, EMBEDDED, self._recipe.depth, tokens, tokens), np.float32)
            self._decoder = chosen().compile(Probabilities(decoder), (example,))
        return self._decoder


def _weights(card: ModelCard, wanted_by: ModelCard) -> Path:
    path = registry.weights_path(card)
    if path is None:
        needs = "" if card is wanted_by else f", which {wanted_by.name} stands on"
        raise MissingModel(f"The weights of {card.name}{needs}, are not on this machine.", "Download or import them.")
    return path
