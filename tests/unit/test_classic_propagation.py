"""Classic carries a mask from slice to slice: it follows, and it ends where the object ends."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage

from app.engine.classic import ClassicPredictor
from app.engine.classic.propagator import SliceMemory, carry
from app.engine.evaluation import dice
from app.engine.model_card import ModelCard
from app.engine.propagation import propagate
from app.engine.protocol import Propagate, Propagated, SliceAnswer, Token
from app.geometry import Geometry
from app.volume import Volume

CARD = ModelCard("classic", "Classic", "classic", 3, frozenset({"point"}))


def carried(
    volume: Volume, axis: int, conditioning: dict[int, np.ndarray]
) -> tuple[np.ndarray, dict[int, float], Propagated]:
    predictor = ClassicPredictor(CARD)
    prepared = predictor.prepare(volume, lambda fraction, what: None, Token())
    request = Propagate(1, 1, axis, conditioning, 0, volume.shape[axis] - 1)
    mask, confidence = np.zeros(volume.shape, bool), {}
    for message in propagate(request, predictor, prepared, volume, Token()):
        if isinstance(message, SliceAnswer):
            np.moveaxis(mask, axis, 0)[message.index] = message.mask
            confidence[message.index] = message.confidence
        else:
            end = message
    return mask, confidence, end


def noisy(mask: np.ndarray, spacing=(1.0, 1.0, 1.0)) -> Volume:
    array = 100 + 60 * mask + np.random.default_rng(0).normal(0, 12, mask.shape)
    return Volume(array.astype(np.int16), Geometry(mask.shape, np.diag([*spacing[::-1], 1.0])))


@pytest.fixture(scope="module")
def leaning() -> np.ndarray:
    """A cylinder from slice 8 to slice 31 that leans and grows wider."""
    k, j, i = np.ogrid[:40, :64, :64]
    return ((j - 20 - 0.5 * k) ** 2 + (i - 30) ** 2 <= (6 + 0.15 * k) ** 2) & (k >= 8) & (k <= 31)


def test_a_leaning_cylinder_is_followed_to_both_ends_and_not_beyond(leaning):
    mask, confidence, end = carried(noisy(leaning), 0, {18: leaning[18]})
    assert dice(mask, leaning) > 0.93
    assert abs(end.reached[0] - 8) <= 1
    assert abs(end.reached[1] - 31) <= 1
    assert min(confidence[k] for k in range(10, 30)) > 0.5
    assert max(confidence[k] for k in (*range(6), *range(34, 40))) < 0.3


@pytest.mark.parametrize("axis", [1, 2])
def test_any_axis_can_be_followed(leaning, axis):
    turned = np.ascontiguousarray(np.moveaxis(leaning, 0, axis))
    mask, _, _ = carried(noisy(turned), axis, {18: leaning[18]})
    assert dice(mask, turned) > 0.93


def test_given_slices_come_back_as_they_were_given(leaning):
    drawn = leaning[18].copy()
    drawn[:, :30] = False
    mask, confidence, _ = carried(noisy(leaning), 0, {18: drawn, 28: leaning[28]})
    assert np.array_equal(mask[18], drawn)
    assert np.array_equal(mask[28], leaning[28])
    assert confidence[18] == confidence[28] == 1.0


def test_thick_slices_let_the_border_move_farther():
    k, j, i = np.ogrid[:12, :80, :80]
    ball = ((k - 6) * 5.0) ** 2 + (j - 40) ** 2 + (i - 38) ** 2 <= 24**2
    mask, _, _ = carried(noisy(ball, (5, 1, 1)), 0, {6: ball[6]})
    assert dice(mask, ball) > 0.9


def test_the_same_slices_give_the_same_masks(leaning):
    first, second = (carried(noisy(leaning), 0, {18: leaning[18]})[0] for _ in range(2))
    assert np.array_equal(first, second)


def test_a_large_slice_is_quick():
    k, j, i = np.ogrid[:8, :512, :512]
    organ = (j - 250) ** 2 + (i - 260 - 2 * k) ** 2 <= 90**2
    volume = noisy(np.broadcast_to(organ, (8, 512, 512)))
    predictor = ClassicPredictor(CARD)
    prepared = predictor.prepare(volume, lambda fraction, what: None, Token())
    memory = predictor.remember(prepared, 0, {0: organ[0]})
    begun = time.perf_counter()
    for index in range(1, 8):
        predictor.carry(memory, index, index - 1)
    assert (time.perf_counter() - begun) / 7 < 0.6  # 0.05 s on an idle machine; the budget is 0.15 s


def test_a_side_ends_where_the_object_turns_into_its_neighbour_bit_by_bit():
    """A disc of one tone that fades, slice after slice, into that of the disc that follows it in the same place."""
    k, j, i = np.ogrid[:60, :64, :64]
    disc = np.broadcast_to((j - 32) ** 2 + (i - 32) ** 2 <= 14**2, (60, 64, 64))
    fading = 160 - 90 * np.clip((k - 20) / 20, 0, 1)
    tones = np.where(disc, fading, 20.0) + np.random.default_rng(1).normal(0, 5, disc.shape)
    _, confidence, end = carried(Volume(tones.astype(np.int16), Geometry(disc.shape, np.eye(4))), 0, {5: disc[5]})
    assert end.reached[0] == 0
    assert 19 <= end.reached[1] < 45
    assert min(confidence[n] for n in range(20)) > 0.5


def test_a_part_like_its_surroundings_is_carried_by_what_moves_with_it():
    """Texture without edges: the given outline follows the motion of the tissue, 1.5 pixels a slice."""
    texture = ndimage.gaussian_filter(np.random.default_rng(2).normal(0, 1, (96, 96)), 3)
    slices = np.stack([ndimage.shift(texture, (1.5 * n, 0), order=1, mode="wrap") for n in range(7)])
    j, i = np.ogrid[:96, :96]
    drawn, there = ((j - row) ** 2 + (i - 48) ** 2 <= 13**2 for row in (36, 45))
    volume = Volume((slices * (100 / slices.std())).astype(np.int16), Geometry(slices.shape, np.eye(4)))
    predictor = ClassicPredictor(CARD)
    memory = predictor.remember(predictor.prepare(volume, lambda fraction, what: None, Token()), 0, {0: drawn})
    for n in range(1, 7):
        logits, _ = predictor.carry(memory, n, n - 1)
    row, column = np.argwhere(logits > 0).mean(axis=0)
    assert row == pytest.approx(45, abs=4)  # 39 where the motion is not followed
    assert column == pytest.approx(48, abs=1)
    assert dice(logits > 0, there) > dice(logits > 0, drawn)


def test_what_counts_depth_more_stays_nearer_to_the_last_mask():
    """Around the disc of the next slice lies a rim of tones between its own and the others': how much is taken."""
    j, i = np.ogrid[:64, :64]
    away = np.hypot(j - 32, i - 32)
    disc, rim = np.stack([away <= 10, away <= 10]), np.stack([away < 0, away <= 14])
    array = 130 + 30 * disc - 30 * ~(disc | rim) + np.random.default_rng(0).normal(0, 12, disc.shape)
    volume = Volume(array.astype(np.int16), Geometry(disc.shape, np.diag([1.0, 1.0, 3.0, 1.0])))
    features = ClassicPredictor(CARD).prepare(volume, lambda fraction, what: None, Token())
    taken = []
    for place in (0.5, 2.0, 4.0):
        memory = replace(SliceMemory.of(features, 0, {0: disc[0]}), place=place)
        carry(memory, 1, 0)
        taken.append(int((memory.masks[1] & rim[1] & ~disc[1]).sum()))
    assert taken[0] > taken[1] > taken[2]
