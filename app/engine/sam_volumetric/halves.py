"""`Halves`: the two compiled parts of a network, what runs once a crop and what runs at every click."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from app.engine import registry
from app.engine.backends import Compiled, chosen
from app.engine.model_card import ModelCard
from app.engine.protocol import Logits, Token
from app.engine.sam_volumetric.shape import EMBEDDED, GRID, LOW, SIDE

if TYPE_CHECKING:
    from app.engine.sam_volumetric.network import ClickDecoder, ClickNetwork

_VERSION = 1  # of the networks' code: raise it when that changes, so that what was compiled is made again
Floats = NDArray[np.float32]
Sample = tuple[int, int, int]


class Halves(Protocol):
    """What the predictor needs of a network."""

    def encode(self, samples: Floats) -> Floats:
        """Crop (1, 1, 128, 128, 128), normalised, to embedding (1, 384, 8, 8, 8)."""

    def decode(self, embedding: Floats, clicks: Sequence[tuple[Sample, bool]], low: Logits) -> Logits:
        """Logits (32, 32, 32), from clicks on samples of the crop and the logits before, zeros at first."""


@dataclass(frozen=True, slots=True)
class CompiledHalves:
    """See `Halves`."""

    encoder: Compiled
    decoder: Compiled

    def encode(self, samples: Floats) -> Floats:
        """See `Halves`."""
        embedding: Floats = self.encoder(samples)[0]
        return embedding

    def decode(self, embedding: Floats, clicks: Sequence[tuple[Sample, bool]], low: Logits) -> Logits:
        """See `Halves`."""
        samples = np.array([sample for sample, _ in clicks], np.float32).reshape(1, -1, 3)
        labels = np.array([positive for _, positive in clicks], np.float32).reshape(1, -1)
        logits: Logits = self.decoder(embedding, samples, labels, low[None, None])[0][0, 0]
        return logits


def load(card: ModelCard, token: Token) -> CompiledHalves:
    """Compile a model's halves, or take what was compiled before; then its file is not read.

    Raises:
        MissingModel: when the weights are not on this machine.
        BadInput: when they are not those of a 3D SAM.
        Cancelled: between the halves.
    """
    path = registry.require_weights(card)
    status = path.stat()
    return _compiled(_Weights(path), token, f"sam_volumetric {_VERSION} {path} {status.st_size} {status.st_mtime_ns}")


def untrained(card: ModelCard) -> CompiledHalves:
    """With random numbers in the place of the weights, to see how long they take; not kept."""
    return _compiled(_Random(card), Token(), "")


def _compiled(weights: _Weights, token: Token, key: str) -> CompiledHalves:
    backend = chosen()
    crop, low = (np.zeros((1, 1, n, n, n), np.float32) for n in (SIDE, LOW))
    encoder = backend.compile(lambda: weights.network().image_encoder, (crop,), key=key and f"{key} encoder")
    token.raise_if_cancelled()
    examples = np.zeros((1, EMBEDDED, GRID, GRID, GRID), np.float32), np.zeros((1, 1, 3), np.float32)
    label = np.zeros((1, 1), np.float32)
    varying = {1: (1,), 2: (1,)}  # any number of clicks
    decoder = backend.compile(weights.decoder, (*examples, label, low), varying=varying, key=key and f"{key} decoder")
    return CompiledHalves(encoder, decoder)


class _Weights:
    """The network of a file, built when the first half asks for it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.network = cache(self._network)  # let go with this object

    def decoder(self) -> ClickDecoder:
        from app.engine.sam_volumetric.network import ClickDecoder

        return ClickDecoder(self.network())

    def _network(self) -> ClickNetwork:
        from app.engine.sam_volumetric.network import from_state
        from app.engine.weights.checkpoint import read_state

        return from_state(read_state(self._path))


class _Random(_Weights):
    """Numbers of the shapes that a card's signature tells."""

    def __init__(self, card: ModelCard) -> None:
        super().__init__(Path("random"))
        self._card = card

    def _network(self) -> ClickNetwork:
        import torch

        from app.engine.sam_volumetric.network import ClickNetwork, from_state, plan_of
        from app.engine.weights.random_state import random_state

        with torch.device("meta"):
            empty = ClickNetwork(plan_of(self._card.signature))
        return from_state(random_state(empty))
