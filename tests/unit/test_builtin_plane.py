"""Clicks that all lie on one slice: which slice that is, how it is looked at alone, and what becomes of the answer."""

from __future__ import annotations

import numpy as np
import pytest

from app.engine import registry
from app.engine.builtin import plane as module
from app.engine.builtin import predictor as predictor_module
from app.engine.builtin.plane import Plane, look
from app.engine.classic.refinement import SURE
from app.engine.evaluation import dice
from app.engine.evaluation.clickers import whole
from app.engine.protocol import Prediction, Predictor, Prior, Token
from app.geometry import Geometry, Region
from app.prompts import Box, Point, Prompt, Scribble, SliceMask
from app.volume import Volume

SHAPE = (20, 44, 52)
SPACING = (3.0, 1.0, 0.5)
IN, OUT = Point((9, 20, 26)), Point((9, 20, 44), positive=False)


def scan(seed: int = 0) -> tuple[Volume, np.ndarray]:
    """An ellipsoid with noise, in thick slices; and its mask."""
    k, j, i = np.ogrid[: SHAPE[0], : SHAPE[1], : SHAPE[2]]
    organ = ((k - 9) / 6) ** 2 + ((j - 20) / 11) ** 2 + ((i - 26) / 15) ** 2 < 1
    image = 50 + 60 * organ + np.random.default_rng(seed).normal(0, 15, SHAPE)
    return Volume(image.astype(np.float32), Geometry(SHAPE, np.diag([*SPACING[::-1], 1.0]))), organ


@pytest.fixture(scope="module")
def predictor() -> Predictor:
    return registry.load("builtin")


def predicted(predictor: Predictor, volume: Volume, prompts: tuple[Prompt, ...], prior: Prior | None) -> Prediction:
    return predictor.predict(predictor.prepare(volume, lambda fraction, what: None, Token()), prompts, prior)


@pytest.mark.parametrize(
    ("prompts", "expected"),
    [
        ((IN,), None),  # one click lies on three slices
        ((IN, OUT), (0, 9)),  # and on row 20, but slices are thicker
        ((IN, Point((9, 20, 44), axis=1)), (1, 20)),  # clicked in that view
        ((Point((9, 20, 26), axis=0), Point((9, 20, 44), axis=1)), None),
        ((IN, Point((12, 30, 40))), None),
        ((IN, Point((12, 30, 26))), (2, 26)),
        ((IN, OUT, Point((10, 20, 30))), (1, 20)),
        ((IN, Scribble(((9, 22, 24), (9, 23, 25)))), (0, 9)),
        ((IN, Scribble(((9, 22, 24), (10, 23, 25)))), None),
        ((IN, OUT, Box((9, 10, 10), (10, 30, 40))), None),
        ((IN, OUT, SliceMask(0, 9, np.ones(SHAPE[1:], bool))), None),
        ((OUT, Point((9, 30, 48), positive=False)), None),
        ((), None),
    ],
)
def test_which_slice_several_clicks_lie_on(prompts: tuple[Prompt, ...], expected: tuple[int, int] | None) -> None:
    found = Plane.of(prompts, scan()[0].geometry)
    assert (found and (found.axis, found.index)) == expected


def test_a_volume_of_one_slice_is_not_looked_at_twice() -> None:
    flat = Geometry((1, *SHAPE[1:]), np.eye(4))
    clicks = (Point((0, 20, 26)), Point((0, 22, 44), positive=False))
    assert Plane.of(clicks, flat) is None
    assert Plane.of(clicks, Geometry((2, *SHAPE[1:]), np.eye(4))) == Plane(0, 0)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_slice_alone_shows_what_the_volume_shows_there(axis: int) -> None:
    volume, _ = scan()
    plane, index = Plane(axis, 7), (7, 7, 7)
    alone = plane.alone(volume)
    click, stroke = plane.flat((Point(index, positive=False), Scribble((index,))))
    assert isinstance(click, Point)
    assert isinstance(stroke, Scribble)
    assert not click.positive
    assert stroke.indices == (click.index,)
    assert alone.array[click.index] == volume.array[index]
    np.testing.assert_array_equal(alone.array[0], np.take(volume.array, 7, axis))
    np.testing.assert_allclose(alone.geometry.spacing[1:], np.delete(SPACING, axis))


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_an_answer_on_a_slice_goes_out_and_comes_back_to_its_place(axis: int) -> None:
    region = Region((2, 3, 4), (12, 13, 14))
    logits = np.random.default_rng(1).uniform(-3, 3, region.shape).astype(np.float32)
    plane = Plane(axis, 8)
    prior = plane.prior(Prior(region, logits), SHAPE)
    assert prior.logits.shape == prior.region.shape == (1, *np.delete(SHAPE, axis))
    rows, columns = np.delete(np.array([s.start for s in region.slices]), axis)
    on_it = prior.logits[0, rows : rows + 10, columns : columns + 10]
    np.testing.assert_array_equal(on_it, np.take(logits, 8 - region.start[axis], axis))
    assert (prior.logits == -SURE).sum() == prior.region.size - 100
    back = plane.write(Prediction(region, logits), plane.pixels_alone(Prediction(prior.region, prior.logits), SHAPE))
    assert back.region == region
    np.testing.assert_array_equal(back.logits, logits)


