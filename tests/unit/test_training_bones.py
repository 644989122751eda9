"""Invented bones: whole, apart from each other, dense outside, in Hounsfield units."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from scipy import ndimage

from app.engine.builtin.surroundings import in_hounsfield
from training.graph.bones import bones, skull


@pytest.mark.parametrize("seed", range(8))
def test_bones_are_whole_and_do_not_touch(seed):
    image, masks = bones(48, np.random.default_rng(seed))
    assert image.shape == (48, 48, 48)
    assert -1300 < image.min() < image.max() < 4000
    for mask in masks:
        assert mask.sum() >= 100
        assert ndimage.label(mask)[1] == 1
    assert not any((ndimage.binary_dilation(a) & b).any() for a, b in combinations(masks, 2))


def test_the_shell_is_denser_than_what_it_encloses_and_than_what_lies_around():
    shells, marrows, around = [], [], []
    for seed in range(12):
        image, masks = bones(56, np.random.default_rng(seed))
        for mask in masks:
            depth = ndimage.distance_transform_edt(mask)
            outside = ndimage.distance_transform_edt(~np.logical_or.reduce(masks))
            if depth.max() > 6:
                shells.append(np.percentile(image[mask & (depth <= 2)], 75))
                marrows.append(np.median(image[depth > 5]))
                around.append(np.median(image[(outside > 3) & (outside < 6)]))
    assert len(shells) > 10
    assert np.median(shells) > np.median(marrows) + 100
    assert np.median(marrows) > np.median(around)


def test_about_half_of_the_cubes_reach_from_air_to_bone_and_are_known_as_ct():
    cubes = (bones(48, np.random.default_rng(seed))[0] for seed in range(30))
    assert 11 <= sum(in_hounsfield(np.percentile(cube, (0.1, 99.9))) for cube in cubes) <= 19


@pytest.mark.parametrize("seed", range(3))
def test_a_skull_is_one_thin_bright_shell_that_reaches_through_the_cube(seed):
    image, (mask,) = skull(56, np.random.default_rng(seed))
    assert ndimage.label(mask, np.ones((3, 3, 3)))[1] == 1
    assert 0.02 < mask.mean() < 0.4
    assert all(np.ptp(places) > 0.4 * 56 for places in np.nonzero(mask))
    assert ndimage.distance_transform_edt(mask).max() < 0.15 * 56
    assert np.median(image[mask]) > np.median(image[~mask]) + 100


def test_the_same_numbers_give_the_same_bones():
    (first, ours), (second, theirs) = (bones(48, np.random.default_rng(3)) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    assert len(ours) == len(theirs)
    assert all((a == b).all() for a, b in zip(ours, theirs, strict=True))
