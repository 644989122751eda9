"""Prompts on slices to masks on the volume's grid; the network is replaced by one whose answers can be foretold."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app.engine.model_card import ModelCard
from app.engine.propagation import propagate
from app.engine.protocol import Estimate, Prediction, Prior, Propagate, Propagated, SliceAnswer, Token
from app.engine.sam import SamPredictor, runner
from app.engine.sam.features import SamFeatures
from app.engine.sam.prompting import NOTHING
from app.engine.slicewise import ABSENT
from app.engine.uncertainty import sampled_prompts
from app.errors import MissingModel
from app.geometry import Geometry, Region
from app.prompts import Box, Point, Prompt, Scribble, SliceMask
from app.volume import Volume

SHAPE = (6, 40, 60)
DISC = 8.0  # pixels of the input, for an input of 256


class FakeBackend:
    """Encoder: the picture itself, small. Decoder: discs around include points and what boxes hold, less discs around
    exclude points, and the mask fed back. Three further masks are larger; the second of them is the best.
    """

    name = "fake"

    def __init__(self) -> None:
        self.encoded = 0
        self.calls: list[tuple[np.ndarray, np.ndarray, bool]] = []
        self.fed: list[np.ndarray] = []
        self.said: list[np.ndarray] = []

    def compile(
        self,
        module: object,
        examples: Sequence[np.ndarray],
        *,
        varying: Mapping[int, Sequence[int]] | None = None,
        key: str = "",
    ) -> Callable[..., tuple[np.ndarray, ...]]:
        return self._encode if len(examples) == 1 else self._decode

    def _encode(self, image: np.ndarray) -> tuple[np.ndarray, ...]:
        self.encoded += 1
        return (image[:, :1, ::16, ::16],)

    def _decode(
        self, embedding: np.ndarray, points: np.ndarray, kinds: np.ndarray, mask: np.ndarray, given: np.ndarray
    ) -> tuple[np.ndarray, ...]:
        self.calls.append((points[0].copy(), kinds[0].copy(), bool(given[0])))
        self.fed.append(mask[0, 0].copy())
        side, size = mask.shape[-1], embedding.shape[-1] * 16
        y, x = (np.mgrid[:side, :side] + 0.5) * size / side - 0.5
        logits = np.where(mask[0, 0] > 0, 5.0, -5.0) if given[0] else np.full((side, side), -5.0)
        radius = DISC * size / 256
        for place, kind in zip(points[0], kinds[0], strict=True):
            if kind in (0, 1):
                logits[np.hypot(x - place[0], y - place[1]) <= radius] = 5 if kind else -5
        if (kinds == 2).any():
            (left, top), (right, bottom) = points[0][kinds[0] == 2][0], points[0][kinds[0] == 3][0]
            logits[(x >= left) & (x <= right) & (y >= top) & (y <= bottom)] = 5
        logits = logits + np.sin(np.arange(side * side) ** 2.0).reshape(side, side)  # finer than pixels of a slice
        masks = np.stack([logits, logits, np.maximum(logits, 1.0), logits])[None].astype(np.float32)
        self.said.append(masks[0])
        return masks, np.array([[0.9, 0.1, 0.8, 0.2]], np.float32)


@pytest.fixture
def backend(monkeypatch: pytest.MonkeyPatch) -> FakeBackend:
    made = FakeBackend()
    monkeypatch.setattr(runner, "chosen", lambda: made)
    return made


@pytest.fixture
def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, backend: FakeBackend) -> Callable[..., SamPredictor]:
    monkeypatch.setenv("VOLUMASK_MODELS", str(tmp_path))

    def make(system: str, kinds: str = "point box mask scribble") -> SamPredictor:
        (tmp_path / "mine").mkdir()
        (tmp_path / "mine" / "weights.pth").write_bytes(b"not read: the backend is a fake")
        recipe = {"system": system}
        card = ModelCard("mine", "Mine", "sam", 2, frozenset(kinds.split()), weights="weights.pth", recipe=recipe)
        return SamPredictor(card)

    return make


def grid(affine: Any = None) -> Volume:
    array = np.random.default_rng(0).normal(size=SHAPE).astype(np.float32)
    return Volume(array, Geometry(SHAPE, np.diag([-1.0, -1, 3, 1]) if affine is None else affine), "MR")


def prepared(predictor: SamPredictor, volume: Volume | None = None) -> SamFeatures:
    return predictor.prepare(volume or grid(), lambda fraction, what: None, Token())


def whole(prediction: Any) -> np.ndarray:
    mask = np.zeros(SHAPE, bool)
    mask[prediction.region.slices] = prediction.logits > 0
    return mask


def test_nothing_is_encoded_before_the_first_prompt(load: Any, backend: FakeBackend) -> None:
    predictor = load("sam_med2d")
    features = prepared(predictor)
    assert backend.encoded == 0
    for _ in range(2):
        predictor.predict(features, (Point((2, 10, 10)),), None)
    assert backend.encoded == 1


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("signs", [(-1, -1, 1), (1, 1, 1), (-1, 1, -1)])
def test_the_mask_lies_where_the_click_was_however_the_slice_is_turned(
    load: Any, axis: int, signs: tuple[int, int, int]
) -> None:
    predictor = load("lite_medsam")
    volume = grid(np.diag([*signs, 1.0]))
    for index in ((1, 8, 50), (4, 30, 12)):
        reach = [0 if a == axis else step for a, step in enumerate((1, 4, 4))]
        box = Box(tuple(np.subtract(index, reach)), tuple(np.add(index, reach)))
        mask = whole(predictor.predict(prepared(predictor, volume), (box,), None))
        expected = np.zeros(SHAPE, bool)
        expected[box.region().slices] = True
        assert np.moveaxis(mask, axis, 0)[index[axis]].any()
        assert not np.delete(mask, index[axis], axis).any()
        assert (mask & expected).sum() / (mask | expected).sum() > 0.5  # corners are pixels, as the scripts have it


def test_one_click_takes_the_best_of_three_and_the_next_corrects_its_logits(load: Any, backend: FakeBackend) -> None:
    predictor = load("mobile_sam")
    features, first = prepared(predictor), Point((2, 10, 10))
    one = predictor.predict(features, (first,), None)
    assert (one.logits > 0).all()  # the second of the three, which the network called best
    small = Prior(one.region, np.where(np.hypot(*np.ogrid[-10:30, -10:50]) < 6, 3, -3)[None].astype(np.float32))
    second = Point((2, 10, 30))
    two = predictor.predict(features, (first, second), small)
    assert two.region == Region.plane(SHAPE, 0, 2)
    assert whole(two)[2, 10, 30]
    assert whole(two)[2, 10, 10]
    assert not (two.logits > 0).all()  # one mask was asked for
    points, kinds, given = backend.calls[-1]
    assert kinds.tolist() == [1, 1, NOTHING]
    assert given
    np.testing.assert_allclose(points[0], [10 * 1024 / 60, 10 * 683 / 40], rtol=1e-6)
    assert backend.fed[-1].max() == pytest.approx(3, abs=0.1)


def test_the_next_click_is_told_the_very_logits_of_the_decoder_before(load: Any, backend: FakeBackend) -> None:
    """Not those that came back from the slice's pixels: here a decoder of 256 x 256 and a slice of 40 x 60."""
    predictor = load("mobile_sam")
    features, clicks = prepared(predictor), (Point((2, 10, 10)), Point((2, 30, 40)), Point((4, 20, 20)))
    first = predictor.predict(features, clicks[:1], None)
    second = predictor.predict(features, clicks[:2], Prior(first.region, first.logits))
    np.testing.assert_array_equal(backend.fed[1], backend.said[0][2])
    third = predictor.predict(features, clicks, Prior(second.region, second.logits))  # cut to what is near both masks
    assert len(backend.fed) == 3
    predictor.predict(features, (*clicks, Point((2, 5, 50))), Prior(third.region, third.logits))
    np.testing.assert_array_equal(backend.fed[3], backend.said[1][0])


