"""A small network of the family behind the engine's protocol: prompts, corrections, carrying, and when it stops."""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from app.engine.propagation import propagate, told
from app.engine.protocol import Estimate, Predictor, Prior, Propagate, Propagated, SliceAnswer, Token
from app.engine.uncertainty import estimate
from app.errors import Cancelled, MissingModel
from app.geometry import Geometry, Region
from app.prompts import Box, Point, Scribble, SliceMask
from app.volume import Volume
from tests.unit.sam2_official import installed

SHAPE = (12, 48, 40)
SCORE = "sam_mask_decoder__pred_obj_score_head__layers__2__bias"
SURE, ABSENT = {SCORE: torch.tensor([50.0])}, {SCORE: torch.tensor([-50.0])}


@pytest.fixture(scope="module")
def predictor(tmp_path_factory) -> Iterator[Predictor]:
    with pytest.MonkeyPatch.context() as patch:
        yield installed(tmp_path_factory.mktemp("models"), patch, **SURE)


@pytest.fixture
def video(predictor):
    return prepared(predictor)


def prepared(predictor):
    values = np.random.default_rng(5).integers(1, 200, SHAPE).astype(np.float32)
    values[:, 15:30, 10:25] += 150
    return predictor.prepare(Volume(values, Geometry(SHAPE, np.diag([-1.0, -1.0, 4.0, 1.0]))), lambda *_: None, Token())


def square():
    mask = np.zeros(SHAPE[1:], bool)
    mask[15:30, 10:25] = True
    return mask


def seed(*slices):
    logits = np.full(SHAPE, -4.0, np.float32)
    for n in slices:
        logits[n][square()] = 4.0
    return Prior(Region.whole(SHAPE), logits, seed=True)


def test_preparing_encodes_nothing_and_may_be_cancelled(predictor, video):
    assert video.encode_ahead() == pytest.approx(1 / SHAPE[0])  # the first slice is made when it is asked for
    token = Token()
    token.cancel()
    with pytest.raises(Cancelled):
        predictor.prepare(video.volume, lambda *_: None, token)


def test_a_click_gives_logits_of_its_slice_and_the_same_each_time(predictor, video):
    clicks = (Point((4, 20, 15)), Point((4, 5, 5), positive=False))
    first = predictor.predict(video, clicks, None)
    assert first.region == Region.plane(SHAPE, 0, 4)
    assert first.logits.shape == (1, *SHAPE[1:])
    assert np.abs(first.logits).max() <= 32
    assert np.array_equal(first.logits, predictor.predict(prepared(predictor), clicks, None).logits)


def test_every_kind_of_prompt_changes_the_answer(predictor, video):
    start = (Point((4, 20, 15)),)
    plain = predictor.predict(video, start, None).logits
    further = [
        Point((4, 40, 35)),
        Point((4, 40, 35), positive=False),
        Box((4, 10, 8), (4, 34, 28)),
        Scribble([(4, 3, 3), (4, 3, 4), (4, 3, 5)], positive=False),
        SliceMask(0, 4, square()),
    ]
    answers = [plain, *(predictor.predict(video, (*start, prompt), None).logits for prompt in further)]
    for n, one in enumerate(answers):
        for other in answers[n + 1 :]:
            assert not np.array_equal(one, other)


def test_a_drawn_mask_is_its_own_answer_and_clicks_correct_it(predictor, video):
    drawn = SliceMask(0, 4, square())
    answer = predictor.predict(video, (Point((4, 2, 2)), drawn), None)
    assert np.array_equal(answer.logits[0] > 0, square())
    clicked = predictor.predict(video, (drawn, Point((4, 40, 30))), None)
    alone = predictor.predict(video, (Point((4, 40, 30)),), None)
    assert not np.array_equal(clicked.logits, answer.logits)
    assert not np.array_equal(clicked.logits, alone.logits)


