"""Equations 1 to 3 of FastSAM-3DSlicer on made logits, and what is suggested from them."""

from __future__ import annotations

import os
import threading
from typing import Any

import numpy as np
import pytest
from scipy import special

from app.engine.blocks import Blocks
from app.engine.ensemble import Moments, doubt, interval, surety
from app.engine.protocol import Estimate, Estimated, Prediction, Prior, Progress, Token
from app.engine.uncertainty import estimate, sampled_prompts, suggest
from app.errors import BadInput, Cancelled, EngineFailure
from app.geometry import Geometry, Region
from app.prompts import Box, Point, Prompt

SHAPE = (8, 9, 10)
GEOMETRY = Geometry(SHAPE, np.diag([1.0, 2, 5, 1]))
PROMPTS = (Point((4, 4, 4)), Point((0, 0, 0), positive=False))


def cube(value: float = 3.0, outside: float = -3.0) -> np.ndarray:
    logits = np.full(SHAPE, outside, np.float32)
    logits[2:6, 2:7, 2:8] = value
    return logits


def decoder(*logits: np.ndarray):
    """Gives the first array for the user's own prompts, then the others in turn."""
    rest = iter(logits)
    return lambda prompts, prior: Prediction(Region.whole(SHAPE), next(rest))


def run(request: Estimate, decode: Any, prior: Prior | None = None) -> Estimated:
    *progress, end = estimate(request, GEOMETRY, decode, prior, Token())
    assert [type(message) for message in progress] == [Progress] * request.samples
    assert isinstance(end, Estimated)
    return end


def test_mean_and_deviation_are_those_of_the_samples() -> None:
    a, b, c = cube(), cube(1), cube(5, -1)
    made = run(Estimate(1, 1, PROMPTS, samples=2), decoder(a, b, c))
    assert np.allclose(made.mean, (b + c) / 2)
    assert np.allclose(made.deviation, np.std([b, c], axis=0), atol=1e-5)
    assert made.volumes == pytest.approx((4 * 5 * 6 * 10 / 1000,) * 2)