def test_a_mask_that_was_changed_is_told_as_it_is(load: Any, backend: FakeBackend) -> None:
    predictor = load("mobile_sam")
    features = prepared(predictor)
    first = predictor.predict(features, (Point((2, 10, 10)),), None)
    painted = first.logits.copy()
    painted[0, 30:35, 40:50] = -20.0
    predictor.predict(features, (Point((2, 10, 10)), Point((2, 30, 20))), Prior(first.region, painted))
    place = int(32 * 683 / 40 / 4), int(45 * 1024 / 60 / 4)
    assert backend.fed[1][place] == pytest.approx(-20, abs=0.5)
    assert backend.said[0][2][place] > 0


def test_sam_med2d_always_asks_for_three_and_is_fed_probabilities(load: Any, backend: FakeBackend) -> None:
    predictor = load("sam_med2d")
    features, click = prepared(predictor), Point((2, 10, 10))
    plane = Region.plane(SHAPE, 0, 2)
    prior = Prior(plane, np.where(np.ogrid[:40, :60][0] < 20, 4.0, -4.0).repeat(60, 1)[None].astype(np.float32))
    answer = predictor.predict(features, (click, Point((2, 30, 30))), prior)
    assert (answer.logits > 0).all()
    assert 0 < backend.fed[-1].min() < 0.1
    assert 0.9 < backend.fed[-1].max() < 1


