"""Equations 1 to 3 of FastSAM-3DSlicer on made logits, and what is suggested from them."""

from __future__ import annotations

import numpy as np
import pytest

from app.engine.protocol import Estimate, Estimated, Prediction
from app.engine.uncertainty import ABSENT, estimate, interval, sampled_prompts, suggest
from app.errors import Cancelled, EngineFailure
from app.geometry import Geometry, Region
from app.prompts import Point, Prompt

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
    return lambda prompts: Prediction(Region.whole(SHAPE), next(rest))


def test_mean_and_deviation_are_those_of_the_samples() -> None:
    a, b, c = cube(), cube(1), cube(5, -1)
    made = estimate(Estimate(1, 1, PROMPTS, samples=2), GEOMETRY, decoder(a, b, c), lambda: None)
    assert np.allclose(made.mean, (b + c) / 2)
    assert np.allclose(made.deviation, np.std([b, c], axis=0), atol=1e-5)
    assert made.volumes == pytest.approx((4 * 5 * 6 * 10 / 1000,) * 2)


def test_equal_samples_have_no_deviation() -> None:
    made = estimate(Estimate(1, 1, PROMPTS, samples=3), GEOMETRY, decoder(*[cube()] * 4), lambda: None)
    assert made.deviation.max() < 1e-3


def test_samples_on_different_regions_are_put_together() -> None:
    small = Region((2, 2, 2), (4, 4, 4))
    parts = iter(
        [
            Prediction(Region.whole(SHAPE), cube()),
            Prediction(small, np.ones((2, 2, 2), np.float32)),
            Prediction(Region((3, 3, 3), (6, 6, 6)), np.ones((3, 3, 3), np.float32)),
        ]
    )
    made = estimate(Estimate(1, 1, PROMPTS, samples=2), GEOMETRY, lambda _: next(parts), lambda: None)
    assert made.region == Region((2, 2, 2), (6, 6, 6))
    assert made.mean[1, 1, 1] == 1
    assert made.mean[0, 0, 0] == pytest.approx((1 + ABSENT) / 2)


def test_prompts_are_drawn_from_the_first_mask_and_excludes_stay() -> None:
    first = Prediction(Region.whole(SHAPE), cube())
    lists = sampled_prompts(Estimate(1, 1, PROMPTS, samples=20, random_seed=3), first)
    assert len(lists) == 20
    drawn: set[Prompt] = set()
    for prompts in lists:
        assert prompts[0] == PROMPTS[1]
        assert first.logits[prompts[1].index] > 0
        drawn.add(prompts[1])
    assert len(drawn) > 10


def test_the_seed_decides_the_draw() -> None:
    first = Prediction(Region.whole(SHAPE), cube())
    one, two, other = (sampled_prompts(Estimate(1, 1, PROMPTS, 8, seed), first) for seed in (3, 3, 4))
    assert one == two
    assert one != other


def test_an_empty_mask_has_no_uncertainty() -> None:
    with pytest.raises(EngineFailure, match="empty"):
        estimate(Estimate(1, 1, PROMPTS), GEOMETRY, decoder(cube(-1)), lambda: None)


def test_it_can_be_cancelled_between_decodes() -> None:
    def check() -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        estimate(Estimate(1, 1, PROMPTS), GEOMETRY, decoder(cube()), check)


def made_estimate(deviation: np.ndarray, mean: np.ndarray, start: tuple[int, int, int] = (0, 0, 0)) -> Estimated:
    stop = tuple(a + n for a, n in zip(start, mean.shape, strict=True))
    return Estimated(Estimate(1, 1, PROMPTS), Region(start, stop), mean, deviation, (1.0,))


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


def test_the_interval_is_the_middle_of_the_samples() -> None:
    assert interval(tuple(range(101))) == (5, 95)
