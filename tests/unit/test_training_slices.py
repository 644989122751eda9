"""Training of the network for slices: clips repeat, show one object, and a step teaches every part of the network."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from app.engine.trial import hints, maps  # noqa: E402
from tests.data import shared  # noqa: E402
from training import clicks, clips, scans  # noqa: E402
from training.batches import Recipe  # noqa: E402
from training.clips import LENGTH  # noqa: E402
from training.loss import loss_of  # noqa: E402
from training.scenes import LARGEST, Mix  # noqa: E402
from training.slice_lesson import SliceLesson  # noqa: E402
from training.train import placed  # noqa: E402

SIDE = 32


def test_a_clip_is_known_by_its_number() -> None:
    first, again, other = (clips.make(number, 5, SIDE, [], Mix())[0] for number in (7, 7, 8))
    np.testing.assert_array_equal(first.images, again.images)
    np.testing.assert_array_equal(first.masks, again.masks)
    assert not np.array_equal(first.images, other.images)


@pytest.mark.parametrize("number", range(8))
def test_the_object_is_seen_on_the_first_slice_of_every_clip(number: int) -> None:
    for clip in clips.make(number, 3, SIDE, [], Mix()):
        assert clip.images.shape == (LENGTH, maps.IMAGE_CHANNELS, SIDE, SIDE)
        assert np.abs(clip.images).max() <= 1
        assert clips.SMALLEST <= clip.masks[0].sum() <= LARGEST * SIDE * SIDE


def test_clips_of_real_scans_show_outlined_objects_and_their_own_tissues() -> None:
    real = scans.load(shared())
    for mix in (Mix(1.0, 0.0), Mix(0.0, 1.0)):
        made = [clip for number in range(4) for clip in clips.make(number, 1, SIDE, real, mix)]
        assert all(clip.masks[0].any() for clip in made)
    tissue = [clip.images[0, 1][clip.masks[0]].std() < clip.images[0, 1].std() for clip in made]
    assert sum(tissue) >= len(made) - 1  # a band of grey values is more even than the slice


def test_neighbouring_slices_are_alike() -> None:
    made = [clip for number in range(10) for clip in clips.make(number, 2, SIDE, [], Mix())]
    following = [np.abs(clip.masks[1] ^ clip.masks[0]).mean() for clip in made]
    others = [np.abs(made[n - 1].masks[0] ^ clip.masks[0]).mean() for n, clip in enumerate(made) if n % 2 == 0]
    assert np.mean(following) < 0.6 * np.mean(others)


def test_the_simulated_user_and_the_hints_work_on_a_slice() -> None:
    mask = np.zeros((SIDE, SIDE), bool)
    mask[8:20, 6:18] = True
    drawn = clicks.first(mask, np.random.default_rng(0))
    assert drawn.shape == (maps.CHANNELS, SIDE, SIDE)
    assert not drawn[maps.KNOWN_INSIDE].any()
    taken = maps.empty(SIDE, 2)
    clicks.correct(taken, mask | True, mask, np.random.default_rng(0))
    assert taken[maps.EXCLUDE].any()
    image = np.where(mask, 1.0, -1.0).astype(np.float32)
    maps.draw_points(taken, maps.INCLUDE, [(14, 12)])
    hinted = hints.Ground(np.stack([image, image])).hints(taken)
    assert hinted.shape == (hints.CHANNELS, SIDE // 2, SIDE // 2)
    assert hinted[6][6:8, 5:7].min() > 0  # nearer to what is included, inside it
    assert hinted[6][14, 14] < 0


def test_nothing_where_the_object_has_ended_is_a_perfect_answer() -> None:
    empty = torch.zeros(1, 1, 16, 16)
    _, right = loss_of(empty - 8, torch.zeros(1, 1), empty)
    _, wrong = loss_of(empty + 8, torch.zeros(1, 1), empty)
    assert right == 1
    assert wrong == 0


@pytest.mark.parametrize("number", range(3))
def test_a_step_teaches_every_part_of_the_network(number: int) -> None:
    torch.manual_seed(0)
    lesson = SliceLesson(Recipe(SIDE, 2, 1, 4, Mix()), [])
    network = lesson.network()
    loss, first, last = lesson.loss(network, lesson.batch(number), number, partial(placed, device="cpu"))
    loss.backward()
    assert torch.isfinite(loss)
    assert 0 <= first <= 1
    assert 0 <= last <= 1
    still = [name for name, p in network.named_parameters() if p.grad is None or not torch.isfinite(p.grad).all()]
    assert still == []
