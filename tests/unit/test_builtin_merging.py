"""Coarser pieces of whole pieces."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from app.engine.builtin.features import pack, prepare_features, unpack
from app.engine.builtin.merging import groups, merged
from app.engine.classic.supervoxels import Supervoxels, describe
from app.engine.protocol import Token
from app.geometry import Geometry
from app.volume import Volume
from tests.unit.pieces import partition

SHAPE, STEPS = (20, 44, 40), (2.0, 1.0, 1.0)
WANTED = 400
FIELDS = ("tone", "spread", "size", "centre", "first", "second", "contact", "step")


@pytest.fixture(scope="module")
def tone() -> np.ndarray:
    """Two tissues that meet at a wavy border, with a little noise."""
    k, j, i = np.indices(SHAPE)
    bright = i + 4 * np.sin(j / 6) + k > 26
    noise = np.random.default_rng(1).normal(0, 0.01, SHAPE)
    return np.clip(np.where(bright, 0.7, 0.3) + noise, 0, 1).astype(np.float32)


@pytest.fixture(scope="module")
def pieces(tone: np.ndarray) -> Supervoxels:
    return partition(tone, STEPS, 3_000)


@pytest.fixture(scope="module")
def part(pieces: Supervoxels) -> np.ndarray:
    return groups(pieces, STEPS, WANTED)


def test_there_are_about_as_many_as_wanted_and_each_is_connected(pieces: Supervoxels, part: np.ndarray) -> None:
    labels = merged(pieces, part).labels
    assert 0.7 * WANTED < part.max() + 1 < 1.5 * WANTED
    assert set(np.unique(part)) == set(range(part.max() + 1))
    assert all(ndimage.label(labels == n)[1] == 1 for n in range(part.max() + 1))


def test_none_crosses_an_edge_that_the_finer_pieces_keep(
    tone: np.ndarray, pieces: Supervoxels, part: np.ndarray
) -> None:
    bright = np.bincount(pieces.labels.ravel(), tone.ravel() > 0.5, pieces.count) / pieces.size
    pure = (bright < 0.02) | (bright > 0.98)
    for n in range(part.max() + 1):
        members = bright[(part == n) & pure] > 0.5
        assert members.all() or not members.any()


def test_they_are_described_as_if_they_had_been_cut_so(tone: np.ndarray, pieces: Supervoxels, part: np.ndarray) -> None:
    found = merged(pieces, part)
    expected = describe(part[pieces.labels], tone, STEPS)
    np.testing.assert_array_equal(found.labels, expected.labels)
    for name in FIELDS:
        np.testing.assert_allclose(getattr(found, name), getattr(expected, name), rtol=1e-4, atol=1e-5, err_msg=name)


def test_one_of_all_and_each_of_its_own(pieces: Supervoxels) -> None:
    assert groups(pieces, STEPS, 1).max() == 0
    own = merged(pieces, np.arange(pieces.count, dtype=np.int32))
    np.testing.assert_allclose(own.contact, pieces.contact, rtol=1e-6)


def test_a_volume_of_one_tone_and_a_single_slice_are_merged() -> None:
    for shape in ((1, 60, 60), (16, 16, 16)):
        flat = partition(np.full(shape, 0.5, dtype=np.float32), (1.0, 1.0, 1.0), 500)
        part = groups(flat, (1.0, 1.0, 1.0), 50)
        assert 20 < part.max() + 1 < 100
        assert merged(flat, part).size.sum() == np.prod(shape)


def test_the_far_view_comes_back_from_the_cache_as_it_was() -> None:
    volume = Volume(np.random.default_rng(0).random((16, 32, 32)).astype(np.float32), Geometry((16, 32, 32), np.eye(4)))
    features = prepare_features(volume, lambda fraction, what: None, Token())
    back = unpack(volume, pack(features))
    assert features.far is not None
    assert back.far is not None
    np.testing.assert_array_equal(back.far.part, features.far.part)
    np.testing.assert_array_equal(back.far.features.surroundings, features.far.features.surroundings)
    np.testing.assert_array_equal(back.far.features.pieces.contact, features.far.features.pieces.contact)
    assert back.far.features.far is None