def test_models_of_boxes_get_boxes_only(load: Any, backend: FakeBackend) -> None:
    predictor = load("medsam", "box")
    box = Box((3, 10, 20), (3, 25, 40))
    features = prepared(predictor)
    first = predictor.predict(features, (box,), None)
    predictor.predict(features, (box, box), Prior(first.region, first.logits))
    assert [given for _, _, given in backend.calls] == [False, False]
    points, kinds, _ = backend.calls[0]
    assert kinds.tolist() == [2, 3]
    np.testing.assert_allclose(points, np.array([[20, 10], [40, 25]]) * [1024 / 60, 1024 / 40], rtol=1e-6)
    found = whole(first)[3]
    assert found[11:25, 21:40].all()
    assert not found[:, :19].any()


def test_prompts_of_several_slices_are_united(load: Any, backend: FakeBackend) -> None:
    predictor = load("lite_medsam")
    features = prepared(predictor)
    prompts = (Box((1, 5, 5), (1, 12, 12)), Box((4, 20, 30), (4, 30, 50)), Box((0, 8, 20), (5, 8, 30)))
    mask = whole(predictor.predict(features, prompts, None))
    assert mask[1, 8, 8]
    assert mask[4, 25, 40]
    assert mask[1:5, 8, 25].all()  # the last box lies on a coronal slice
    assert not mask[2, 20:].any()
    assert backend.encoded == 3


def test_a_slice_that_nothing_new_was_said_of_stays_as_it_was(load: Any, backend: FakeBackend) -> None:
    predictor = load("lite_medsam")
    features, a, b = prepared(predictor), Point((1, 10, 10)), Point((4, 10, 10))
    first = predictor.predict(features, (a,), None)
    asked = len(backend.calls)
    both = predictor.predict(features, (a, b), Prior(first.region, first.logits))
    assert len(backend.calls) == asked + 1
    np.testing.assert_array_equal(whole(both)[1], whole(first)[1])
    contradicted = Prior(first.region, -np.abs(first.logits) + (np.arange(60) > 40) * 99)
    predictor.predict(features, (a, b), contradicted)
    assert len(backend.calls) == asked + 3


def test_a_seed_is_kept_where_no_prompt_lies(load: Any, backend: FakeBackend) -> None:
    predictor = load("lite_medsam")
    seeded = np.full(SHAPE, -4, np.float32)
    seeded[:, 5:15, 5:15] = 4
    prior = Prior(Region.whole(SHAPE), seeded, seed=True)
    prompts = (Point((1, 10, 10)), Point((4, 10, 40)), Point((2, 30, 30)))
    answer = predictor.predict(prepared(predictor), prompts, prior)
    mask = whole(answer)
    assert (answer.region.start[0], answer.region.stop[0]) == (1, 5)
    np.testing.assert_array_equal(mask[3], seeded[3] > 0)
    np.testing.assert_array_equal(mask[1], seeded[1] > 0)
    assert mask[4, 10, 40]
    assert mask[4, 10, 10]
    assert mask[2, 30, 30]
    assert len(backend.calls) == 2


def test_a_drawn_mask_holds_exactly_and_clicks_after_it_correct_it(load: Any, backend: FakeBackend) -> None:
    predictor = load("lite_medsam")
    drawn = np.zeros((40, 60), bool)
    drawn[10:20, 10:30] = True
    features, mask = prepared(predictor), SliceMask(0, 3, drawn)
    exact = predictor.predict(features, (Point((3, 2, 2)), mask), None)
    np.testing.assert_array_equal(whole(exact)[3], drawn)
    assert backend.encoded == 0
    corrected = whole(predictor.predict(features, (mask, Point((3, 30, 50))), None))[3]
    assert corrected[30, 50]
    assert corrected[15, 20]
    assert backend.calls[-1][1].tolist() == [1, NOTHING]


