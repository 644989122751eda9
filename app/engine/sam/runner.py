"""`SamRunner`: the image encoder and the mask decoder of one checkpoint, compiled for this machine."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from app.engine.backends import Backend, Compiled, chosen
from app.engine.model_card import ModelCard
from app.engine.protocol import Logits
from app.engine.sam.network import WIDTH, Architecture, PromptedDecoder, SamNetwork
from app.engine.sam.prompting import Tokens
from app.engine.sam.recipes import Recipe
from app.engine.weights.checkpoint import read_state
from app.engine.weights.random_state import random_state
from app.errors import BadInput

VERSION = "3"  # of what is computed from the same weights; compiled models and embeddings of another are not used


class Mask(NamedTuple):
    """Low-resolution logits (4g, 4g) and the IoU that the network predicts for them."""

    logits: Logits
    quality: float


class SamRunner:
    """Runs one system; the weights are read when it is loaded, and let go once both parts are compiled.

    Args:
        path: Of the weights; None takes random numbers, and keeps nothing that is compiled from them.
    """

    def __init__(self, card: ModelCard, recipe: Recipe, path: Path | None, backend: Backend | None = None) -> None:
        self._card, self._recipe, self._path = card, recipe, path
        self._backend = backend
        self._network: SamNetwork | None = None
        self._parts: tuple[Compiled, Compiled] | None = None

    def load(self) -> None:
        """Compile encoder and decoder, or take what was compiled before; at once when they are there.

        Raises:
            BadInput: when the file does not hold this system's weights.
        """
        self._loaded()

    def _loaded(self) -> tuple[Compiled, Compiled]:
        if self._parts is None:
            self._parts = self._encoder(), self._decoder()
            self._network = None
        return self._parts

    def encode(self, image: NDArray[np.float32]) -> NDArray[np.float32]:
        """(1, 3, size, size) -> (1, 256, g, g)."""
        encoder, _ = self._loaded()
        return np.asarray(encoder(image)[0], np.float32)

    def decode(self, embedding: NDArray[np.float32], tokens: Tokens, before: Logits | None) -> Mask:
        """The mask of the prompts; `before` are the low-resolution logits of the mask that they correct.

        One click alone asks for three masks and takes the one with the highest predicted IoU (Segment Anything,
        section 3, resolving ambiguity); everything else asks for one.
        """
        side = 4 * self._recipe.grid
        fed = np.zeros((1, 1, side, side), np.float32)
        if before is not None:
            fed[0, 0] = 1 / (1 + np.exp(-before)) if self._recipe.as_probability else before
        given = np.array([before is not None], np.float32)
        _, decoder = self._loaded()
        masks, quality = decoder(embedding, tokens.points, tokens.kinds, fed, given)
        several = self._recipe.several or (tokens.single and before is None)
        best = 1 + int(quality[0, 1:].argmax()) if several else 0
        return Mask(masks[0, best], float(quality[0, best]))

    def _encoder(self) -> Compiled:
        size = self._recipe.size
        image = np.zeros((1, 3, size, size), np.float32)
        return self._compiler.compile(lambda: self._read.image_encoder, [image], key=self._key("encoder"))

    def _decoder(self) -> Compiled:
        grid, tokens = self._recipe.grid, Tokens.box(1, 2, 3, 4)
        low = np.zeros((1, 1, 4 * grid, 4 * grid), np.float32)
        image = np.zeros((1, WIDTH, grid, grid), np.float32)
        examples = [image, tokens.points, tokens.kinds, low, np.ones(1, np.float32)]
        varying, key = {1: (1,), 2: (1,)}, self._key("decoder")
        return self._compiler.compile(lambda: PromptedDecoder(self._read), examples, varying=varying, key=key)

    @cached_property
    def _compiler(self) -> Backend:
        return self._backend or chosen()

    @property
    def version(self) -> str:
        """Names the very file: another one in its place is another model, with other embeddings."""
        if self._path is None:
            return f"random {VERSION}"
        state = self._path.stat()
        return f"{self._path.name} {state.st_size} {state.st_mtime_ns} {VERSION}"

    def _key(self, part: str) -> str:
        file = self._card.weights_of or self._card.id  # cards that differ in their window share what is compiled
        return f"{file} {self.version} {self._recipe} {part}" if self._path else ""

    @property
    def _read(self) -> SamNetwork:
        if self._network is None:
            recipe = self._recipe
            shape = recipe.architecture, recipe.size, recipe.grid
            try:
                state = read_state(self._path) if self._path else random_state(_empty(*shape))
                self._network = SamNetwork.of(*shape, state)
            except RuntimeError as error:
                name = self._path.name if self._path else "What was made"
                message = f"{name} does not hold the weights of {self._card.name}."
                raise BadInput(message, "Download or import the file again.") from error
        return self._network


def _empty(architecture: Architecture, size: int, grid: int) -> SamNetwork:
    with torch.device("meta"):
        return SamNetwork(architecture, size, grid)
