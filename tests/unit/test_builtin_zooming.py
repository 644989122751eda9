"""From how far away the network looks at what is clicked on."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from app.engine import registry
from app.engine.builtin.features import LARGE, BuiltinFeatures, prepare_features
from app.engine.builtin.zooming import at_its_size
from app.engine.protocol import Prior, Token
from app.geometry import Geometry, Region
from app.prompts import Point
from app.volume import Volume

SHAPE = (40, 40, 40)


class Asked:
    """Knows the object on the cells; counts from where it is asked."""

    def __init__(self, mask: np.ndarray, from_far: np.ndarray | None = None) -> None:
        self.masks, self.views = (mask, mask if from_far is None else from_far), []

    def __call__(self, features: BuiltinFeatures) -> np.ndarray:
        far = features.far is None
        self.views.append("far" if far else "near")
        pieces = features.pieces
        share = np.bincount(pieces.labels.ravel(), self.masks[far].ravel(), pieces.count) / pieces.size
        return (8 * share - 4).astype(np.float32)


@pytest.fixture(scope="module")
def features() -> BuiltinFeatures:
    return prepared(np.random.default_rng(0).normal(0, 10, SHAPE))


def prepared(image: np.ndarray) -> BuiltinFeatures:
    return prepare_features(
        Volume(image.astype(np.float32), Geometry(SHAPE, np.eye(4))), lambda done, what: None, Token()
    )


def ball(radius: float) -> np.ndarray:
    return np.asarray(np.linalg.norm(np.indices(SHAPE) - 20, axis=0) < radius)


def prior(mask: np.ndarray) -> Prior:
    return Prior(Region.whole(SHAPE), np.where(mask, 5.0, -5.0).astype(np.float32))


SMALL, BIG = ball(5), ball(17)


def test_what_these_masks_are(features: BuiltinFeatures) -> None:
    usual = np.median(features.pieces.size)
    assert SMALL.sum() / usual < 0.7 * LARGE < 1.4 * LARGE < BIG.sum() / usual
    assert features.far is not None
    assert 0.2 < features.far.features.pieces.count / features.pieces.count < 0.45


@pytest.mark.parametrize(
    ("mask", "last", "views"),
    [
        (SMALL, None, ["far", "near"]),
        (BIG, None, ["far"]),
        (SMALL, SMALL, ["near"]),
        (BIG, BIG, ["far"]),
        (BIG, SMALL, ["near", "far"]),
        (SMALL, BIG, ["far", "near"]),
    ],
)
def test_it_is_looked_at_where_it_is_large_or_small(
    features: BuiltinFeatures, mask: np.ndarray, last: np.ndarray | None, views: list[str]
) -> None:
    asked = Asked(mask)
    answer = at_its_size(features, asked, None if last is None else prior(last))
    assert asked.views == views
    inside = (answer > 0)[features.pieces.labels]
    assert 2 * (inside & mask).sum() / (inside.sum() + mask.sum()) > 0.8


def test_what_seems_small_near_by_is_believed_to_be_large_from_farther_away(features: BuiltinFeatures) -> None:
    asked = Asked(SMALL, from_far=BIG)
    answer = at_its_size(features, asked)
    assert asked.views == ["far"]
    assert (answer > 0)[features.pieces.labels].sum() > 0.8 * BIG.sum()


def test_a_volume_of_few_pieces_is_looked_at_once() -> None:
    volume = Volume(np.random.default_rng(0).random((6, 12, 12)).astype(np.float32), Geometry((6, 12, 12), np.eye(4)))
    few = prepare_features(volume, lambda done, what: None, Token())
    answer = at_its_size(few, lambda features: np.ones(features.pieces.count, dtype=np.float32))
    assert few.far is None
    assert answer.shape == (few.pieces.count,)


def test_a_shell_that_leaves_the_view_is_found_whole() -> None:
    """As a skull: bright, thin, large, in noise. Near by the network sees a part of it (Dice 0.70, 0.99 from afar)."""
    shape = (64, 64, 64)
    away = np.linalg.norm(np.indices(shape) - 31.5, axis=0)
    shell = (away > 24) & (away < 27)
    image = np.where(shell, 900.0, np.where(away < 24, 40.0, -950.0)) + np.random.default_rng(0).normal(0, 20, shape)
    volume = Volume(image.astype(np.float32), Geometry(shape, np.eye(4)))
    predictor = registry.load("builtin")
    features = predictor.prepare(volume, lambda done, what: None, Token())
    found = []
    for view in (features, replace(features, far=None)):
        prediction = predictor.predict(view, (Point((31, 31, 6)),), None)
        mask = np.zeros(shape, dtype=bool)
        mask[prediction.region.slices] = prediction.logits > 0
        found.append(2 * (mask & shell).sum() / (mask.sum() + shell.sum()))
    assert found[0] > 0.9
    assert found[1] < found[0] - 0.1
