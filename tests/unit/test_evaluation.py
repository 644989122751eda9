"""Metrics against second implementations, protocols against a clicker that is known."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given
from hypothesis import strategies as st

from app.engine.evaluation import (
    PROTOCOLS,
    clicks_3d,
    clicks_propagate,
    dice,
    hausdorff95,
    mask_propagate,
    surface_dice,
)
from app.engine.evaluation.metrics import border, deepest, largest_component
from app.prompts import Point, Prompt

SPACING = (2.0, 1.0, 0.5)
KK, JJ, II = np.ogrid[:20, :30, :40]
TRUTH = (2 * (KK - 10)) ** 2 + (JJ - 15) ** 2 + (0.5 * (II - 20)) ** 2 < 64
MOVED = np.roll(TRUTH, 2, axis=1)


def image(mask: np.ndarray) -> sitk.Image:
    made = sitk.GetImageFromArray(mask.astype(np.uint8))
    made.SetSpacing(SPACING[::-1])
    return made


@given(st.integers(0, 2**32 - 1))
def test_dice_is_that_of_simpleitk(seed: int) -> None:
    generator = np.random.default_rng(seed)
    a, b = generator.random((2, 4, 5, 6)) < generator.random()
    if not a.any() or not b.any():
        return
    overlap = sitk.LabelOverlapMeasuresImageFilter()
    overlap.Execute(image(a), image(b))
    assert dice(a, b) == pytest.approx(overlap.GetDiceCoefficient())


def distances(mask: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """From every border voxel of one mask to the nearest of the other, pair by pair."""
    a, b = (np.argwhere(border(m)) * SPACING for m in (mask, reference))
    return np.linalg.norm(a[:, None] - b[None], axis=2).min(axis=1)


def test_surface_dice_and_hausdorff_are_those_of_all_pairs() -> None:
    there, back = distances(MOVED, TRUTH), distances(TRUTH, MOVED)
    near = (there <= 1.5).sum() + (back <= 1.5).sum()
    assert surface_dice(MOVED, TRUTH, SPACING, 1.5) == pytest.approx(near / (there.size + back.size))
    worst = max(np.percentile(there, 95), np.percentile(back, 95))
    assert hausdorff95(MOVED, TRUTH, SPACING) == pytest.approx(worst)


def test_the_same_mask_is_perfect_and_an_empty_one_is_not() -> None:
    assert dice(TRUTH, TRUTH) == surface_dice(TRUTH, TRUTH, SPACING) == 1
    assert hausdorff95(TRUTH, TRUTH, SPACING) == 0
    assert dice(np.zeros_like(TRUTH), TRUTH) == surface_dice(np.zeros_like(TRUTH), TRUTH, SPACING) == 0


def test_the_deepest_voxel_is_deepest_in_millimetres() -> None:
    slab = np.zeros((9, 9, 9), bool)
    slab[2:7, 2:7, 2:7] = True
    assert deepest(slab, (1.0, 1.0, 1.0)) == (4, 4, 4)
    assert deepest(TRUTH, SPACING) == (10, 15, 20)


def test_the_largest_component_is_one_piece() -> None:
    two = np.zeros((5, 5, 12), bool)
    two[1:4, 1:4, 1:4] = two[1:4, 1:4, 6:11] = True
    assert largest_component(two).sum() == 45


class Oracle:
    """A ball of 6 mm around every include point, less that around exclude points; carries to all slices."""

    def __init__(self) -> None:
        self.asked: list[tuple[Prompt, ...]] = []

    def answer(self, prompts: tuple[Prompt, ...]) -> np.ndarray:
        self.asked.append(prompts)
        mask = np.zeros(TRUTH.shape, bool)
        for prompt in prompts:
            assert isinstance(prompt, Point)
            k, j, i = prompt.index
            ball = (2 * (KK - k)) ** 2 + (JJ - j) ** 2 + (0.5 * (II - i)) ** 2 <= 36
            mask = mask | ball if prompt.positive else mask & ~ball
        return mask

    def carry(self, axis: int, index: int, mask: np.ndarray) -> np.ndarray:
        self.carried = axis, index, mask
        return np.repeat(np.expand_dims(mask, axis), TRUTH.shape[axis], axis=axis)


def test_clicks_go_where_the_protocol_says() -> None:
    oracle = Oracle()
    report = clicks_3d(oracle, TRUTH, SPACING, rounds=4)
    first = oracle.asked[0][0]
    assert first == Point((10, 15, 20))
    mask = oracle.answer((first,))
    second = report.rounds[1].point
    assert second.positive
    assert (TRUTH & ~mask)[second.index]
    assert [r.clicks for r in report.rounds] == [1, 2, 3, 4]
    assert report.rounds[0].dice == pytest.approx(dice(mask, TRUTH))


def test_an_exclude_click_follows_a_leak() -> None:
    class Leaky(Oracle):
        def answer(self, prompts: tuple[Prompt, ...]) -> np.ndarray:
            leak = (np.zeros_like(TRUTH) | (KK < 4)) & (len(prompts) < 2)
            return TRUTH | leak

    report = clicks_3d(Leaky(), TRUTH, SPACING, rounds=5)
    assert not report.rounds[1].point.positive
    assert report.rounds[1].dice == 1
    assert report.after(10) == report.rounds[-1]


def test_slices_are_those_across_the_thickest_axis_with_the_largest_area() -> None:
    oracle = Oracle()
    report = mask_propagate(oracle, TRUTH, SPACING)
    axis, index, mask = oracle.carried
    assert (axis, index) == (0, 10)
    assert (mask == TRUTH[10]).all()
    carried = np.broadcast_to(TRUTH[10], TRUTH.shape)
    assert report.figures["dice_3d"] == pytest.approx(dice(carried, TRUTH))


def test_clicks_propagate_is_judged_in_2d_and_in_3d() -> None:
    oracle = Oracle()
    report = clicks_propagate(oracle, TRUTH, SPACING)
    assert len(report.rounds) <= 5
    assert all(p.index[0] == 10 for p in oracle.asked[-1])
    assert report.figures["dice_2d"] == pytest.approx(dice(oracle.carried[2], TRUTH[10]))
    assert 0 < report.figures["dice_3d"] < 1


def test_the_protocols_have_the_names_of_the_design() -> None:
    assert set(PROTOCOLS) == {"clicks-3d", "clicks-propagate", "mask-propagate"}