def test_beside_an_answer_there_is_nothing_on_the_slice() -> None:
    prior = Plane(0, 1).prior(Prior(Region((2, 3, 4), (12, 13, 14)), np.ones((10, 10, 10), np.float32)), SHAPE)
    assert prior.region.shape == prior.logits.shape == (0, 0, 0)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_an_answer_with_another_slice_grows_as_far_as_that_is_inside(axis: int) -> None:
    answer = Prediction(Region((4, 4, 4), (10, 10, 10)), np.full((6, 6, 6), 1.0, np.float32), (1, 2, 2))
    pixels = np.full(np.delete(SHAPE, axis), -3.0, np.float32)
    pixels[2:7, 8:12] = 2.0
    new = Plane(axis, 5).write(answer, pixels)
    assert np.delete(new.region.start, axis).tolist() == [2, 4]
    assert np.delete(new.region.stop, axis).tolist() == [10, 12]
    assert (new.region.start[axis], new.region.stop[axis], new.blocks) == (4, 10, (1, 2, 2))
    np.testing.assert_array_equal(np.take(new.logits, 1, axis), pixels[2:10, 4:12])
    beside = np.delete(new.logits, 1, axis)
    assert set(np.unique(beside)) == {1.0, -SURE}
    assert (beside == 1).sum() == 5 * 6 * 6


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_slice_beside_the_answer_becomes_part_of_it_only_where_it_is_inside(axis: int) -> None:
    answer = Prediction(Region((4, 4, 4), (10, 10, 10)), np.full((6, 6, 6), 1.0, np.float32))
    pixels = np.full(np.delete(SHAPE, axis), -3.0, np.float32)
    same = Plane(axis, 14).write(answer, pixels)
    assert (same.region, same.logits.min()) == (answer.region, 1.0)
    pixels[5, 6] = 2.0
    grown = Plane(axis, 14).write(answer, pixels)
    assert grown.region.stop[axis] == 15
    assert (np.take(grown.logits, -1, axis) > 0).sum() == 1
    assert (grown.logits > 0).sum() == 6**3 + 1


def test_a_slice_is_prepared_once_and_lives_as_long_as_its_volumes_features(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Volume] = []
    prepare = module.prepare_features
    monkeypatch.setattr(module, "prepare_features", lambda alone, *rest: (made.append(alone), prepare(alone, *rest))[1])
    features = prepare(scan()[0], lambda fraction, what: None, Token())
    first = look(features, Plane(0, 9))
    assert look(features, Plane(0, 9)) is first
    assert first.features.volume.shape == (1, *SHAPE[1:])
    for index in range(module._KEPT):
        look(features, Plane(1, index))
    assert look(features, Plane(0, 9)) is not first
    assert len(features.alone) == module._KEPT
    assert len(made) == 1 + module._KEPT + 1


def test_a_correction_on_the_same_slice_changes_only_that_slice_more_than_the_volume_would(
    predictor: Predictor, monkeypatch: pytest.MonkeyPatch
) -> None:
    volume, organ = scan()
    first = predicted(predictor, volume, (IN,), None)
    prior = Prior(first.region, first.logits)
    ours = predicted(predictor, volume, (IN, OUT), prior)
    with monkeypatch.context() as without:
        without.setattr(Plane, "of", lambda prompts, geometry: None)
        volumes = predicted(predictor, volume, (IN, OUT), prior)
    mine, theirs = (whole(answer, SHAPE) for answer in (ours, volumes))
    np.testing.assert_array_equal(np.delete(mine, 9, 0), np.delete(theirs, 9, 0))
    assert not np.array_equal(ours.logits, volumes.logits)
    assert dice(mine[9], organ[9]) > 0.95
    assert mine[IN.index]
    assert not mine[OUT.index]
    assert ours.blocks == volumes.blocks


def test_prompts_hold_on_their_pixels_against_both(predictor: Predictor) -> None:
    volume, _ = scan()
    inside, outside = (Point((9, 20, i), positive=i > 26) for i in (28, 25))
    mask = whole(predicted(predictor, volume, (IN, OUT, inside, outside), None), SHAPE)
    assert mask[inside.index]
    assert not mask[outside.index]


def test_what_was_painted_or_carried_is_not_looked_at_anew(
    predictor: Predictor, monkeypatch: pytest.MonkeyPatch
) -> None:
    volume, organ = scan()
    seed = Prior(Region.whole(SHAPE), np.where(np.roll(organ, 8, 2), 5.0, -5.0).astype(np.float32), seed=True)
    monkeypatch.setattr(predictor_module, "look", lambda *_: pytest.fail("looked at a slice alone"))
    assert whole(predicted(predictor, volume, (Point((9, 20, 34)), OUT), seed), SHAPE).any()


def test_excludes_alone_are_no_object(predictor: Predictor) -> None:
    volume, _ = scan()
    prompts = (OUT, Point((9, 30, 48), positive=False))
    assert not whole(predicted(predictor, volume, prompts, None), SHAPE).any()