def test_a_further_click_gets_the_logits_of_the_answer_before_and_all_clicks(predictor, video, monkeypatch):
    given, decode = [], predictor.network.decode
    monkeypatch.setattr(predictor.network, "decode", lambda *a: given.append(a[2:]) or decode(*a))
    before = Prior(Region.plane(SHAPE, 0, 4), np.where(square(), 6.0, -60.0).astype(np.float32)[None])
    predictor.predict(video, (Point((4, 20, 15)),), None)
    predictor.predict(video, (Point((4, 20, 15)), Point((4, 35, 15), positive=False)), before)
    assert given[0][1] is None
    marks, mask = given[1]
    assert marks.labels.tolist() == [1, 0]
    assert mask.shape == (32, 32)
    assert mask.max() == pytest.approx(6, abs=0.01)
    assert mask.min() == -32


def test_a_further_click_is_told_the_very_logits_of_the_decoder_before(predictor, video, monkeypatch):
    given, told, decode = [], [], predictor.network.decode

    def listen(*arguments):
        given.append(arguments[3])
        told.append(decode(*arguments))
        return told[-1]

    monkeypatch.setattr(predictor.network, "decode", listen)
    clicks = Point((4, 20, 15)), Point((4, 35, 15), positive=False), Point((4, 10, 30))
    answer = predictor.predict(video, clicks[:1], None)
    for count in (2, 3):
        answer = predictor.predict(video, clicks[:count], Prior(answer.region, answer.logits))
    assert given[0] is None
    for fed, before in zip(given[1:], told, strict=False):
        assert np.array_equal(fed, np.clip(before.logits, -32, 32))


def test_a_box_is_told_before_points_by_its_corners_in_the_picture(predictor, video, monkeypatch):
    given, decode = [], predictor.network.decode
    monkeypatch.setattr(
        predictor.network, "decode", lambda f, c, marks, mask: given.append(marks) or decode(f, c, marks, mask)
    )
    predictor.predict(video, (Point((4, 24, 20)), Box((4, 0, 0), (4, 1, 1)), Box((4, 12, 10), (4, 36, 30))), None)
    assert given[0].labels.tolist() == [2, 3, 1]
    (x0, y0), (x1, y1), (x, y) = given[0].points.tolist()
    assert (x0, y0) == pytest.approx((10.5 * 128 / 40 - 0.5, 12.5 * 128 / 48 - 0.5))
    assert (x1, y1) == pytest.approx((30.5 * 128 / 40 - 0.5, 36.5 * 128 / 48 - 0.5))
    assert (x, y) == pytest.approx((20.5 * 128 / 40 - 0.5, 24.5 * 128 / 48 - 0.5))


def test_who_only_excludes_gets_nothing_and_no_encoder_runs(predictor, video, monkeypatch):
    monkeypatch.setattr(predictor.network, "encode", None)
    assert not (predictor.predict(video, (Point((4, 20, 15), positive=False),), None).logits > 0).any()


def test_a_new_slice_is_answered_and_the_others_hold(predictor, video):
    first, second = Point((2, 20, 15)), SliceMask(0, 6, square())
    before = Prior(Region.plane(SHAPE, 0, 2), np.where(square(), 6.0, -6.0).astype(np.float32)[None])
    both = predictor.predict(video, (first, second), before)
    whole = np.full(SHAPE, -32.0, np.float32)
    whole[both.region.slices] = both.logits
    for index in (2, 6):
        assert np.array_equal(whole[index] > 0, square())
    assert (whole[3:6] < 0).all()


def test_an_answer_that_contradicts_an_unanswered_click_is_asked_again(predictor, video):
    before = Prior(Region.plane(SHAPE, 0, 2), np.where(square(), 6.0, -6.0).astype(np.float32)[None])
    drawn = SliceMask(0, 6, square())
    held = predictor.predict(video, (Point((2, 20, 15)), drawn), before)
    asked = predictor.predict(video, (Point((2, 20, 15)), Point((2, 40, 35)), drawn), before)
    assert np.array_equal(held.logits[0] > 0, (np.where(square(), 6.0, -6.0) > 0)[held.region.slices[1:]])
    assert not np.array_equal(asked.logits[0] > 0, np.resize(square(), SHAPE[1:])[asked.region.slices[1:]])


