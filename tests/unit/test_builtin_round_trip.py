"""A mask that is carried away and back has to be as large as it was given."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pytest
from scipy import ndimage

from app.engine.builtin.features import BuiltinFeatures, prepare_features
from app.engine.builtin.propagator import GuidedMemory, carry, remember
from app.engine.builtin.round_trip import threshold
from app.engine.protocol import Token
from app.geometry import Geometry
from app.volume import Volume

SHAPE = (25, 48, 48)
GIVEN = 12


@pytest.fixture(scope="module")
def column() -> np.ndarray:
    _, j, i = np.indices(SHAPE)
    return np.asarray((j - 24) ** 2 + (i - 24) ** 2 < 100)


@pytest.fixture(scope="module")
def features(column: np.ndarray) -> BuiltinFeatures:
    """The column with a border so blurred that the image leaves open where a person draws it."""
    soft = ndimage.gaussian_filter(column.astype(np.float32), (0, 2.5, 2.5))
    image = 50 + 60 * soft + np.random.default_rng(0).normal(0, 6, SHAPE)
    volume = Volume(image.astype(np.float32), Geometry(SHAPE, np.eye(4)))
    return prepare_features(volume, lambda done, what: None, Token())


def silent(features: BuiltinFeatures, given: dict[int, np.ndarray], place: float | None = None) -> GuidedMemory:
    """A memory whose network has no idea, with a weight of the last mask's depth other than its own if one is given."""
    memory = remember(features, 0, given, lambda masks: np.zeros(features.pieces.count, dtype=np.float32))
    if place is not None:
        memory.place, memory.near_threshold = place, 0.0
        memory.near_threshold = threshold(memory)
    return memory


def areas(memory: GuidedMemory, slices: Iterable[int]) -> np.ndarray:
    return np.array([int((carry(memory, k, k - 1)[0] > 0).sum()) for k in slices])


@pytest.mark.parametrize(("place", "wider"), [(2.0, -2), (2.0, 2), (None, -3), (None, 2), (None, 3)])
def test_what_was_drawn_inside_or_outside_of_a_blurred_edge_keeps_more_of_its_size(
    features: BuiltinFeatures, column: np.ndarray, place: float | None, wider: int
) -> None:
    change = ndimage.binary_dilation if wider > 0 else ndimage.binary_erosion
    drawn = change(column[GIVEN], iterations=abs(wider))
    memory, plain = (silent(features, {GIVEN: drawn}, place) for _ in range(2))
    plain.near_threshold = 0.0
    ours, without = (np.abs(areas(m, range(GIVEN + 1, GIVEN + 7)) - drawn.sum()) for m in (memory, plain))
    assert memory.near_threshold != 0.0
    assert ours.sum() < without.sum()


def test_the_trip_leaves_no_trace(features: BuiltinFeatures, column: np.ndarray) -> None:
    given = {GIVEN: column[GIVEN], GIVEN + 1: column[GIVEN + 1]}
    memory = silent(features, given)
    assert sorted(memory.masks) == sorted(given)
    assert all(np.array_equal(memory.masks[k], mask) for k, mask in given.items())
    assert memory.asked == {k: k for k in given}
    assert not memory.least


def test_the_threshold_is_bounded_and_the_same_again(features: BuiltinFeatures, column: np.ndarray) -> None:
    ball = ndimage.binary_erosion(column[GIVEN], iterations=8)
    found = silent(features, {GIVEN: ball}).near_threshold
    assert -0.75 <= found <= 0.75
    assert found == silent(features, {GIVEN: ball}).near_threshold


def test_far_from_the_given_slices_it_fades(features: BuiltinFeatures, column: np.ndarray) -> None:
    drawn = ndimage.binary_dilation(column[GIVEN], iterations=2)
    memory, found = silent(features, {GIVEN: drawn}), []
    for k in range(GIVEN + 1, SHAPE[0]):
        carry(memory, k, k - 1)
        found.append(memory.threshold / memory.near_threshold)
    np.testing.assert_allclose(found, [1 / (1 + n / 5) for n in range(len(found))])
    carry(memory, GIVEN - 1, GIVEN)
    assert memory.threshold == memory.near_threshold


def test_where_there_is_nowhere_to_go_nothing_is_asked_of_a_pixel(column: np.ndarray) -> None:
    image = np.random.default_rng(0).normal(50, 4, (1, 48, 48)).astype(np.float32)
    flat = prepare_features(Volume(image, Geometry((1, 48, 48), np.eye(4))), lambda done, what: None, Token())
    assert threshold(silent(flat, {0: column[0]})) == 0.0


@pytest.mark.parametrize("mask", [np.zeros(SHAPE[1:], bool), np.ones(SHAPE[1:], bool)])
def test_an_empty_and_a_full_slice_are_answered(features: BuiltinFeatures, mask: np.ndarray) -> None:
    assert -0.75 <= silent(features, {GIVEN: mask}).near_threshold <= 0.75


def test_many_given_slices_cost_no_more_trips_than_three(
    features: BuiltinFeatures, column: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = []
    stepped = GuidedMemory.step

    def step(self: GuidedMemory, index: int, previous: int) -> None:
        gone.append(index)
        stepped(self, index, previous)

    monkeypatch.setattr(GuidedMemory, "step", step)
    silent(features, {k: column[k] for k in range(2, 20)})
    assert len(gone) == 3 * 4
