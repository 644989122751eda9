"""What the built-in network is told of the image around a piece: shape, texture and density."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from app.engine import registry
from app.engine.builtin.features import BuiltinFeatures, pack, prepare_features, unpack
from app.engine.builtin.surroundings import COUNT, SEEN, eigenvalues, in_hounsfield, surroundings
from app.engine.code_digest import digest
from app.engine.protocol import Token
from app.geometry import Geometry
from app.volume import Volume

MIDDLE = np.array((20, 20, 20))
FIRST, SECOND, LAST = 2, 3, 4
"""Columns of a scale that hold the curvatures."""


def test_eigenvalues_equal_numpys():
    matrices = np.random.default_rng(0).normal(size=(500, 3, 3))
    matrices += matrices.transpose(0, 2, 1)
    matrices[:3] = np.zeros((3, 3)), np.eye(3), np.diag([2.0, 2.0, -1.0])
    expected = np.linalg.eigvalsh(matrices)[:, ::-1]
    np.testing.assert_allclose(np.stack(eigenvalues(matrices), axis=1), expected, atol=1e-9)


@pytest.mark.parametrize(
    ("across", "bent"),
    [((0,), (False, False, True)), ((0, 1), (False, True, True)), ((0, 1, 2), (True, True, True))],
    ids=["sheet", "tube", "lump"],
)
def test_a_bright_sheet_is_bent_one_way_a_tube_two_and_a_lump_three(across, bent):
    offsets = np.indices((41, 41, 41)) - MIDDLE[:, None, None, None]
    away = np.sqrt(sum((offsets[axis] ** 2 for axis in across), start=np.zeros((41, 41, 41))))
    numbers = _near_the_middle(np.where(away < 2.5, 1.0, 0.0))
    curves = numbers[[FIRST, SECOND, LAST]]
    assert curves[-1] < -0.05
    np.testing.assert_array_equal(curves / curves[-1] > 0.5, bent)


def test_a_dark_lump_is_bent_the_other_way():
    away = np.linalg.norm(np.indices((41, 41, 41)) - MIDDLE[:, None, None, None], axis=0)
    curves = _near_the_middle(np.where(away < 2.5, 0.0, 1.0))[[FIRST, SECOND, LAST]]
    assert curves.min() > 0.5 * curves.max() > 0


def test_density_is_told_of_a_ct_and_of_nothing_else():
    random = np.random.default_rng(1)
    image = np.select([np.indices((24, 24, 24))[0] < at for at in (6, 12, 18)], [-1000, -80, 50], 400)
    image = image + random.normal(0, 5, image.shape)
    dense = surroundings(_prepared(image))[:, SEEN:]
    assert (dense[:, 0] == 1).all()
    layers = np.array([-1.0, -0.08, 0.05, 0.4])
    assert np.abs(dense[:, 1:2] - layers).min(axis=1).max() < 0.03
    assert (np.abs(dense[:, 1:2] - layers).min(axis=0) < 0.03).all()
    assert (surroundings(_prepared((image + 1000) * 0.3))[:, SEEN:] == 0).all()
    soft = image[12:18]
    assert (surroundings(_prepared(soft))[:, SEEN:] == 0).all()
    assert (surroundings(_prepared(soft, "CT"))[:, SEEN] == 1).all()


@pytest.mark.parametrize(
    ("values", "expected"),
    [((-1024, 1800), True), ((-1000, 90), False), ((0, 4000), False), ((-32768, 32767), False)],
    ids=["CT", "no contrast agent or bone", "MR", "any 16 bits"],
)
def test_a_ct_is_known_by_its_values(values, expected):
    assert in_hounsfield(np.array(values, float)) is expected


@pytest.mark.parametrize("shape", [(1, 30, 40), (2, 2, 2), (30, 1, 1), (5, 64, 64)])
def test_every_shape_has_finite_numbers(shape):
    numbers = surroundings(_prepared(np.random.default_rng(0).random(shape)))
    assert numbers.shape[1] == COUNT
    assert np.isfinite(numbers).all()
    assert np.abs(numbers).max() <= 1.5


def test_features_come_back_from_the_cache_as_they_were():
    features = _prepared(np.random.default_rng(0).random((12, 14, 16)))
    back = unpack(features.volume, pack(features))
    np.testing.assert_array_equal(back.surroundings, features.surroundings)
    np.testing.assert_array_equal(back.pieces.labels, features.pieces.labels)


def _near_the_middle(image: NDArray[np.float64]) -> NDArray[np.float32]:
    """Numbers of the piece in the middle at the second scale, which is as wide as the object."""
    noise = 0.05 * np.random.default_rng(0).standard_normal(image.shape)
    features = _prepared(image + noise)
    return features.surroundings[features.pieces.labels[tuple(MIDDLE)], 6:12]


def _prepared(image: NDArray[np.floating], modality: str = "") -> BuiltinFeatures:
    k, j, i = image.shape
    volume = Volume(image.astype(np.float32), Geometry((k, j, i), np.eye(4)), modality)
    return prepare_features(volume, lambda fraction, what: None, Token(), 3000)


def test_features_made_by_other_code_are_not_used():
    """The digest under which they are cached covers this module, and `classic`'s with it."""
    own = digest("app.engine.builtin.features")
    assert registry.load("builtin").version == own
    assert own != registry.load("classic").version == digest("app.engine.classic.features")
