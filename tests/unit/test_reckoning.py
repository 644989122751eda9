"""How long a model will about take is reckoned from the self-test and the work of its encoder."""

from __future__ import annotations

import json
from typing import Any

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from app import cli
from app.engine import registry
from app.engine.backends import machine_test, tested
from app.engine.backends.tested import Findings, Run
from app.engine.model_card import ModelCard
from app.engine.reckoning import reckoned
from app.engine.rehearsal import can_rehearse
from app.engine.sam.recipes import RECIPES

SAMPLE = 0.053  # seconds of one thread for the sample network, on the machine of the figures below
MEASURED = {
    "sam_med2d": 0.458, "medsam": 6.946, "sam_med3d_turbo": 0.706, "fastsam3d": 0.363, "sam_vit_b": 6.651,
    "mobile_sam": 0.663, "lite_medsam": 0.704, "edgetam": 0.293, "edgetam_fast": 0.081, "sam2.1_tiny_fast": 0.393,
    "medsam2": 0.387,
}  # fmt: skip
"""Processor seconds of the encoders there, `volumask bench --zoo`."""
NETWORKS = [card for card in registry.cards() if can_rehearse(card)]


@pytest.fixture
def found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tested, "kept", lambda: Findings("this", "2026-11-21", (Run("openvino", 1, SAMPLE),)))


@pytest.mark.parametrize("model", MEASURED)
def test_it_lies_within_a_half_of_what_was_measured(found: None, model: str) -> None:
    seconds = reckoned(registry.card(model))
    assert seconds is not None
    assert 0.65 < seconds / MEASURED[model] < 1.55


def test_nothing_is_reckoned_without_the_self_test_or_without_a_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tested, "kept", lambda: None)
    assert reckoned(registry.card("medsam")) is None


def test_what_is_no_network_is_not_reckoned(found: None) -> None:
    assert reckoned(registry.card("classic")) is None
    assert all(card.work > 0 for card in NETWORKS)


def test_the_model_list_tells_it_where_nothing_was_measured(found: None, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["models", "list", "--json"]) == 0
    rows: dict[str, Any] = {row["id"]: row for row in json.loads(capsys.readouterr().out)["models"]}
    assert rows["sam_vit_h"]["here"] is None
    assert rows["sam_vit_h"]["reckoned_s"] == pytest.approx(43.8, abs=0.1)
    assert cli.main(["models", "list"]) == 0
    (line,) = [line for line in capsys.readouterr().out.splitlines() if "sam_vit_h" in line]
    assert "~43.8 s" in line


def test_the_sample_networks_work_is_counted() -> None:
    side = machine_test.PIXELS
    assert counted(machine_test._sample().to("meta"), (1, 3, side, side)) == pytest.approx(machine_test.WORK, rel=0.01)


@pytest.mark.slow
@pytest.mark.parametrize("card", NETWORKS, ids=lambda card: card.id)
def test_the_work_on_a_card_is_that_of_its_encoder(card: ModelCard) -> None:
    module, shape = encoder(card)
    assert counted(module.to("meta").eval(), shape) == pytest.approx(card.work, rel=0.01)


def counted(module: torch.nn.Module, shape: tuple[int, ...]) -> float:
    """Multiply-adds, in thousand millions."""
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        module(torch.empty(shape, device="meta"))
    return counter.get_total_flops() / 2e9


def encoder(card: ModelCard) -> tuple[Any, tuple[int, ...]]:
    """What a model runs once for a slice or volume, and the shape of what it is given."""
    from app.engine.sam.network import SamNetwork
    from app.engine.sam2.parts import Encoder
    from app.engine.sam2.variants import variant_of
    from app.engine.sam2.weights import empty_network
    from app.engine.sam_volumetric.network import ClickNetwork, plan_of

    if card.family == "sam2":
        side = card.recipe["image_size"]
        return Encoder(empty_network(variant_of(card.recipe["network"]), side)), (1, 3, side, side)
    with torch.device("meta"):
        if card.family == "sam":
            recipe = RECIPES[card.recipe.get("system", card.id)]
            network: Any = SamNetwork(recipe.architecture, recipe.size, recipe.grid)
            return network.image_encoder, (1, 3, recipe.size, recipe.size)
        return ClickNetwork(plan_of(card.signature)).image_encoder, (1, 1, 128, 128, 128)
