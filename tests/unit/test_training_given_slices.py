"""Lessons of given slices: what is given, what the network sees of it, and that a step teaches it."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("torch")

from app.engine.builtin import beside
from app.engine.builtin.graph_network import GraphNetwork
from app.engine.builtin.node_features import COUNT
from app.engine.evaluation import dice
from training.batches import Recipe
from training.graph import given_slices, scans
from training.graph.given_slices import GivenSlicesLesson
from training.scenes import Mix

LESSON = GivenSlicesLesson(Recipe(48, 1, 2, 5, Mix()), [])


@pytest.fixture(scope="module")
def scene() -> list[scans.Example]:
    return scans.make(3, 5, 2, [])


def ball(radius: float = 9.0) -> np.ndarray:
    return np.asarray(np.linalg.norm(np.indices((40, 40)) - 20, axis=0) < radius)


def test_a_hurried_border_wanders_and_is_still_the_objects() -> None:
    found = [given_slices.drawn(ball(), [1.0, 1.0], np.random.default_rng(seed)) for seed in range(60)]
    alike = np.array([dice(mask, ball()) for mask in found])
    assert 15 < (alike == 1).sum() < 45
    assert 0.5 < alike.min() < 0.9
    assert np.median(alike[alike < 1]) > 0.8
    assert abs(np.mean([mask.sum() for mask in found]) / ball().sum() - 1) < 0.1


def test_the_second_slice_lies_near_the_first_and_both_show_the_object() -> None:
    mask = np.zeros((60, 40, 40), bool)
    mask[5:50] = ball()
    mask[50:55] = ball(2)
    pairs = [given_slices._slices(mask, 0, np.random.default_rng(seed)) for seed in range(200)]
    first, second = np.array(pairs).T
    assert mask.any(axis=(1, 2))[[first, second]].all()
    assert (first < 50).all()  # the tip is too small to begin with
    assert (second >= 50).any()
    assert (np.abs(first - second) > 0).all()
    assert np.abs(first - second).max() == given_slices._FARTHEST
    assert given_slices._slices(mask[10:11], 0, np.random.default_rng(0)) == [0]


def test_the_network_sees_one_slice_then_two(scene: list[scans.Example]) -> None:
    network = LESSON.network()
    asked = GraphNetwork({name: value.detach().numpy() for name, value in network.state_dict().items()})
    one, two = LESSON.lessons(scene[0], asked, np.random.default_rng(1))
    assert (one.prompts, two.prompts) == (1, 2)
    for seen in (one, two):
        assert seen.graph.told.shape == (len(seen.graph.nodes), COUNT + beside.COUNT)
        assert seen.target.max() == 1
    assert (one.graph.told[:, -1] == 0).all()
    assert set(np.unique(two.graph.told[:, -1])) <= {0, 1}


def test_a_step_without_anything_to_learn_changes_nothing(monkeypatch) -> None:
    monkeypatch.setattr(GivenSlicesLesson, "lessons", lambda *_: [])
    network = LESSON.network()
    loss, early, late = LESSON.loss(network, LESSON.batch(0), 0, lambda tensor: tensor)
    loss.backward()
    assert (loss.item(), early, late) == (0, 0, 0)
    assert all((p.grad == 0).all() for p in network.parameters())