def test_a_box_with_depth_acts_on_its_middle_slice(predictor, video):
    deep = predictor.predict(video, (Box((2, 10, 8), (8, 34, 28)),), None)
    flat = predictor.predict(video, (Box((5, 10, 8), (5, 34, 28)),), None)
    assert deep.region == flat.region
    assert np.array_equal(deep.logits, flat.logits)


def test_slices_across_other_axes_are_answered_in_their_plane(predictor, video):
    answer = predictor.predict(video, (SliceMask(2, 7, np.ones(SHAPE[:2], bool)),), None)
    assert answer.region == Region.plane(SHAPE, 2, 7)
    assert (answer.logits > 0).all()


def test_a_correction_starts_from_the_seed_on_its_slice_and_keeps_the_others(predictor, video):
    before = seed(3, 4, 5)
    answer = predictor.predict(video, (Point((3, 20, 15)), Point((4, 40, 35))), before)
    assert np.array_equal(answer.logits[0] > 0, square())  # slice 3 holds
    alone = predictor.predict(video, (Point((4, 40, 35)),), None)
    assert not np.array_equal(answer.logits[4 - answer.region.start[0]], alone.logits[0])
    elsewhere = predictor.predict(video, (Point((8, 20, 15)),), before)  # the seed has nothing there
    assert np.array_equal(elsewhere.logits, predictor.predict(video, (Point((8, 20, 15)),), None).logits)


def run(predictor, video, given, token=None, first=0, last=SHAPE[0] - 1):
    request = Propagate(1, 1, 0, given, first, last)
    return list(propagate(request, predictor, video, video.volume, token or Token()))


def test_a_mask_is_carried_both_ways_with_a_confidence_per_slice(predictor, video, monkeypatch):
    carry = predictor.carry  # random weights soon lose the object: made sure of it, they go on to the ends
    monkeypatch.setattr(predictor, "carry", lambda *asked: (carry(*asked)[0] + 40, 0.9))
    *slices, end = run(predictor, video, {5: square()})
    assert [answer.index for answer in slices] == [5, 4, 3, 2, 1, 0, 6, 7, 8, 9, 10, 11]
    assert isinstance(end, Propagated)
    assert end.reached == (0, 11)


def test_positions_are_kept_once_for_all_slices(predictor, video):
    memory = predictor.remember(video, 0, {5: square()})
    for index in (6, 7):
        predictor.carry(memory, index, index - 1)
    assert memory.bank.tracked[6].positions is memory.bank.tracked[7].positions is memory.bank.conditioning[5].positions
    assert not np.array_equal(memory.bank.tracked[6].tokens, memory.bank.tracked[7].tokens)


@pytest.mark.parametrize("apart", [False, True])
def test_a_card_says_whether_one_direction_is_forgotten_before_the_other(predictor, apart):
    card = replace(predictor.card, recipe={**predictor.card.recipe, "sides_apart": apart})
    both, above = (prepared(SimpleNamespace(prepare=partial(with_card, predictor, card))) for _ in range(2))
    there = predictor.remember(both, 0, {5: square()})
    for index in (4, 3):
        predictor.carry(there, index, index + 1)
    found, _ = predictor.carry(there, 6, 5)
    alone, _ = predictor.carry(predictor.remember(above, 0, {5: square()}), 6, 5)
    assert np.array_equal(found, alone) == apart


def with_card(predictor, card, *arguments):
    original, predictor.card = predictor.card, card
    try:
        return predictor.prepare(*arguments)
    finally:
        predictor.card = original


