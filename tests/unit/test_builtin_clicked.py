"""A slice on which all clicks lie, seen once more: what the network is told of it, and what is made of its answer."""

from __future__ import annotations

import numpy as np
import pytest

from app.engine import registry
from app.engine.builtin.click_features import BESIDE, LAST, LOGITS, MAPS, NUMBERS, of_clicks
from app.engine.builtin.clicked import Clicked
from app.engine.builtin.features import BuiltinFeatures, prepare_features
from app.engine.builtin.plane import CAP, Plane, look
from app.engine.builtin.predictor import BuiltinPredictor
from app.engine.builtin.square import SIDE
from app.engine.classic.refinement import SURE
from app.engine.evaluation.clickers import whole
from app.engine.protocol import Prediction, Prior, Token
from app.geometry import Geometry, Region
from app.prompts import Point, Prompt, Scribble
from app.volume import Volume

SHAPE = (12, 48, 52)
PLANE = Plane(0, 5)
IN, OUT = Point((5, 24, 26)), Point((5, 24, 44), positive=False)
DEPTH, INCLUDED, EXCLUDED, NEWEST, ON_SLICE = 7, 8, 9, 10, 13


def organ() -> np.ndarray:
    _, j, i = np.indices(SHAPE)
    return np.asarray((j - 24) ** 2 + (i - 26) ** 2 < 100)


def scan(gain: float = 1.0, offset: float = 0.0) -> BuiltinFeatures:
    image = 50 + 60 * organ() + np.random.default_rng(0).normal(0, 6, SHAPE)
    volume = Volume((gain * image + offset).astype(np.float32), Geometry(SHAPE, np.diag([1.0, 1.0, 2.0, 1.0])))
    return prepare_features(volume, lambda done, what: None, Token())


@pytest.fixture(scope="module")
def features() -> BuiltinFeatures:
    return scan()


def predictor(added: float) -> BuiltinPredictor:
    """Whose last network says the same everywhere."""
    made = registry.load("builtin")
    assert isinstance(made, BuiltinPredictor)
    made._clicking = lambda maps, numbers: np.full((SIDE, SIDE), added, np.float32)  # type: ignore[assignment]
    return made


def clicked(features: BuiltinFeatures, *prompts: Prompt, last: bool = True) -> Clicked:
    """With half a logit more in the volume than on the slice alone; before, everything was half as sure."""
    logits = np.where(organ(), 3.0, -3.0).astype(np.float32)
    answer = Prediction(Region.whole(SHAPE), logits)
    alone = Prediction(Region.whole((1, *SHAPE[1:])), logits[5:6] - 0.5)
    prior = Prior(Region.whole(SHAPE), logits / 2) if last else None
    return Clicked.of(features, PLANE, prompts, answer, alone, prior)


def test_the_answers_of_volume_and_slice_are_joined_as_far_as_they_count(features: BuiltinFeatures) -> None:
    seen = clicked(features, IN, OUT)
    np.testing.assert_allclose(np.unique(seen.both), [-3.25, 2.75])
    far = Clicked.of(features, PLANE, (IN, OUT), Prediction.nothing(), Prediction.nothing(), None)
    assert set(np.unique(far.both)) == {-CAP}
    assert set(np.unique(far.volume)) == set(np.unique(far.alone)) == {-SURE}
    assert far.last is None


def test_it_is_told_maps_of_small_numbers_that_no_scanners_units_change(features: BuiltinFeatures) -> None:
    seen = clicked(features, IN, OUT)
    maps, numbers = of_clicks(seen, seen.square)
    assert (maps.shape, numbers.shape) == ((MAPS, SIDE, SIDE), (NUMBERS,))
    assert maps.dtype == numbers.dtype == np.float32
    assert np.abs(maps).max() <= 1
    assert np.abs(numbers).max() <= 2
    other = clicked(scan(7.0, -300.0), IN, OUT)
    again, as_many = of_clicks(other, other.square)
    assert np.abs(maps - again).mean() < 0.01
    np.testing.assert_allclose(numbers, as_many, atol=0.05)
    assert (maps[DEPTH] > 0).sum() == (maps[LOGITS] > 0).sum() == organ()[5].sum()
    assert (maps[ON_SLICE].min(), maps[ON_SLICE].max()) == (0, 1)
    assert all(maps[number].any() for number in (*BESIDE, *LAST))


