"""From prompts to the volume's voxels, with a threshold in the network's place: zoom and geometry alone."""

from __future__ import annotations

import numpy as np
import pytest

from app.engine.evaluation import dice
from app.engine.model_card import ModelCard
from app.engine.propagation import propagate
from app.engine.protocol import Prediction, Prior, Propagate, Propagated, SliceAnswer, Token
from app.engine.trial import hints, maps
from app.engine.trial.features import Features
from app.engine.trial.predictor import TrialPredictor
from app.engine.trial.pyramid import Pyramid
from app.geometry import Geometry, Region
from app.prompts import Box, Point, Scribble, SliceMask
from app.volume import Volume
from tests.stand_ins import Bright

CARD = ModelCard("trial", "Trial", "trial", 3, frozenset({"point", "box", "scribble", "mask"}))
THICK = (5.0, 0.7, 0.7)


class Threshold:
    """Bright is inside. Counts what is asked of it."""

    side = 32

    def __init__(self) -> None:
        self.encodings = self.decodings = 0

    def encode(self, image: np.ndarray) -> tuple[np.ndarray, ...]:
        self.encodings += 1
        return (image,)

    def decode(
        self, features: tuple[np.ndarray, ...], drawn: np.ndarray, hinted: np.ndarray
    ) -> tuple[np.ndarray, float]:
        self.decodings += 1
        assert drawn.shape == (maps.CHANNELS, 32, 32, 32)
        assert hinted.shape == (hints.CHANNELS, 16, 16, 16)
        return 5 * features[0][0], 0.9


class Predictor(TrialPredictor):
    """The trial's predictor around another runtime."""

    def __init__(self, runtime: Threshold) -> None:
        self.card = CARD
        self._runtime = runtime  # type: ignore[assignment]
        self._slices = Bright()  # type: ignore[assignment]


def ellipsoid(shape: tuple[int, int, int], centre: tuple[float, ...], radii: tuple[float, ...]) -> np.ndarray:
    grids = np.meshgrid(*(np.arange(n) for n in shape), indexing="ij")
    return sum(((g - c) / r) ** 2 for g, c, r in zip(grids, centre, radii, strict=True)) <= 1


def scan(mask: np.ndarray, spacing: tuple[float, float, float]) -> Volume:
    array = (
        100 + 900 * mask
    )  # no noise: what is seen is stretched between its percentiles, small things would drown in it
    return Volume(array.astype(np.int16), Geometry(mask.shape, np.diag([*spacing[::-1], 1.0])))


def prepared(volume: Volume) -> tuple[Predictor, Features]:
    predictor = Predictor(Threshold())
    return predictor, predictor.prepare(volume, lambda fraction, what: None, Token())


def on_grid(prediction: Prediction, shape: tuple[int, int, int]) -> np.ndarray:
    mask = np.zeros(shape, bool)
    mask[prediction.region.slices] = prediction.logits > 0
    return mask


CASES = {
    "small": ((40, 120, 100), (19, 70, 30), (2.5, 3, 4), (1.0, 1.0, 1.0)),
    "large": ((60, 200, 190), (30, 90, 100), (24, 70, 60), (2.0, 1.0, 1.0)),
    "thick slices": ((20, 220, 230), (9, 60, 170), (3.2, 22, 25), THICK),
    "flat volume": ((1, 90, 80), (0, 40, 30), (0.5, 12, 14), (1.0, 1.0, 1.0)),
    "at the border": ((40, 60, 60), (0, 59, 30), (12, 14, 13), (1.0, 1.0, 1.0)),
    "tiny volume": ((7, 8, 9), (3, 4, 4), (2.4, 2.8, 3.1), (0.3, 0.3, 0.3)),
}


@pytest.mark.parametrize("name", CASES)
def test_one_click_finds_objects_of_every_size_where_they_are(name: str) -> None:
    shape, centre, radii, spacing = CASES[name]
    mask = ellipsoid(shape, centre, radii)
    predictor, features = prepared(scan(mask, spacing))
    prediction = predictor.predict(features, (Point(centre),), None)
    assert dice(on_grid(prediction, shape), mask) > (0.8 if name == "tiny volume" else 0.93)


