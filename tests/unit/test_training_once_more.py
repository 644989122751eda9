"""Lessons of answers that are seen once more: what is seen on the way, how it is varied, and that a step teaches."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")

import torch

from app.engine.builtin.square_network import SquareNetwork
from app.engine.classic.refinement import SURE
from training.batches import Recipe
from training.export import export_graph
from training.once_more.gather import walked
from training.once_more.kept import Kept
from training.once_more.lesson import CARRIED, CLICKED, Layout, OnceMoreLesson, loss_of, varied
from training.once_more.seen import Seen
from training.scenes import Mix
from training.state import State

LAYOUTS = {"carried": CARRIED, "clicked": CLICKED}


@pytest.fixture(scope="module", params=LAYOUTS)
def of(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def layout(of: str) -> Layout:
    return LAYOUTS[of]


@pytest.fixture(scope="module")
def seen(of: str) -> list[Seen]:
    objects = walked(of, [], 5, 1)
    return [one for seen in itertools.islice(objects, 4) for one in seen]


@pytest.fixture(scope="module")
def lesson(seen: list[Seen], layout: Layout, tmp_path_factory: pytest.TempPathFactory) -> OnceMoreLesson:
    folder = tmp_path_factory.mktemp("kept")
    Kept.write(folder, "00-000", seen[:7])
    Kept.write(folder, "00-001", seen[7:])
    return OnceMoreLesson(Recipe(48, 6, 2, 5, Mix(), folder), [], layout)


def test_kept_slices_are_the_seen_ones_in_their_order(seen: list[Seen], lesson: OnceMoreLesson) -> None:
    assert len(lesson.kept) == len(seen)
    for number, one in enumerate(seen):
        again = lesson.kept[number]
        assert again.turn == one.turn
        for name in ("maps", "numbers", "target"):
            np.testing.assert_allclose(getattr(again, name), getattr(one, name), atol=2e-3)
            assert getattr(again, name).dtype == np.float32


def test_a_batch_is_known_by_its_number(lesson: OnceMoreLesson) -> None:
    first, again, other = (lesson.batch(number) for number in (3, 3, 4))
    assert len(first) == 6
    np.testing.assert_array_equal([one.maps for one in first], [one.maps for one in again])
    assert not np.array_equal([one.maps for one in first], [one.maps for one in other])


def test_workers_have_objects_of_their_own(of: str, seen: list[Seen]) -> None:
    again, other = next(walked(of, [], 5, 1)), next(walked(of, [], 5, 2))
    np.testing.assert_array_equal(again[0].maps, seen[0].maps)
    assert not np.array_equal(other[0].maps, seen[0].maps)


def test_without_slices_it_is_said_what_makes_them(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"training\.once_more\.gather"):
        _ = OnceMoreLesson(Recipe(48, 6, 2, 5, Mix()), [], CARRIED).kept
    with pytest.raises(FileNotFoundError, match=r"training\.once_more\.gather --of WHAT --out"):
        Kept.open(tmp_path)


def test_every_slice_is_seen_with_what_should_have_been_said(seen: list[Seen], layout: Layout) -> None:
    assert [one.turn for one in seen].count(layout.first_turn) >= 2
    assert len(seen) > 8
    for one in seen:
        assert one.maps.shape == (layout.maps, *one.target.shape)
        assert one.numbers.shape == (layout.numbers,)
        assert 0 <= one.target.min() <= one.target.max() <= 1
    early = [one for one in seen if one.turn == layout.first_turn]
    alike = [2 * ((a := o.maps[layout.logits] > 0) & (b := o.target > 0.5)).sum() / (a.sum() + b.sum()) for o in early]
    assert np.median(alike) > 0.6  # the target lies where the mask was carried to, or clicked


def test_maps_and_target_are_turned_together_and_only_tones_change(seen: list[Seen], layout: Layout) -> None:
    marked = []
    for one in seen[:6]:
        maps = one.maps.copy()
        maps[layout.logits], maps[6] = one.target, 0.5
        marked.append(Seen(maps, one.numbers, one.target, one.turn))
    for seed in range(8):
        maps, numbers, target = varied(marked, layout, np.random.default_rng(seed))
        torch.testing.assert_close(maps[:, layout.logits], target)
        assert (maps[:, 6] == 0.5).all()
        assert maps[:, layout.tones].abs().max() <= 1
        np.testing.assert_array_equal(numbers.numpy(), np.stack([one.numbers for one in marked]))


def test_the_loss_is_small_for_what_is_right_and_bounded_for_what_is_lost() -> None:
    target = torch.zeros(1, 64, 64)
    target[0, 20:40, 20:40] = 1
    right, wrong = (SURE * sign * (2 * target - 1) for sign in (1, -1))
    assert loss_of(right, target) < 0.02
    assert 3 < loss_of(wrong, target) < 4.01
    assert loss_of(torch.zeros_like(target), target) < loss_of(wrong, target)


def test_a_step_teaches_and_its_weights_have_the_form_that_ships(
    lesson: OnceMoreLesson, layout: Layout, tmp_path: Path
) -> None:
    torch.manual_seed(0)
    state, batch = State.fresh(lesson.network(), 3e-3, None, "cpu"), lesson.batch(0)
    losses = []
    for _ in range(12):
        loss, near, far = lesson.loss(state.network, batch, 0, lambda tensor: tensor)
        assert 0 <= near <= 1
        assert 0 <= far <= 1
        state.optimiser.zero_grad()
        loss.backward()
        state.optimiser.step()
        state.advance()
        losses.append(float(loss.detach()))
    assert np.mean(losses[-3:]) < losses[0]
    state.export(tmp_path / "weights.safetensors")
    export_graph(tmp_path / "weights.safetensors", tmp_path, 64, "seen.safetensors")
    network, grid = SquareNetwork.load(tmp_path / "seen.safetensors"), batch[0].target.shape
    assert network(np.ones((layout.maps, *grid), np.float32), np.ones(layout.numbers, np.float32)).shape == grid
