"""Slices carried with the network's idea of the whole object: evidence, and an end where only a neighbour goes on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from app.engine import registry
from app.engine.builtin.features import BuiltinFeatures, prepare_features
from app.engine.builtin.propagator import GuidedMemory, carry, remember
from app.engine.classic import propagator as classic
from app.engine.propagation import LOWEST_CONFIDENCE, propagate
from app.engine.protocol import Propagate, SliceAnswer, Token
from app.geometry import Geometry
from app.volume import Volume

SHAPE = (36, 40, 40)
START, END = 10, 20  # the object's slices; a thing just like it goes on from there


@pytest.fixture(scope="module")
def column() -> np.ndarray:
    """A cylinder through most of the scan."""
    _, j, i = np.indices(SHAPE)
    mask = (j - 20) ** 2 + (i - 20) ** 2 < 49
    mask[:4] = mask[32:] = False
    return np.asarray(mask)


@pytest.fixture(scope="module")
def features(column: np.ndarray) -> BuiltinFeatures:
    image = (50 + 100 * column + np.random.default_rng(0).normal(0, 4, SHAPE)).astype(np.float32)
    return prepare_features(Volume(image, Geometry(SHAPE, np.eye(4))), lambda done, what: None, Token())


@pytest.fixture(scope="module")
def lower(column: np.ndarray) -> np.ndarray:
    mask = column.copy()
    mask[:START] = mask[END:] = False
    return mask


def answer(features: BuiltinFeatures, mask: np.ndarray, sure: float = 5.0) -> np.ndarray:
    """As if the network had seen that the mask is the object."""
    count = features.pieces.count
    share = np.bincount(features.pieces.labels.ravel(), mask.ravel(), count) / features.pieces.size
    return np.where(share > 0.5, sure, -sure).astype(np.float32)


def _always(idea: np.ndarray, masks: Mapping[int, np.ndarray]) -> np.ndarray:
    del masks
    return idea


def confidences(memory: GuidedMemory, first: int, last: int) -> list[float]:
    return [carry(memory, k, k - 1)[1] for k in range(first, last)]


def test_the_confidence_falls_where_the_network_says_that_the_object_ends(
    features: BuiltinFeatures, column: np.ndarray, lower: np.ndarray
) -> None:
    given = {15: column[15]}
    memory = remember(features, 0, given, lambda masks: answer(features, lower))
    assert memory.known > 0.9
    found = confidences(memory, 16, 26)
    assert min(found[: END - 17]) > LOWEST_CONFIDENCE
    assert max(found[END - 15 :]) < LOWEST_CONFIDENCE
    plain = classic.SliceMemory.of(features, 0, given)
    assert min(classic.carry(plain, k, k - 1)[1] for k in range(16, 26)) > LOWEST_CONFIDENCE


def test_a_network_that_does_not_know_the_given_slice_is_not_heard(
    features: BuiltinFeatures, column: np.ndarray
) -> None:
    given = {15: column[15]}
    memory = remember(features, 0, given, lambda masks: np.full(features.pieces.count, -5, dtype=np.float32))
    plain = replace(classic.SliceMemory.of(features, 0, given), place=memory.place)
    memory.near_threshold = 0.0
    for k in range(16, 20):
        (ours, sure), (theirs, as_sure) = carry(memory, k, k - 1), classic.carry(plain, k, k - 1)
        np.testing.assert_array_equal(ours, theirs)
        assert sure == as_sure


def test_what_the_network_says_moves_a_border_that_the_image_does_not_show(column: np.ndarray) -> None:
    image = np.random.default_rng(1).normal(50, 4, SHAPE).astype(np.float32)
    flat = prepare_features(Volume(image, Geometry(SHAPE, np.eye(4))), lambda done, what: None, Token())
    half = column.copy()
    half[16:, :, 20:] = False  # above the given slice only a half of it goes on
    said, silent = (
        remember(flat, 0, {15: column[15]}, partial(_always, answer(flat, mask)))
        for mask in (half, np.zeros(SHAPE, dtype=bool))
    )
    with_it, without = ((carry(memory, 16, 15)[0] > 0) & column[16] & ~half[16] for memory in (said, silent))
    assert with_it.sum() < without.sum()


def test_the_model_itself_carries_a_ball_to_its_ends_and_no_farther() -> None:
    k, j, i = np.indices(SHAPE)
    ball = (k - 18) ** 2 + (j - 20) ** 2 + (i - 20) ** 2 < 81
    image = (60 + 80 * ball + np.random.default_rng(0).normal(0, 5, SHAPE)).astype(np.float32)
    volume, model = Volume(image, Geometry(SHAPE, np.eye(4))), registry.load("builtin")
    request = Propagate(0, 1, 0, {18: ball[18]}, 0, SHAPE[0] - 1)
    prepared = model.prepare(volume, lambda done, what: None, Token())
    answers = [m for m in propagate(request, model, prepared, volume, Token()) if isinstance(m, SliceAnswer)]
    carried = np.zeros(SHAPE, dtype=bool)
    for message in answers:
        carried[message.index] = message.mask
    assert 2 * (carried & ball).sum() / (carried.sum() + ball.sum()) > 0.93
    assert not carried[:8].any()
    assert not carried[29:].any()


def test_an_empty_given_slice_and_another_models_memory_are_handled(features: BuiltinFeatures) -> None:
    model = registry.load("builtin")
    memory = model.remember(features, 0, {15: np.zeros(SHAPE[1:], dtype=bool)})
    assert model.carry(memory, 16, 15)[1] == 0.0
    with pytest.raises(TypeError):
        model.carry(classic.SliceMemory.of(features, 0, {15: np.ones(SHAPE[1:], dtype=bool)}), 16, 15)


def test_on_a_long_way_the_network_is_asked_again_with_what_was_carried(
    features: BuiltinFeatures, column: np.ndarray
) -> None:
    asked = []

    def ask(masks: Mapping[int, np.ndarray]) -> np.ndarray:
        asked.append(sorted(masks))
        return answer(features, column)

    memory = remember(features, 0, {10: column[10]}, ask)
    for k in range(11, 30):
        carry(memory, k, k - 1)
    for k in range(9, 4, -1):
        carry(memory, k, k + 1)
    assert asked == [[10], [10, 18], [10, 26]]


def test_where_the_network_does_not_look_it_ends_nothing(features: BuiltinFeatures, column: np.ndarray) -> None:
    near = answer(features, column)
    k = features.pieces.centre[:, 0]
    near[(k < 12) | (k > 18)] = 0
    memory = remember(features, 0, {15: column[15]}, lambda masks: near)
    assert min(confidences(memory, 16, 26)) > LOWEST_CONFIDENCE
