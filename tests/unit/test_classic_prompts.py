"""What each kind of prompt can rely on with both predictors on supervoxels, beyond clicks on a clean phantom."""

from __future__ import annotations

import numpy as np
import pytest

from app.engine import registry
from app.engine.classic import ClassicPredictor
from app.engine.classic.features import Features
from app.engine.evaluation import dice
from app.engine.evaluation.clickers import whole
from app.engine.protocol import Prior, Token
from app.errors import Cancelled
from app.geometry import Geometry, Region
from app.prompts import Box, Point, Prompt, Scribble, SliceMask
from app.volume import Volume

SHAPE = (40, 44, 48)
CENTRE = (20, 22, 24)


def ball(shape=SHAPE, centre=CENTRE, radius=10.0) -> np.ndarray:
    grid = np.ogrid[tuple(map(slice, shape))]
    return sum((g - c) ** 2 for g, c in zip(grid, centre, strict=True)) <= radius**2


def noisy(mask: np.ndarray) -> Volume:
    array = 100 + 60 * mask + np.random.default_rng(0).normal(0, 15, mask.shape)
    return Volume(array.astype(np.int16), Geometry(mask.shape, np.eye(4)))


class Asked:
    """Whom the tests ask: each of them both."""

    id = "classic"


@pytest.fixture(scope="module", params=["classic", "builtin"], autouse=True)
def model(request: pytest.FixtureRequest) -> str:
    Asked.id = request.param
    return Asked.id


def prepared_for(volume: Volume) -> tuple[ClassicPredictor, Features]:
    predictor = registry.load(Asked.id)
    assert isinstance(predictor, ClassicPredictor)
    return predictor, predictor.prepare(volume, lambda fraction, what: None, Token())


@pytest.fixture(scope="module")
def on_sphere(model: str) -> tuple[ClassicPredictor, Features]:
    return prepared_for(noisy(ball()))


def ask(prepared: tuple[ClassicPredictor, Features], *prompts: Prompt, prior: Prior | None = None) -> np.ndarray:
    predictor, features = prepared
    prediction = predictor.predict(features, prompts, prior)
    assert prediction.logits.shape == prediction.region.shape
    assert prediction.logits.dtype == np.float32
    assert np.isfinite(prediction.logits).all()
    return whole(prediction, features.volume.shape)


def test_an_exclude_click_takes_a_touching_neighbour_away():
    left, right = ball(centre=(20, 22, 14), radius=9), ball(centre=(20, 22, 33), radius=10)
    prepared = prepared_for(noisy(left | right))
    before = ask(prepared, Point((20, 22, 14)))
    after = ask(prepared, Point((20, 22, 14)), Point((20, 22, 33), positive=False))
    assert dice(after, left) > 0.85
    assert dice(after, left) >= dice(before, left)
    assert (after & right & ~left).sum() < 0.15 * right.sum()


@pytest.mark.parametrize("last", [True, False])
def test_of_two_prompts_on_one_voxel_the_newest_wins(on_sphere, last):
    found = ask(on_sphere, Point(CENTRE), Point((14, 22, 24), not last), Point((14, 22, 24), last))
    assert found[14, 22, 24] == last


def test_excludes_alone_find_nothing(on_sphere):
    assert not ask(on_sphere, Point(CENTRE, positive=False)).any()


def test_a_box_cuts_an_object_that_goes_on(on_sphere):
    found = ask(on_sphere, Point((15, 22, 24)), Box((5, 5, 5), (20, 40, 44)))
    assert not found[21:].any()
    assert dice(found[:21], ball()[:21]) > 0.85


def test_a_box_drawn_on_one_slice_gives_a_3d_object_bounded_on_that_slice(on_sphere):
    found = ask(on_sphere, Box((20, 11, 13), (20, 33, 35)))
    assert dice(found, ball()) > 0.8
    beside = np.ones(SHAPE[1:], bool)
    beside[11:34, 13:36] = False
    assert not (found[20] & beside).any()


def test_an_exclude_scribble_holds_on_all_its_voxels(on_sphere):
    inside = Scribble([(20, 22, i) for i in range(17, 31)])
    outside = Scribble([(20, j, 32) for j in range(18, 27)], positive=False)
    found = ask(on_sphere, inside, outside)
    assert all(found[index] for index in inside.indices)
    assert not any(found[index] for index in outside.indices)
    assert dice(found, ball()) > 0.7


def test_a_drawing_wins_over_the_image_on_its_slice_and_grows_beyond_it(on_sphere):
    drawn = ball()[20].copy()
    drawn[22, 24] = False  # a hole that the image does not show
    found = ask(on_sphere, SliceMask(0, 20, drawn))
    assert np.array_equal(found[20], drawn)
    assert dice(found, ball()) > 0.85
    assert not ask(on_sphere, SliceMask(0, 20, ball()[20]), Point(CENTRE, positive=False))[CENTRE]


def test_far_from_the_border_the_model_is_surer_than_at_it(on_sphere):
    predictor, features = on_sphere
    prediction = predictor.predict(features, (Point(CENTRE),), None)
    logits = np.full(SHAPE, -6.0, np.float32)
    logits[prediction.region.slices] = prediction.logits
    shell = ball(radius=11) & ~ball(radius=9)
    assert np.abs(logits[ball(radius=5)]).mean() > 1.5 * np.abs(logits[shell]).mean()


def test_a_large_volume_is_coarsened_but_answered_on_its_own_grid():
    mask = ball((160, 190, 190), (75, 100, 90), 45)
    prepared = prepared_for(noisy(mask))
    assert prepared[1].lattice.factors != (1, 1, 1)
    found = ask(prepared, Point((75, 100, 90)), Point((75, 100, 170), positive=False))
    assert dice(found, mask) > 0.9
    assert found[75, 100, 90]
    assert not found[75, 100, 170]


def test_a_painted_mask_yields_only_near_a_prompt_that_contradicts_it(on_sphere):
    painted = ball(radius=7)
    painted[2:8, 2:8, 2:8] = True  # the image knows nothing of this
    prior = Prior(Region.whole(SHAPE), np.where(painted, 4, -4).astype(np.float32), seed=True)
    assert np.array_equal(ask(on_sphere, prior=prior), painted)
    grown = ask(on_sphere, Point((20, 22, 32)), prior=prior)
    assert grown[20, 22, 32]
    assert np.array_equal(grown[:10, :10, :10], painted[:10, :10, :10])
    assert grown.sum() > painted.sum()
    cut = ask(on_sphere, Point((5, 5, 5), positive=False), prior=prior)
    assert not cut[5, 5, 5]
    assert np.array_equal(cut[13:], painted[13:])


def test_an_empty_seed_with_a_click_starts_an_object(on_sphere):
    prior = Prior(Region.whole(SHAPE), np.full(SHAPE, -4, np.float32), seed=True)
    assert not ask(on_sphere, prior=prior).any()
    assert ask(on_sphere, Point(CENTRE), prior=prior)[CENTRE]


def test_with_the_last_answer_as_prior_a_far_click_changes_little(on_sphere):
    predictor, features = on_sphere
    first = predictor.predict(features, (Point(CENTRE),), None)
    prompts = (Point(CENTRE), Point((20, 22, 44), positive=False))
    found = ask(on_sphere, *prompts, prior=Prior(first.region, first.logits))
    assert dice(found, whole(first, SHAPE)) > 0.95


def test_preparation_can_be_cancelled():
    token = Token()
    token.cancel()
    with pytest.raises(Cancelled):
        registry.load(Asked.id).prepare(noisy(ball()), lambda fraction, what: None, token)
