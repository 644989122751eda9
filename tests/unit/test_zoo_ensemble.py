"""The ensemble uncertainty of FastSAM-3DSlicer (equations 1 to 3) with every promptable network: the encoder runs once.

Prompt encoders and decoders are whole, with random weights, behind each model's own adapter and recipe. Image encoders
are random features that are counted: what is tested is that they are asked for once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from app.engine import registry
from app.engine.backends.torch_backend import TorchBackend
from app.engine.model_card import ModelCard
from app.engine.protocol import Estimate, Estimated, Prediction, Predictor, Prior, Token
from app.engine.rehearsal import can_rehearse
from app.engine.sam.recipes import RECIPES
from app.engine.sam2.variants import VARIANTS
from app.engine.sam_volumetric import VolumetricPredictor
from app.engine.sam_volumetric.halves import CompiledHalves
from app.engine.sam_volumetric.image_encoder import EncoderPlan
from app.engine.sam_volumetric.network import ClickDecoder, ClickNetwork
from app.engine.uncertainty import estimate
from app.engine.weights.random_state import random_state
from app.geometry import Geometry
from app.prompts import Box, Point, Prompt
from app.volume import Volume

SHAPE = (12, 48, 40)
SAMPLES = 4
CARDS = sorted(card.id for card in registry.cards() if can_rehearse(card))


class Encoder:
    """Random features of given shapes; counts its runs."""

    def __init__(self, *shapes: tuple[int, ...]) -> None:
        random = np.random.default_rng(0)
        self._features = tuple(random.normal(size=shape).astype(np.float32) for shape in shapes)
        self.runs = 0

    def __call__(self, *_: Any) -> tuple[np.ndarray, ...]:
        self.runs += 1
        return self._features


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> Callable[[ModelCard], tuple[Predictor, Encoder]]:
    monkeypatch.setenv("VOLUMASK_BACKEND", "torch")
    monkeypatch.setattr("app.engine.sam.network._encoder", lambda *_: torch.nn.Identity())
    trunk = {"widths": (16, 32, 64, 128), "blocks": (1, 1, 2, 1), "heads": 1, "whole": (3,), "grid": 7}
    small = {name: v if v.perceiver else replace(v, **trunk) for name, v in VARIANTS.items()}
    monkeypatch.setattr("app.engine.sam2.variants.VARIANTS", small)

    def make(card: ModelCard) -> tuple[Predictor, Encoder]:
        if card.family == "sam3d_click":
            return volumetric(card)
        predictor: Any = registry.untrained(card)
        if card.family == "sam":
            grid = RECIPES[card.recipe.get("system", card.id)].grid
            encoder = Encoder((1, 256, grid, grid))
            predictor._runner._parts = encoder, predictor._runner._decoder()
        else:
            h = predictor.network.coarse
            encoder = Encoder((1, 32, 4 * h, 4 * h), (1, 64, 2 * h, 2 * h), (1, 256, h, h))
            predictor.network.__dict__["_encoder"] = encoder
        return predictor, encoder

    return make


def volumetric(card: ModelCard) -> tuple[Predictor, Encoder]:
    network = ClickNetwork(EncoderPlan(768, 6, (None,), post_norm=True))
    network.load_state_dict(random_state(network))
    encoder, low = Encoder((1, 384, 8, 8, 8)), np.zeros((1, 1, 32, 32, 32), np.float32)
    examples = (np.zeros((1, 384, 8, 8, 8), np.float32), np.zeros((1, 1, 3), np.float32), np.zeros((1, 1), np.float32))
    decoder = TorchBackend("cpu").compile(ClickDecoder(network.requires_grad_(False)), (*examples, low))
    middle = float(np.median(decoder(*encoder._features, *examples[1:], low)[0]))

    def centred(*inputs: np.ndarray) -> tuple[np.ndarray, ...]:
        """Random weights lean to one side; with a border in their middle there is an object."""
        return (decoder(*inputs)[0] - middle,)

    return VolumetricPredictor(card, CompiledHalves(encoder, centred)), encoder


def volume() -> Volume:
    array = np.random.default_rng(0).integers(-100, 200, SHAPE, dtype=np.int16)
    return Volume(array, Geometry(SHAPE, np.diag([-2.0, -2.0, 4.0, 1.0])), modality="CT")


def prompts_for(card: ModelCard) -> tuple[Prompt, ...]:
    return (Point((6, 24, 20), axis=0),) if "point" in card.prompts else (Box((6, 12, 10), (6, 36, 30)),)


def test_every_promptable_network_of_the_zoo_is_here() -> None:
    assert len(CARDS) == 24
    assert {registry.card(model).family for model in CARDS} == {"sam", "sam2", "sam3d_click"}


@pytest.mark.parametrize("model", CARDS)
def test_the_encoder_runs_once_for_the_whole_ensemble(model: str, made: Any) -> None:
    card = registry.card(model)
    predictor, encoder = made(card)
    prepared = predictor.prepare(volume(), lambda share, what: None, Token())
    decoded: list[Prediction] = []
    asked: list[tuple[Prompt, ...]] = []

    def decode(prompts: tuple[Prompt, ...], prior: Prior | None) -> Prediction:
        asked.append(prompts)
        decoded.append(predictor.predict(prepared, prompts, prior))
        return decoded[-1]

    job = Estimate(1, 1, prompts_for(card), SAMPLES)
    *_, end = estimate(job, volume().geometry, decode, None, Token())
    assert encoder.runs == 1
    assert isinstance(end, Estimated)
    first, samples = decoded[0], decoded[1:]
    assert len(samples) == SAMPLES == len(end.volumes)
    assert len(set(asked)) > 2  # prompts differ from sample to sample
    if "point" in card.prompts:  # equation 1: drawn from the first mask
        for (point,) in asked[1:]:
            assert isinstance(point, Point)
            inside = tuple(a - b for a, b in zip(point.index, first.region.start, strict=True))
            assert first.logits[inside] > 0
    assert {sample.region for sample in samples} == {end.region}
    logits = np.stack([sample.logits for sample in samples])
    scale = np.abs(logits).max()
    assert np.abs(end.mean - logits.mean(0)).max() <= 1e-5 * scale  # equation 2
    assert np.abs(end.deviation - logits.std(0)).max() <= 1e-4 * scale  # equation 3
    assert end.deviation.max() > 0