def test_carrying_repeats_and_depends_on_every_conditioning_slice(predictor, video):
    def logits(given):
        memory = predictor.remember(video, 0, given)
        return [predictor.carry(memory, n, n - 1)[0] for n in (6, 7)]

    one, again, two = logits({5: square()}), logits({5: square()}), logits({5: square(), 9: ~square()})
    assert all(np.array_equal(a, b) for a, b in zip(one, again, strict=True))
    assert all(not np.array_equal(a, b) for a, b in zip(one, two, strict=True))


def test_the_confidence_is_the_quality_where_the_object_is_sure(predictor, video, monkeypatch):
    found, decode = [], predictor.network.decode
    monkeypatch.setattr(predictor.network, "decode", lambda *a: found.append(decode(*a)) or found[-1])
    memory = predictor.remember(video, 0, {5: square()})
    _, confidence = predictor.carry(memory, 6, 5)
    assert confidence == pytest.approx(found[-1].quality, rel=1e-6)
    assert 0 < confidence < 1


def test_where_the_network_sees_no_object_carrying_ends_by_itself(tmp_path, monkeypatch):
    predictor = installed(tmp_path, monkeypatch, **ABSENT)
    video = prepared(predictor)
    *slices, end = run(predictor, video, {5: square()})
    assert [answer.mask.any() for answer in slices] == [True] + [False] * 11
    assert end.reached == (5, 5)
    assert told(end) == "The structure ends before slices 4 and 6."


def test_the_ensemble_stays_on_the_clicked_slice_and_encodes_it_once(predictor, video, monkeypatch):
    encoded, encode = [], predictor.network.encode
    monkeypatch.setattr(predictor.network, "encode", lambda pixels: encoded.append(1) or encode(pixels))
    request = Estimate(1, 1, (Point((4, 20, 15), axis=1), Box((1, 20, 4), (8, 20, 30))), samples=4)
    decode = partial(predictor.predict, video)
    *_, estimated = estimate(request, video.volume.geometry, decode, None, Token())
    assert len(encoded) == 1
    assert estimated.region == Region.plane(SHAPE, 1, 20)
    assert (estimated.deviation > 0).any()
    assert len(estimated.volumes) == 4


def test_a_slice_that_was_clicked_is_remembered_with_the_decoders_own_pointer(predictor, video):
    answer = predictor.predict(video, (Point((5, 20, 15)),), None)
    mask = answer.logits[0] > 0
    assert mask.any()
    said = video.originals.of_mask(0, 5, mask)
    clicked = predictor.remember(video, 0, {5: mask}).bank.conditioning[5]
    assert np.array_equal(clicked.pointer, said.pointer)
    painted = mask.copy()
    painted[40:44, 2:6] ^= True
    drawn = predictor.remember(video, 0, {5: painted}).bank.conditioning[5]
    assert not np.array_equal(drawn.pointer, said.pointer)


def test_an_empty_conditioning_slice_is_remembered_as_without_the_object(predictor, video):
    memory = predictor.remember(video, 0, {5: square(), 8: np.zeros(SHAPE[1:], bool)})
    assert np.array_equal(memory.bank.conditioning[8].pointer, predictor.network.constants.no_object)
    assert not np.array_equal(memory.bank.conditioning[5].pointer, predictor.network.constants.no_object)


def test_cancelling_keeps_what_is_done(predictor, video, monkeypatch):
    monkeypatch.setattr(predictor, "carry", lambda *_: (np.where(square(), 5.0, -5.0), 0.9))
    token, answers = Token(), []
    for message in propagate(Propagate(1, 1, 0, {5: square()}, 0, 11), predictor, video, video.volume, token):
        answers.append(message)
        if isinstance(message, SliceAnswer) and message.index == 3:
            token.cancel()
    assert answers[-1].cancelled
    assert answers[-1].reached == (3, 5)


def test_a_card_without_its_weights_says_what_to_do(predictor):
    with pytest.raises(MissingModel, match="not on this machine"):
        type(predictor)(replace(predictor.card, id="absent"))
