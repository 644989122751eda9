"""Lessons of carried slices: what is seen on the way, how it is varied, and that a step teaches."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")

import torch

from app.engine import registry
from app.engine.builtin.carry_network import CarryNetwork
from app.engine.builtin.step_features import LOGITS, MAPS, NUMBERS, SURE, TONES
from training.batches import Recipe
from training.carried.lesson import CarriedLesson, loss_of, varied
from training.carried.walk import Seen, walk
from training.export import export_graph
from training.graph import scans
from training.scenes import Mix
from training.state import State

LESSON = CarriedLesson(Recipe(48, 1, 2, 5, Mix()), [])


@pytest.fixture(scope="module")
def scene() -> list[scans.Example]:
    return LESSON.batch(3)


@pytest.fixture(scope="module")
def seen(scene: list[scans.Example]) -> list[Seen]:
    weights = {name: value.detach().numpy() for name, value in LESSON.network().state_dict().items()}
    predictor, random = registry.load("builtin"), np.random.default_rng(0)
    return [one for example in scene for one in walk(example, predictor, CarryNetwork(weights), random)]


def test_every_step_on_both_sides_of_a_given_slice_is_seen_with_what_should_have_been_said(seen: list[Seen]) -> None:
    assert [one.away for one in seen].count(1) >= 2
    assert len(seen) > 8
    for one in seen:
        assert one.maps.shape == (MAPS, *one.target.shape)
        assert one.numbers.shape == (NUMBERS,)
        assert 0 <= one.target.min() <= one.target.max() <= 1
    beside = [one for one in seen if one.away == 1]
    alike = [2 * ((a := o.maps[LOGITS] > 0) & (b := o.target > 0.5)).sum() / (a.sum() + b.sum()) for o in beside]
    assert np.mean(alike) > 0.6  # the target lies where the mask was carried to


def test_maps_and_target_are_turned_together_and_only_tones_change(seen: list[Seen]) -> None:
    marked = []
    for one in seen[:6]:
        maps = one.maps.copy()
        maps[LOGITS], maps[6] = one.target, 0.5
        marked.append(Seen(maps, one.numbers, one.target, one.away))
    for seed in range(8):
        maps, numbers, target = varied(marked, np.random.default_rng(seed))
        torch.testing.assert_close(maps[:, LOGITS], target)
        assert (maps[:, 6] == 0.5).all()
        assert maps[:, TONES].abs().max() <= 1
        np.testing.assert_array_equal(numbers.numpy(), np.stack([one.numbers for one in marked]))


def test_the_loss_is_small_for_what_is_right_and_bounded_for_what_is_lost() -> None:
    target = torch.zeros(1, 64, 64)
    target[0, 20:40, 20:40] = 1
    right, wrong = (SURE * sign * (2 * target - 1) for sign in (1, -1))
    assert loss_of(right, target) < 0.02
    assert 3 < loss_of(wrong, target) < 4.01
    assert loss_of(torch.zeros_like(target), target) < loss_of(wrong, target)


def test_a_step_teaches_and_its_weights_have_the_form_that_ships(scene: list[scans.Example], tmp_path: Path) -> None:
    torch.manual_seed(0)
    state = State.fresh(LESSON.network(), 3e-3, None, "cpu")
    losses = []
    for _ in range(12):
        loss, near, far = LESSON.loss(state.network, scene, 0, lambda tensor: tensor)
        assert 0 <= near <= 1
        assert 0 <= far <= 1
        state.optimiser.zero_grad()
        loss.backward()
        state.optimiser.step()
        state.advance()
        losses.append(float(loss.detach()))
    assert np.mean(losses[-3:]) < losses[0]
    state.export(tmp_path / "weights.safetensors")
    export_graph(tmp_path / "weights.safetensors", tmp_path, 64, "carry.safetensors")
    network = CarryNetwork.load(tmp_path / "carry.safetensors")
    assert network(np.ones((MAPS, 64, 64), np.float32), np.ones(NUMBERS, np.float32)).shape == (64, 64)


def test_objects_of_a_few_slices_teach_nothing() -> None:
    network = LESSON.network()
    loss, near, far = LESSON.loss(network, [], 0, lambda tensor: tensor)
    loss.backward()
    assert (float(loss.detach()), near, far) == (0, 0, 0)
    assert all(p.grad is not None and not p.grad.any() for p in network.parameters())