@pytest.mark.parametrize("name", ["small", "large", "thick slices"])
def test_a_further_click_encodes_nothing_and_decodes_a_few_times(name: str) -> None:
    shape, centre, radii, spacing = CASES[name]
    mask = ellipsoid(shape, centre, radii)
    predictor, features = prepared(scan(mask, spacing))
    clicks = (Point(centre), Point((0, 0, 0), positive=False), Point((0, 1, 1), positive=False))
    answer = predictor.predict(features, clicks[:1], None)
    answer = predictor.predict(features, clicks[:2], Prior(answer.region, answer.logits))
    counts = predictor._runtime.encodings, predictor._runtime.decodings
    again = predictor.predict(features, clicks, Prior(answer.region, answer.logits))
    assert predictor._runtime.encodings == counts[0]
    assert predictor._runtime.decodings - counts[1] <= 4
    assert dice(on_grid(again, shape), mask) > 0.93


def test_prompts_hold_on_their_voxels_the_newest_where_they_contradict() -> None:
    shape, centre, radii, spacing = CASES["large"]
    predictor, features = prepared(scan(ellipsoid(shape, centre, radii), spacing))
    prompts = (
        Point(centre),
        Point((30, 10, 10)),  # outside the bright object
        Point((30, 100, 100), positive=False),
        Scribble([(10, 3, 3), (10, 3, 4)]),
        Point((30, 91, 100)),
        Point((30, 91, 100), positive=False),
    )
    mask = on_grid(predictor.predict(features, prompts, None), shape)
    assert mask[centre]
    assert mask[30, 10, 10]
    assert mask[10, 3, 3]
    assert mask[10, 3, 4]
    assert not mask[30, 100, 100]
    assert not mask[30, 91, 100]


def test_a_box_is_the_limit_and_a_slice_mask_is_kept_as_drawn() -> None:
    shape, centre, radii, spacing = CASES["large"]
    predictor, features = prepared(scan(ellipsoid(shape, centre, radii), spacing))
    box = Box((20, 60, 70), (40, 110, 120))
    mask = on_grid(predictor.predict(features, (box,), None), shape)
    inside = np.zeros(shape, bool)
    inside[box.region().slices] = True
    assert mask.any()
    assert not (mask & ~inside).any()
    drawn = np.zeros(shape[1:], bool)
    drawn[80:100, 60:130] = True
    mask = on_grid(predictor.predict(features, (SliceMask(0, 30, drawn),), None), shape)
    np.testing.assert_array_equal(mask[30][70:110, 50:140], drawn[70:110, 50:140])


def test_only_exclude_prompts_say_nothing_of_an_object() -> None:
    predictor, features = prepared(scan(ellipsoid(*CASES["small"][:3]), (1.0, 1.0, 1.0)))
    assert predictor.predict(features, (Point((1, 1, 1), positive=False),), None).region.size == 0


def test_a_painted_mask_stays_away_from_a_click_that_contradicts_it() -> None:
    shape = (40, 100, 200)
    objects = ellipsoid(shape, (20, 50, 40), (8, 8, 8)) | ellipsoid(shape, (20, 50, 150), (8, 8, 8))
    predictor, features = prepared(scan(objects, (1.0, 1.0, 1.0)))
    painted = ellipsoid(shape, (20, 50, 40), (6, 6, 6))  # too small, on purpose: nobody clicked there
    region = Region.whole(shape)
    prior = Prior(region, np.where(painted, 4, -4).astype(np.float32), seed=True)
    mask = on_grid(predictor.predict(features, (Point((20, 50, 150)),), prior), shape)
    np.testing.assert_array_equal(mask[:, :, :90], painted[:, :, :90])
    assert mask[20, 50, 150]
    assert mask[:, :, 130:].sum() > 300
    unchanged = predictor.predict(features, (Point((20, 50, 40)),), prior)
    np.testing.assert_array_equal(on_grid(unchanged, shape), painted)


def test_from_the_third_prompt_on_a_click_corrects_and_does_not_start_over() -> None:
    shape = (40, 100, 200)
    bright = ellipsoid(shape, (20, 50, 40), (8, 8, 8))
    dark = ellipsoid(shape, (20, 50, 150), (12, 12, 12))  # no network would say so: it was found by clicks
    predictor, features = prepared(scan(bright, (1.0, 1.0, 1.0)))
    prior = Prior(Region.whole(shape), np.where(dark, 4, -4).astype(np.float32))
    clicks = (Point((20, 50, 40)), Point((20, 52, 42)), Point((20, 48, 38)))
    undecided = on_grid(predictor.predict(features, clicks[:2], prior), shape)
    corrected = on_grid(predictor.predict(features, clicks, prior), shape)
    assert not undecided[dark].any()
    assert corrected[dark].all()
    assert all(corrected[click.index] for click in clicks)
    assert corrected[bright].sum() > 300  # it changes around the clicks