def test_prompts_lie_where_they_were_made_and_the_newest_has_its_sign(features: BuiltinFeatures) -> None:
    stroke = Scribble(((5, 20, 20), (5, 20, 21), (5, 20, 22)))
    for prompts, includes, sign in (((IN, stroke, OUT), 4, -1), ((IN, OUT, stroke), 4, 1), ((IN, stroke), 4, 1)):
        seen = clicked(features, *prompts)
        square = seen.square
        maps, numbers = of_clicks(seen, square)
        assert (maps[INCLUDED] == 1).sum() == includes
        assert (maps[EXCLUDED] == 1).sum() == prompts.count(OUT)
        assert (np.abs(maps[NEWEST]) == 1).sum() == (3 if prompts[-1] is stroke else 1)
        assert maps[NEWEST].min() + maps[NEWEST].max() == sign
        row, column = (round(at - first) for at, first in zip(IN.index[1:], square.origin, strict=True))
        assert maps[INCLUDED][row, column] == 1
        assert numbers[0] == pytest.approx(len(prompts) / 5)
        assert numbers[1] == pytest.approx(sum(prompt.positive for prompt in prompts) / 5)


def test_of_more_prompts_than_it_learnt_from_it_is_told_no_more(features: BuiltinFeatures) -> None:
    some, many = (clicked(features, *(IN, OUT) * pairs) for pairs in (6, 500))
    told, as_many = (of_clicks(seen, seen.square)[1] for seen in (some, many))
    np.testing.assert_array_equal(told, as_many)
    assert told[:2].tolist() == pytest.approx([1.2, 1.2])


def test_without_an_answer_before_there_is_none_in_the_maps(features: BuiltinFeatures) -> None:
    seen = clicked(features, IN, OUT, last=False)
    maps, numbers = of_clicks(seen, seen.square)
    assert not maps[LAST,].any()
    assert numbers[-1] == 0


def test_a_slice_has_its_neighbours_tones_beside_its_own_and_at_the_rim_its_own(features: BuiltinFeatures) -> None:
    own, before, after = look(features, PLANE).tones
    for index, tones in ((5, own), (4, before), (6, after)):
        expected = features.tone(features.volume.array[index])
        assert np.abs(tones - expected).mean() < np.abs(tones - features.tone(features.volume.array[9])).mean()
    np.testing.assert_array_equal(before, look(features, Plane(0, 4)).tones[0])
    np.testing.assert_array_equal(*look(features, Plane(0, 0)).tones[:2])
    np.testing.assert_array_equal(*look(features, Plane(0, 11)).tones[::2])


def test_what_it_adds_changes_the_clicked_slice_alone_and_prompts_hold_against_it(features: BuiltinFeatures) -> None:
    more, less, plain = (
        whole(predictor(added).predict(features, (IN, OUT), None), SHAPE) for added in (50.0, -50.0, 0.0)
    )
    np.testing.assert_array_equal(np.delete(more, 5, 0), np.delete(plain, 5, 0))
    np.testing.assert_array_equal(np.delete(less, 5, 0), np.delete(plain, 5, 0))
    assert less[5].sum() == 1
    assert less[IN.index]
    assert not more[OUT.index]
    assert more[5].sum() > 2 * plain[5].sum() > 0


def test_one_click_and_clicks_on_several_slices_are_answered_without_it(features: BuiltinFeatures) -> None:
    for prompts in ((IN,), (IN, Point((7, 30, 40), positive=False))):
        without, with_it = (predictor(added).predict(features, prompts, None) for added in (0.0, 50.0))
        np.testing.assert_array_equal(without.logits, with_it.logits)


def test_where_nothing_was_found_it_looks_around_the_prompts(features: BuiltinFeatures) -> None:
    nothing = Prediction.nothing()
    seen = Clicked.of(features, PLANE, (IN, OUT), nothing, nothing, None)
    maps, numbers = of_clicks(seen, seen.square)
    assert np.isfinite(maps).all()
    assert np.isfinite(numbers).all()
    assert (maps[INCLUDED] == 1).sum() == (maps[EXCLUDED] == 1).sum() == 1


def test_an_image_without_a_difference_is_told_in_finite_numbers() -> None:
    volume = Volume(np.full(SHAPE, 7, np.float32), Geometry(SHAPE, np.eye(4)))
    flat = prepare_features(volume, lambda done, what: None, Token())
    seen = clicked(flat, IN, OUT)
    assert all(np.isfinite(told).all() for told in of_clicks(seen, seen.square))
    made = registry.load("builtin").predict(flat, (IN, OUT), None)
    assert np.isfinite(made.logits).all()
    assert whole(made, SHAPE)[IN.index]
    assert not whole(made, SHAPE)[OUT.index]
