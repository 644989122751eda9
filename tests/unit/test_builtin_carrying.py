"""The network that sees every carried slice once more: what it is told, and what is made of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from app.engine.builtin.features import BuiltinFeatures, prepare_features
from app.engine.builtin.propagator import Correct, GuidedMemory, carry, remember
from app.engine.builtin.square import SIDE
from app.engine.builtin.square_network import SquareNetwork
from app.engine.builtin.step_features import GIVEN_DEPTH, LOGITS, MAPS, NUMBERS, ON_SLICE
from app.engine.classic.refinement import SURE
from app.engine.protocol import Token
from app.geometry import Geometry
from app.volume import Volume

WEIGHTS = Path(__file__).parents[2] / "models" / "builtin" / "carry.safetensors"
SHAPE = (12, 48, 52)
GIVEN = 5


@pytest.fixture(scope="module")
def column() -> np.ndarray:
    _, j, i = np.indices(SHAPE)
    return np.asarray((j - 24) ** 2 + (i - 26) ** 2 < 100)


def scan(column: np.ndarray, gain: float = 1.0, offset: float = 0.0) -> BuiltinFeatures:
    image = 50 + 60 * column + np.random.default_rng(0).normal(0, 6, SHAPE)
    volume = Volume((gain * image + offset).astype(np.float32), Geometry(SHAPE, np.eye(4)))
    return prepare_features(volume, lambda done, what: None, Token())


@pytest.fixture(scope="module")
def features(column: np.ndarray) -> BuiltinFeatures:
    return scan(column)


def memory_of(features: BuiltinFeatures, column: np.ndarray, correct: Correct | None) -> GuidedMemory:
    nothing = np.zeros(features.pieces.count, dtype=np.float32)
    return remember(features, 0, {GIVEN: column[GIVEN]}, lambda masks: nothing, correct)


def told(features: BuiltinFeatures, column: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What it is told of the slice beside the given one."""
    heard: list[tuple[np.ndarray, np.ndarray]] = []

    def listen(maps: np.ndarray, numbers: np.ndarray) -> np.ndarray:
        heard.append((maps, numbers))
        return np.zeros((SIDE, SIDE), np.float32)

    carry(memory_of(features, column, listen), GIVEN + 1, GIVEN)
    return heard[-1]


def test_it_is_told_maps_of_small_numbers_that_no_scanners_units_change(
    features: BuiltinFeatures, column: np.ndarray
) -> None:
    maps, numbers = told(features, column)
    assert (maps.shape, numbers.shape, maps.dtype, numbers.dtype) == (
        (MAPS, SIDE, SIDE),
        (NUMBERS,),
        np.float32,
        np.float32,
    )
    assert np.abs(maps).max() <= 1
    assert np.abs(numbers).max() <= 2
    again, as_many = told(scan(column, 7.0, -300.0), column)
    assert np.abs(maps - again).mean() < 0.01
    np.testing.assert_allclose(numbers, as_many, atol=0.05)
    inside = maps[GIVEN_DEPTH] > 0  # depth in the given mask, in whose middle the square lies
    assert inside.sum() == column[GIVEN].sum()
    assert (maps[LOGITS][inside] > 0).mean() > 0.95
    assert maps[ON_SLICE].min() == 0  # points beyond the slice
    assert maps[ON_SLICE].max() == 1


def test_what_it_adds_counts_near_the_last_mask_and_nowhere_else(features: BuiltinFeatures, column: np.ndarray) -> None:
    more = memory_of(features, column, lambda maps, numbers: np.full((SIDE, SIDE), 50, np.float32))
    less = memory_of(features, column, lambda maps, numbers: np.full((SIDE, SIDE), -50, np.float32))
    plain = memory_of(features, column, None)
    wide, none, usual = (carry(memory, GIVEN + 1, GIVEN)[0] for memory in (more, less, plain))
    assert not (none > 0).any()
    assert (usual > 0).sum() < (wide > 0).sum() < 3 * (usual > 0).sum()
    assert ((usual > 0) <= (wide > 0)).all()


def test_it_corrects_the_very_logits_that_it_is_told(features: BuiltinFeatures, column: np.ndarray) -> None:
    silent = memory_of(features, column, None)
    mirrored = memory_of(features, column, lambda maps, numbers: -4 * SURE * maps[LOGITS])  # half is heeded
    mirrored.near_threshold = silent.near_threshold = 0.0
    mirrored.place = silent.place = 2.0  # a border along which many logits are small
    before, after = (carry(memory, GIVEN + 1, GIVEN)[0] for memory in (silent, mirrored))
    near = np.abs(before) < 6
    np.testing.assert_allclose(after[near], -before[near], atol=1e-4)
    assert near.sum() > column[GIVEN].sum()


def test_slices_at_the_rim_of_a_scan_and_masks_of_a_pixel_are_carried(features: BuiltinFeatures) -> None:
    network = SquareNetwork.load(WEIGHTS)
    for place in ((slice(0, 1), slice(0, 1)), (slice(0, 48), slice(0, 52)), (slice(47, 48), slice(20, 30))):
        mask = np.zeros(SHAPE[1:], dtype=bool)
        mask[place] = True
        nothing = np.zeros(features.pieces.count, dtype=np.float32)
        memory = remember(features, 0, {0: mask}, lambda masks, idea=nothing: idea, network)
        logits, confidence = carry(memory, 1, 0)
        assert np.isfinite(logits).all()
        assert 0 <= confidence <= 1


def test_in_an_image_without_a_difference_a_mask_is_carried_all_the_same(column: np.ndarray) -> None:
    volume = Volume(np.full(SHAPE, 7, np.float32), Geometry(SHAPE, np.eye(4)))
    features = prepare_features(volume, lambda done, what: None, Token())
    logits, _ = carry(memory_of(features, column, SquareNetwork.load(WEIGHTS)), GIVEN + 1, GIVEN)
    assert np.isfinite(logits).all()
