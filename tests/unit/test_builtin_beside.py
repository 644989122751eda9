"""What the network for slices is told: where pieces lie beside the given masks, in units of what those are like."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from app.engine.builtin.beside import COUNT, beside
from app.engine.builtin.features import BuiltinFeatures, prepare_features
from app.engine.builtin.looking import Looking
from app.engine.classic.seeds import Seeds
from app.engine.classic.signed_distance import signed_distance
from app.engine.protocol import Token
from app.geometry import Geometry
from app.prompts import SliceMask
from app.volume import Volume

SHAPE, SPACING = (30, 44, 48), (2.0, 1.0, 1.25)
CENTRE, RADIUS = np.array([14, 22, 20]), 12.0
TO_PITCH, TO_RADIUS, TO_CIRCLE, DEPTH, ABOVE, AREA, BETWEEN = range(COUNT)


@pytest.fixture(scope="module")
def ball() -> np.ndarray:
    ways = (np.indices(SHAPE) - CENTRE[:, None, None, None]) * np.array(SPACING)[:, None, None, None]
    return np.asarray(np.linalg.norm(ways, axis=0) < RADIUS)


@pytest.fixture(scope="module")
def features() -> BuiltinFeatures:
    image = np.random.default_rng(0).normal(0, 5, SHAPE).astype(np.float32)
    volume = Volume(image, Geometry(SHAPE, np.diag([*SPACING[::-1], 1.0])))
    return prepare_features(volume, lambda fraction, what: None, Token(), 1_500)


def at_slices(features: BuiltinFeatures, *drawn: SliceMask) -> Looking | None:
    return Looking.at_slices(features, Seeds.of(drawn, SHAPE, SPACING))


def told(features: BuiltinFeatures, ball: np.ndarray, axis: int, *indices: int) -> np.ndarray:
    looking = at_slices(features, *(SliceMask(axis, n, np.take(ball, n, axis)) for n in indices))
    assert looking is not None
    return beside(looking, np.arange(features.pieces.count)).astype(np.float64)


def length(column: np.ndarray) -> np.ndarray:
    """In the unit that the logarithm was taken in."""
    return np.exp(3 * column) - 0.1


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_pieces_inside_a_ball_are_known_from_a_cut_through_its_middle(
    features: BuiltinFeatures, ball: np.ndarray, axis: int
) -> None:
    made = told(features, ball, axis, CENTRE[axis])
    ways = features.pieces.centre - CENTRE * np.array(SPACING)  # every voxel is a cell
    np.testing.assert_allclose(length(made[:, TO_PITCH]) * features.pitch, np.abs(ways[:, axis]), atol=0.02)
    np.testing.assert_allclose(length(made[:, TO_CIRCLE]) * RADIUS, np.abs(ways[:, axis]), rtol=0.05, atol=0.3)
    np.testing.assert_allclose(length(made[:, TO_RADIUS]), length(made[:, TO_CIRCLE]), rtol=0.15, atol=0.02)
    from_middle = np.linalg.norm(ways, axis=1)
    assert (made[from_middle < 0.8 * RADIUS, ABOVE] < 0).all()
    assert (made[from_middle > 1.2 * RADIUS, ABOVE] >= 0).all()
    in_plane = np.linalg.norm(np.delete(ways, axis, axis=1), axis=1)
    seen = in_plane < 1.5 * RADIUS
    np.testing.assert_allclose(made[seen, DEPTH], 1 - in_plane[seen] / RADIUS, atol=0.25)
    assert (made[:, [AREA, BETWEEN]] == 0).all()


def test_the_nearest_slice_speaks_and_smaller_ones_say_so(features: BuiltinFeatures, ball: np.ndarray) -> None:
    both = told(features, ball, 0, 14, 18)
    first, second = told(features, ball, 0, 14), told(features, ball, 0, 18)
    k = features.pieces.centre[:, 0] / SPACING[0]
    early, late = k < 15.9, k > 16.1
    np.testing.assert_array_equal(both[early, :AREA], first[early, :AREA])
    np.testing.assert_array_equal(both[late, :AREA], second[late, :AREA])
    assert (both[early, AREA] == 0).all()
    np.testing.assert_allclose(both[late, AREA], np.log((ball[18].sum() + 1) / (ball[14].sum() + 1)) / 3, atol=1e-6)
    np.testing.assert_array_equal(both[:, BETWEEN], (k > 14) & (k < 18))


def test_masks_of_little_none_and_all_are_told_in_bounds(features: BuiltinFeatures, ball: np.ndarray) -> None:
    one = np.zeros(SHAPE[1:], bool)
    one[3:9, 4:10] = True
    for masks in ([one], [np.ones_like(one)], [ball[14], np.zeros_like(one)]):
        looking = at_slices(features, *(SliceMask(0, 14 + n, mask) for n, mask in enumerate(masks)))
        assert looking is not None
        made = beside(looking, np.arange(features.pieces.count))
        assert np.isfinite(made).all()
        assert np.abs(made).max() <= 2
    assert at_slices(features, SliceMask(0, 3, np.zeros_like(one))) is None


def test_the_signed_distance_is_that_of_the_distance_transform_to_half_a_pixel() -> None:
    mask = np.zeros((20, 30), bool)
    mask[5:12, 8:21] = True
    steps = (1.0, 2.0)
    made = signed_distance(mask, steps)
    plain = ndimage.distance_transform_edt(mask, steps) - ndimage.distance_transform_edt(~mask, steps)
    np.testing.assert_allclose(np.abs(made - plain), 0.5, atol=1e-5)
    assert ((made > 0) == mask).all()
    rim = np.zeros((6, 6), bool)
    rim[:, 2:] = True
    assert (signed_distance(rim, (1.0, 1.0))[:, 5] == 3.5).all()  # an object goes on beyond the rim of its image
    assert (signed_distance(np.zeros((3, 4), bool), (1.0, 1.0)) == -5).all()