def test_a_slice_with_exclude_points_alone_is_empty(load: Any, backend: FakeBackend) -> None:
    predictor = load("mobile_sam")
    answer = predictor.predict(prepared(predictor), (Scribble([(2, 5, 5), (2, 6, 6)], positive=False),), None)
    assert (answer.logits == ABSENT).all()
    assert backend.encoded == 0


def test_the_same_prompts_give_the_same_logits(load: Any) -> None:
    predictor = load("mobile_sam")
    prompts: tuple[Prompt, ...] = (Point((2, 10, 10)), Box((2, 5, 5), (2, 20, 30)))
    first, again = (predictor.predict(prepared(predictor), prompts, None) for _ in range(2))
    np.testing.assert_array_equal(first.logits, again.logits)


@pytest.mark.parametrize(("system", "fed"), [("mobile_sam", True), ("medsam", False), ("lite_medsam", False)])
def test_a_mask_is_carried_with_a_box_around_its_neighbour(
    load: Any, backend: FakeBackend, system: str, fed: bool
) -> None:
    predictor, volume = load(system), grid()
    mask = np.zeros((40, 60), bool)
    mask[10:20, 10:30] = True
    job = Propagate(1, 1, 0, {3: mask}, 2, 4)
    found = list(propagate(job, predictor, prepared(predictor, volume), volume, Token()))
    slices = {answer.index: answer for answer in found if isinstance(answer, SliceAnswer)}
    assert sorted(slices) == [2, 3, 4]
    assert isinstance(found[-1], Propagated)
    assert found[-1].reached == (2, 4)
    for index in (2, 4):
        assert (slices[index].mask & mask).sum() == mask.sum()
        assert slices[index].mask.sum() < 2.2 * mask.sum()
        assert 0.3 < slices[index].confidence < 1
    assert [given for _, _, given in backend.calls] == [fed, fed]
    assert backend.calls[0][1].tolist() == [2, 3]


def test_lite_medsams_box_is_three_pixels_wider(load: Any, backend: FakeBackend) -> None:
    predictor = load("lite_medsam")
    mask = np.zeros((40, 60), bool)
    mask[10:20, 12:30] = True
    features = prepared(predictor)
    predictor.carry(predictor.remember(features, 0, {3: mask}), 2, 3)
    scale = 256 / 60
    expected = [[int(12 * scale) - 3, int(10 * scale) - 3], [int(29 * scale) + 3, int(19 * scale) + 3]]
    np.testing.assert_allclose(backend.calls[0][0], expected)


def test_an_empty_neighbour_ends_it_without_the_network(load: Any, backend: FakeBackend) -> None:
    predictor = load("mobile_sam")
    memory = predictor.remember(prepared(predictor), 0, {3: np.zeros((40, 60), bool)})
    logits, confidence = predictor.carry(memory, 2, 3)
    assert not (logits > 0).any()
    assert confidence == 0
    assert backend.encoded == 0


def test_a_card_that_names_no_system_or_lacks_its_weights_says_so(load: Any, tmp_path: Path) -> None:
    with pytest.raises(MissingModel, match="which system"):
        load("segment-everything")
    (tmp_path / "mine" / "weights.pth").unlink()
    card = ModelCard("mine", "Mine", "sam", 2, frozenset({"box"}), weights="weights.pth", recipe={"system": "medsam"})
    with pytest.raises(MissingModel, match="not on this machine"):
        SamPredictor(card)


def test_the_ensemble_leaves_slices_alone_that_a_sample_does_not_touch(load: Any, backend: FakeBackend) -> None:
    predictor = load("lite_medsam")
    features = prepared(predictor)
    clicks = Point((1, 10, 10), axis=0), Point((4, 25, 40), axis=0)
    first = predictor.predict(features, clicks, None)
    sample = predictor.predict(features, (Point((1, 11, 12), axis=0),), Prior(first.region, first.logits))
    assert sample.region == first.region
    np.testing.assert_array_equal(whole(sample)[4], whole(first)[4])
    assert whole(sample)[1, 11, 12]


def test_the_ensembles_points_stay_on_slices_of_their_axis() -> None:
    region = Region.plane(SHAPE, 1, 20)
    first = Prediction(region, np.ones(region.shape, np.float32))
    job = Estimate(1, 1, (Point((2, 20, 10), axis=1), Point((3, 20, 12), axis=1)), samples=3)
    for prompts in sampled_prompts(job, first, SHAPE):
        assert [(point.index[1], point.axis) for point in prompts if isinstance(point, Point)] == [(20, 1)] * 2