@pytest.mark.parametrize("at_once", [1, 2, 3])
def test_sketches_are_asked_for_at_a_time_and_counted_in_their_order(monkeypatch, at_once: int) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: at_once)
    samples = [cube(value) for value in (1.0, 2.5, 4.0, 5.5, 7.0)]
    lists = sampled_prompts(request := Estimate(1, 1, PROMPTS, len(samples)), whole_cube(), SHAPE)
    together = threading.Barrier(at_once)

    def sketch(prompts: tuple[Prompt, ...], prior: Prior | None) -> Prediction:
        number = lists.index(prompts)
        if number < len(samples) // at_once * at_once:  # the last round may be smaller
            together.wait(timeout=10)
        return Prediction(Region.whole(SHAPE), samples[number])

    *progress, end = estimate(request, GEOMETRY, lambda *_: whole_cube(), None, Token(), sketch=sketch)
    assert len(progress) == -(-len(samples) // at_once)
    assert isinstance(end, Estimated)
    plain = run(request, decoder(cube(), *samples))
    assert np.array_equal(end.mean, plain.mean)
    assert np.array_equal(end.deviation, plain.deviation)


def whole_cube() -> Prediction:
    return Prediction(Region.whole(SHAPE), cube())


def test_equal_samples_have_no_deviation() -> None:
    made = run(Estimate(1, 1, PROMPTS, samples=3), decoder(*[cube(17.3)] * 4))
    assert made.deviation.max() == 0


def test_samples_on_different_regions_are_put_together_as_if_each_said_absent_elsewhere() -> None:
    random = np.random.default_rng(1)
    moments, padded = Moments(Region.whole(SHAPE)), []
    for start, stop in [((2, 2, 2), (5, 5, 5)), ((3, 3, 3), (6, 7, 8)), ((1, 4, 3), (4, 6, 6))]:
        region = Region(start, stop)
        logits = random.normal(0, 5, region.shape).astype(np.float32)
        moments.add(Prediction(region, logits))
        padded.append(np.full(SHAPE, logits.min(), np.float32))
        padded[-1][region.slices] = logits
    assert moments.region == Region((1, 2, 2), (6, 7, 8))
    assert np.allclose(moments.mean, np.mean(padded, axis=0)[moments.region.slices], atol=1e-5)
    assert np.allclose(moments.deviation, np.std(padded, axis=0)[moments.region.slices], atol=1e-5)


def test_samples_that_grow_cross_and_miss_the_region_count_as_a_plain_mean_and_deviation() -> None:
    random = np.random.default_rng(2)
    near, (k, j, i) = Region((40, 3, 5), (90, 83, 105)), (60, 40, 40)  # several slabs of several planes
    moments, padded = Moments(near), []
    regions = [
        ((k, j, i), (70, 60, 70)),
        ((30, 0, 50), (65, 50, 120)),
        ((0, 0, 0), (9, 9, 9)),
        ((0, 0, 0), (99, 99, 110)),
    ]
    for start, stop in regions:
        region = Region(start, stop)
        logits = random.normal(-1, 5, region.shape).astype(np.float32)
        moments.add(Prediction(region, logits))
        seen = near.intersection(region)
        inner = logits[seen.within(region).slices] if seen.size else None
        lowest = inner.min() if inner is not None else np.mean([p.min() for p in padded])
        padded.append(np.full(near.shape, lowest, np.float32))
        if inner is not None:
            padded[-1][seen.within(near).slices] = inner
    assert moments.region == Region((40, 3, 5), (90, 83, 105))
    assert np.allclose(moments.mean, np.mean(padded, axis=0), atol=1e-5)
    assert np.allclose(moments.deviation, np.std(padded, axis=0), atol=1e-5)


def test_deviations_far_smaller_than_the_logits_keep_their_digits() -> None:
    region = Region.whole(SHAPE)
    moments = Moments(region)
    for value in (1000.0, 1000.25, 1000.5):
        moments.add(Prediction(region, np.full(SHAPE, value, np.float32)))
    assert np.allclose(moments.deviation, np.std([0, 0.25, 0.5]), rtol=1e-5)


def test_the_sureties_are_those_of_whole_sums_over_several_slabs() -> None:
    random = np.random.default_rng(4)
    mean = random.normal(0, 2, (60, 90, 80)).astype(np.float32)
    doubts = random.uniform(0, 0.5, mean.shape).astype(np.float32)
    p, mask = np.where(mean > 0, 1 - doubts, doubts).astype(np.float64), mean > 0
    found = surety(voxels((65, 96, 87), (5, 6, 7)), mean, doubts)
    for axis in range(3):
        across = tuple(other for other in range(3) if other != axis)
        dice = 2 * (p * mask).sum(axis=across) / (p.sum(axis=across) + mask.sum(axis=across))
        assert list(found[axis].slices) == [5 + axis + n for n in range(mean.shape[axis])]
        assert list(found[axis].slices.values()) == pytest.approx(dice.tolist(), rel=1e-5)


def test_samples_start_from_the_first_masks_logits_and_never_as_a_seed() -> None:
    priors: list[Prior | None] = []

    def decode(prompts: tuple[Prompt, ...], prior: Prior | None) -> Prediction:
        priors.append(prior)
        return Prediction(Region.whole(SHAPE), cube())

    run(Estimate(1, 1, PROMPTS, samples=2), decode)
    assert priors[0] is None
    assert all(prior is not None and (prior.logits == cube()).all() and not prior.seed for prior in priors[1:])
    priors.clear()
    seed = Prior(Region.whole(SHAPE), cube(), seed=True)
    run(Estimate(1, 1, PROMPTS, samples=2), decode, seed)
    assert priors[0] is seed
    assert [prior is not None and not prior.seed for prior in priors[1:]] == [True, True]


def test_prompts_are_drawn_from_the_first_mask_and_excludes_stay() -> None:
    first = Prediction(Region.whole(SHAPE), cube())
    lists = sampled_prompts(Estimate(1, 1, PROMPTS, samples=20, random_seed=3), first, SHAPE)
    assert len(lists) == 20
    drawn: set[Prompt] = set()
    for prompts in lists:
        assert prompts[0] == PROMPTS[1]
        assert first.logits[prompts[1].index] > 0
        drawn.add(prompts[1])
    assert len(drawn) > 10


def test_the_seed_decides_the_draw() -> None:
    first = Prediction(Region.whole(SHAPE), cube())
    one, two, other = (sampled_prompts(Estimate(1, 1, PROMPTS, 8, seed), first, SHAPE) for seed in (3, 3, 4))
    assert one == two
    assert one != other


def test_boxes_are_drawn_a_little_differently_and_stay_in_the_grid() -> None:
    box = Box((0, 0, 0), (7, 8, 9))
    first = Prediction(Region.whole((100, 100, 100)), np.zeros((100, 100, 100), np.float32))
    first.logits[20:60, 20:60, 20:60] = 3
    large = Box((10, 10, 10), (89, 89, 89))
    for wanted, shape in ((box, SHAPE), (large, (100, 100, 100))):
        logits = Prediction(Region.whole(SHAPE), cube()) if shape == SHAPE else first
        drawn = [prompts[0] for prompts in sampled_prompts(Estimate(1, 1, (wanted,), 20), logits, shape)]
        assert all(isinstance(b, Box) and Region.whole(shape).intersection(b.region()) == b.region() for b in drawn)
    assert len(set(drawn)) > 10
    assert max(abs(a - b) for b_ in drawn for a, b in zip(b_.start, large.start, strict=True)) <= 4


def test_an_empty_mask_has_no_uncertainty() -> None:
    with pytest.raises(EngineFailure, match="empty"):
        run(Estimate(1, 1, PROMPTS), decoder(cube(-1)))


def test_it_can_be_cancelled_between_decodes() -> None:
    token = Token()
    steps = estimate(Estimate(1, 1, PROMPTS), GEOMETRY, decoder(*[cube()] * 3), None, token)
    assert isinstance(next(steps), Progress)
    assert isinstance(next(steps), Progress)
    token.cancel()
    with pytest.raises(Cancelled):
        next(steps)


def voxels(stop: tuple[int, int, int], start: tuple[int, int, int] = (0, 0, 0)) -> tuple[Blocks, Region]:
    return Blocks(stop, (1, 1, 1)), Region(start, stop)


def made_estimate(deviation: np.ndarray, mean: np.ndarray, start: tuple[int, int, int] = (0, 0, 0)) -> Estimated:
    stop = tuple(a + n for a, n in zip(start, mean.shape, strict=True))
    return Estimated(Estimate(1, 1, PROMPTS), *voxels(stop, start), mean, deviation, (1.0,), (1.0, 1.0))


def test_the_suggestion_is_where_the_samples_disagree_near_the_border() -> None:
    deviation, mean = np.full((20, 20, 20), 0.1, np.float32), np.full((20, 20, 20), -9.0, np.float32)
    mean[5:15, 5:15, 5:15] = 9
    deviation[14:16, 9:12, 9:12], mean[14:16, 9:12, 9:12] = 3, 0.2
    deviation[0, 0, 0] = 50  # a far voxel that no sample takes for the object
    index, inside = suggest(made_estimate(deviation, mean, (100, 0, 0)), ())
    assert 113 <= index[0] <= 116
    assert 9 <= index[1] <= 12
    assert inside


def test_no_suggestion_on_a_prompt() -> None:
    deviation, mean = np.zeros((30, 30, 30), np.float32), np.zeros((30, 30, 30), np.float32)
    deviation[10, 10, 10] = 5
    deviation[20, 20, 20] = 4
    index, _ = suggest(made_estimate(deviation, mean), (Point((10, 10, 10)),))
    assert index == (20, 20, 20)


def test_the_suggestion_is_the_middle_of_a_block_and_not_in_one_that_a_prompt_touches() -> None:
    deviation, mean = np.zeros((8, 8, 8), np.float32), np.zeros((8, 8, 8), np.float32)
    deviation[2, 2, 2], deviation[5, 6, 7] = 5, 4
    grid = Blocks((33, 33, 33), (4, 4, 4))  # the last blocks of the grid are one voxel thick
    made = Estimated(Estimate(1, 1, PROMPTS), grid, Region((1, 1, 1), (9, 9, 9)), mean, deviation, (1.0,), (1.0, 1.0))
    assert suggest(made, ())[0] == (14, 14, 14)
    assert suggest(made, (Point((17, 14, 14)),))[0] == (26, 30, 32)  # two voxels beside the block


def test_where_all_samples_agree_the_border_decides() -> None:
    mean = np.full((20, 20, 20), -9.0, np.float32)
    mean[5:15, 5:15, 5:15] = 9
    mean[10, 10, 15] = 0.1
    assert suggest(made_estimate(np.zeros_like(mean), mean), ())[0] == (10, 10, 15)


def test_an_estimate_of_nothing_suggests_nothing() -> None:
    empty = np.zeros((0, 0, 0), np.float32)
    with pytest.raises(BadInput):
        suggest(made_estimate(empty, empty), ())


def test_the_interval_goes_down_by_what_may_be_wrong_and_up_by_what_may_be_missed() -> None:
    mean = np.full((1, 1, 10), -1, np.float32)
    mean[..., :6] = 1
    doubts = np.array([0, 0, 0, 0.1, 0.1, 0.3, 0.25, 0.25, 0, 0], np.float32).reshape(1, 1, 10)
    assert interval(voxels((1, 1, 10)), mean, doubts, 2.0, (12.0,)) == pytest.approx(
        (12 - 2 * 2 * 0.5, 12 + 2 * 2 * 0.5)
    )


def test_the_interval_is_never_narrower_than_the_samples_and_never_below_nothing() -> None:
    sure, unsure = np.zeros((3, 4, 5), np.float32), np.full((3, 4, 5), 0.5, np.float32)
    mean = np.ones((3, 4, 5), np.float32)
    grid = voxels((3, 4, 5))
    assert interval(grid, mean, sure, 1.0, tuple(range(101))) == (5, 95)
    assert interval(grid, mean, unsure, 1.0, (60.0,)) == (0, 60)
    assert interval(voxels((0, 0, 0)), np.zeros((0, 0, 0), np.float32), sure[:0, :0, :0], 1.0, (0.0, 0.0)) == (0, 0)


def test_only_the_neighbourhood_of_the_first_mask_is_looked_at() -> None:
    shape = (60, 60, 60)
    near, far = np.full(shape, -4, np.float32), np.full(shape, -4, np.float32)
    near[20:24, 20:24, 20:24] = far[20:24, 20:24, 20:24] = 4
    far[26, 26, 26] = far[40, 50, 50] = 1
    rest = iter([near, near, far])
    request = Estimate(1, 1, (Point((21, 21, 21)),), samples=2)
    *_, made = estimate(
        request, Geometry(shape, np.eye(4)), lambda p, q: Prediction(Region.whole(shape), next(rest)), None, Token()
    )
    assert made.region == made.cells == Region((12, 12, 12), (32, 32, 32))
    assert made.deviation[14, 14, 14] == pytest.approx(2.5)
    assert made.volumes == (0.064, 0.066)  # what lies farther counts for the interval


def test_answers_in_blocks_are_counted_by_blocks_and_say_the_same_of_every_voxel() -> None:
    shape, factors = (13, 14, 15), (2, 3, 4)  # the last blocks are cut off
    random, grid = np.random.default_rng(3), Blocks(shape, factors)
    cells = Region((1, 0, 1), (7, 5, 4))
    region = grid.voxels(cells)
    samples = [grid.spread(random.normal(0, 4, cells.shape).astype(np.float32), cells, region) for _ in range(4)]

    def made(blocks: tuple[int, int, int]) -> Estimated:
        rest = iter(samples)
        decode = lambda prompts, prior: Prediction(region, next(rest), blocks)  # noqa: E731  # one line says it
        *_, end = estimate(Estimate(1, 1, PROMPTS, 3), Geometry(shape, np.eye(4)), decode, None, Token())
        assert isinstance(end, Estimated)
        return end

    plain, coarse = made((1, 1, 1)), made(factors)
    assert (coarse.region, coarse.volumes) == (plain.region, plain.volumes)
    for one, other in zip(coarse.surety, plain.surety, strict=True):
        assert one.worst == other.worst
        assert one.slices == pytest.approx(other.slices)
    assert coarse.doubt is not None
    assert plain.doubt is not None
    pairs = ((coarse.mean, plain.mean), (coarse.deviation, plain.deviation), (coarse.doubt, plain.doubt))
    assert all(np.allclose(coarse.on_voxels(one), other, atol=1e-5) for one, other in pairs)
    assert coarse.interval == pytest.approx(plain.interval)
    for axis, at in enumerate(region.start):
        assert np.allclose(coarse.slab(axis, at + 1), plain.slab(axis, at + 1), atol=1e-5)
        assert np.array_equal(plain.slab(axis, at + 1), plain.deviation.take([1], axis))


def test_the_surety_of_a_slice_is_the_dice_that_draws_from_it_have() -> None:
    random = np.random.default_rng(0)
    mean, deviation = random.normal(0.3, 2, (5, 12, 12)), random.uniform(0.5, 3, (5, 12, 12))
    single = mean.astype(np.float32)
    found = surety(voxels((8, 12, 12), (3, 0, 0)), single, doubt(single, deviation.astype(np.float32)))
    draws = random.random((4000, *mean.shape)) < special.expit(
        mean + deviation * random.normal(size=(4000, *mean.shape))
    )
    mask = mean > 0
    expected = 2 * (draws & mask).sum(axis=(2, 3)) / (draws.sum(axis=(2, 3)) + mask.sum(axis=(1, 2)))
    assert [found[0].slices[k + 3] for k in range(5)] == pytest.approx(expected.mean(axis=0), abs=0.01)
    assert found[0].worst == 3 + expected.mean(axis=0).argmin()


def test_the_worst_slice_is_no_tip_of_the_mask() -> None:
    mean, deviation = np.full((6, 10, 10), -3, np.float32), np.ones((6, 10, 10), np.float32)
    mean[1:5, 2:8, 2:8] = 3
    mean[5, 4, 4] = 0.1  # a tip of one voxel, most unsure
    deviation[3] = 4
    found = surety(voxels((6, 10, 10)), mean, doubt(mean, deviation))
    assert found[0].worst == 3
    assert min(found[0].slices, key=found[0].slices.__getitem__) == 5
    assert 0 not in found[0].slices
    assert surety(voxels((6, 10, 10)), -abs(mean), doubt(mean, deviation)) == ()


def test_doubt_is_the_chance_of_the_other_side_over_draws_of_the_logit() -> None:
    random = np.random.default_rng(0)
    mean, deviation = random.normal(0, 2, 50), random.uniform(0.2, 3, 50)
    inside = special.expit(mean + deviation * random.normal(size=(20_000, 50))).mean(axis=0)
    found = doubt(mean.astype(np.float32), deviation.astype(np.float32))
    assert np.abs(found - np.minimum(inside, 1 - inside)).max() < 0.02
    assert doubt(np.array([9, -9], np.float32), np.zeros(2, np.float32)) == pytest.approx(special.expit([-9, -9]))
    assert doubt(np.zeros(1, np.float32), np.full(1, 3, np.float32)) == pytest.approx([0.5])