def test_slices_that_speak_of_another_object_are_not_mixed_in() -> None:
    class Contrary(Bright):
        def decode(self, *asked) -> tuple[np.ndarray, float]:
            logits, quality = super().decode(*asked)
            return -logits, quality

    shape, centre, radii, spacing = CASES["small"]
    mask = ellipsoid(shape, centre, radii)
    predictor = Predictor(Threshold())
    predictor._slices = Contrary()  # type: ignore[assignment]
    features = predictor.prepare(scan(mask, spacing), lambda fraction, what: None, Token())
    answer = predictor.predict(features, (Point(centre),), None)
    assert dice(on_grid(answer, shape), mask) > 0.93
    near = Point((centre[0], centre[1], centre[2] + 1))
    again = predictor.predict(features, (Point(centre), near), Prior(answer.region, answer.logits))
    assert dice(on_grid(again, shape), mask) > 0.93


def test_the_same_question_gets_the_same_answer() -> None:
    shape, centre, radii, spacing = CASES["large"]
    predictor, features = prepared(scan(ellipsoid(shape, centre, radii), spacing))
    first = predictor.predict(features, (Point(centre),), None)
    predictor.predict(features, (Point((1, 1, 1)),), None)
    again = predictor.predict(features, (Point(centre),), None)
    np.testing.assert_array_equal(first.logits, again.logits)
    assert first.region == again.region


@pytest.mark.parametrize("array", [np.full((20, 30, 40), 5, np.int16), np.full((20, 30, 40), 1e30, np.float32)])
def test_a_constant_image_gets_an_answer(array: np.ndarray) -> None:
    volume = Volume(array, Geometry(array.shape, np.eye(4)))
    predictor, features = prepared(volume)
    mask = on_grid(
        predictor.predict(features, (Point((10, 15, 20)), Point((0, 0, 0), positive=False)), None), array.shape
    )
    assert mask[10, 15, 20]
    assert not mask[0, 0, 0]


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_mask_is_carried_to_both_ends_of_the_object_and_no_further(axis: int) -> None:
    shape, spacing = (60, 70, 80), (1.4, 1.0, 1.2)
    mask = ellipsoid(shape, (30, 35, 40), (18, 20, 22))
    volume = scan(mask, spacing)
    predictor, features = prepared(volume)
    middle = (30, 35, 40)[axis]
    request = Propagate(1, 1, axis, {middle: np.take(mask, middle, axis)}, 0, shape[axis] - 1)
    carried = np.zeros(shape, bool)
    for message in propagate(request, predictor, features, volume, Token()):
        if isinstance(message, SliceAnswer):
            np.moveaxis(carried, axis, 0)[message.index] = message.mask
        else:
            assert isinstance(message, Propagated)
            end = message
    assert dice(carried, mask) > 0.93
    true = np.flatnonzero(mask.any(axis=tuple(a for a in range(3) if a != axis)))
    assert abs(end.reached[0] - true[0]) <= 1
    assert abs(end.reached[1] - true[-1]) <= 1
    assert predictor._slices.decodings < 60  # one for each slice and none twice
    assert predictor._slices.encodings < 120


def test_pyramid_is_made_once_for_all_clicks() -> None:
    volume = scan(ellipsoid(*CASES["small"][:3]), (1.0, 1.0, 1.0))
    _, features = prepared(volume)
    assert isinstance(features.pyramid, Pyramid)
    assert features.pyramid.levels[0].array is volume.array


def test_an_outline_around_nothing_says_nothing_about_where_the_object_is() -> None:
    shape, centre, radii, spacing = CASES["large"]
    predictor, features = prepared(scan(ellipsoid(shape, centre, radii), spacing))
    empty = SliceMask(0, 10, np.zeros(shape[1:], bool))
    assert not on_grid(predictor.predict(features, (empty,), None), shape).any()
    both = on_grid(predictor.predict(features, (Point(centre), empty), None), shape)
    assert both[centre]
    assert not both[10].any()  # the outline holds on its own slice
