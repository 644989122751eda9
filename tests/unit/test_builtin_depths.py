"""What the network is told of depth: of pieces in the last answer, and of a correction in what was wrong."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from app.engine.builtin.depths import COUNT, depths
from app.engine.builtin.features import BuiltinFeatures, prepare_features
from app.engine.builtin.looking import Looking
from app.engine.classic.lattice import Lattice
from app.engine.classic.seeds import Seeds
from app.engine.protocol import Token
from app.geometry import Geometry
from app.prompts import Box, Point, Prompt, Scribble
from app.volume import Volume

SHAPE, SPACING = (40, 44, 48), (1.5, 1.0, 1.0)
CENTRE = (20, 22, 20)
IN_ANSWER, DEEP, AWAY, BEYOND = range(COUNT)


@pytest.fixture(scope="module")
def ball() -> np.ndarray:
    """16 mm across, brighter than what is around it."""
    away = (np.indices(SHAPE) - np.array(CENTRE)[:, None, None, None]) * np.array(SPACING)[:, None, None, None]
    return np.asarray(np.linalg.norm(away, axis=0) < 8)


@pytest.fixture(scope="module")
def features(ball: np.ndarray) -> BuiltinFeatures:
    image = (60 + 100 * ball + np.random.default_rng(0).normal(0, 5, SHAPE)).astype(np.float32)
    volume = Volume(image, Geometry(SHAPE, np.diag([*SPACING[::-1], 1.0])))
    return prepare_features(volume, lambda fraction, what: None, Token())


def looking(features: BuiltinFeatures, *prompts: Prompt, before: np.ndarray | None = None) -> Looking:
    made = Looking.of(features, Seeds.of(prompts, SHAPE, SPACING), before)
    assert made is not None
    return made


def told(features: BuiltinFeatures, *prompts: Prompt, before: np.ndarray | None = None) -> np.ndarray:
    return depths(looking(features, *prompts, before=before), np.arange(features.pieces.count))


def inside(features: BuiltinFeatures, mask: np.ndarray) -> np.ndarray:
    """(n,) pieces that lie in a mask."""
    count = features.pieces.count
    return np.asarray(np.bincount(features.pieces.labels.ravel(), mask.ravel(), count) / features.pieces.size > 0.5)


def test_depth_in_the_last_answer_is_that_of_the_distance_transform(
    features: BuiltinFeatures, ball: np.ndarray
) -> None:
    before = np.where(inside(features, ball), 5.0, -5.0)
    column = told(features, Point(CENTRE), Point((20, 22, 40), False), before=before)[:, IN_ANSWER]
    signed = ndimage.distance_transform_edt(ball, SPACING) - ndimage.distance_transform_edt(~ball, SPACING)
    cells = np.minimum(np.rint(features.pieces.centre / np.array(SPACING)).astype(int), np.array(SHAPE) - 1)
    depth = signed[tuple(cells.T)]
    far = np.abs(depth) > 1.5 * features.pitch
    assert (np.sign(column) == np.sign(depth))[far].all()
    assert np.corrcoef(column[far], np.sign(depth[far]) * np.log(np.abs(depth[far])))[0, 1] > 0.98


def test_a_correction_knows_how_deep_it_lies_in_what_was_wrong_and_which_way_that_goes_on(
    features: BuiltinFeatures, ball: np.ndarray
) -> None:
    half = ball.copy()
    half[:, :, CENTRE[2] + 1 :] = False  # what was answered ends 4 mm before the click
    before = np.where(inside(features, half), 5.0, -5.0)
    click = (CENTRE[0], CENTRE[1], CENTRE[2] + 4)
    columns = told(features, Point(CENTRE), Point(click), before=before)
    deep = (np.exp(3 * columns[0, DEEP]) - 0.1) * features.pitch
    assert deep == pytest.approx(4, abs=2)
    centre = features.pieces.centre
    beyond, behind = centre[:, 2] > click[2] + 6, centre[:, 2] < click[2] - 8
    level = np.linalg.norm((centre - np.array(CENTRE) * np.array(SPACING))[:, :2], axis=1) < 3
    assert columns[beyond & level, BEYOND].min() > 0.5
    assert columns[behind & level, BEYOND].max() < -0.5


def test_an_exclude_knows_how_thick_the_leak_is(features: BuiltinFeatures, ball: np.ndarray) -> None:
    leak = ball.copy()
    leak[:, :, 32:40] = True  # a slab of 8 mm beside the ball; the click is in its middle
    before = np.where(inside(features, leak), 5.0, -5.0)
    columns = told(features, Point(CENTRE), Point((20, 22, 35), False), before=before)
    assert (np.exp(3 * columns[0, DEEP]) - 0.1) * features.pitch == pytest.approx(4, abs=2)
    centre = features.pieces.centre
    middle = np.abs(centre[:, :2] - np.array([20 * SPACING[0], 22])).max(axis=1) < 3
    near, far = (middle & (centre[:, 2] > low) & (centre[:, 2] < high) for low, high in ((26, 31), (41, 46)))
    assert columns[near, BEYOND].max() < -0.5  # where the nearest is that was rightly left out
    assert columns[far, BEYOND].min() > 0.5


@pytest.mark.parametrize("first", [Point(CENTRE), Box((12, 14, 12), (28, 30, 28)), Scribble(((20, 22, 20),), True)])
def test_before_there_is_an_answer_only_what_classic_says_has_depth(features: BuiltinFeatures, first: Prompt) -> None:
    columns = told(features, first)
    assert columns[:, IN_ANSWER].any()
    assert not columns[:, [DEEP, AWAY, BEYOND]].any()


def test_an_answer_that_is_all_or_nothing_has_no_depth(features: BuiltinFeatures) -> None:
    for before in (np.full(features.pieces.count, 5.0), np.full(features.pieces.count, -5.0)):
        columns = told(features, Point(CENTRE), Point((20, 22, 40), False), before=before)
        assert not columns[:, IN_ANSWER].any()
        assert np.isfinite(columns).all()


def test_voxels_lie_where_the_pieces_that_hold_them_say() -> None:
    lattice = Lattice((9, 9, 9), (3, 3, 3), (1.5, 1.0, 0.5))
    middles = np.array([[1, 1, 1], [4, 4, 4], [7, 1, 4]])  # of cells (0, 0, 0), (1, 1, 1) and (2, 0, 1)
    assert lattice.millimetres(middles) == pytest.approx(np.array([[0, 0, 0], [4.5, 3, 1.5], [9, 0, 1.5]]))
