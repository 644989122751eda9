"""The median of a voxel and its neighbours: exact, at the border too, for every arrangement of its network."""

from itertools import product

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from app import median
from app.median import median3

RADII = [radius for n in (1, 2, 3) for radius in product((0, 1), repeat=n)]


@given(st.data())
def test_it_is_scipys_median_with_the_border_repeated(data: st.DataObject) -> None:
    radius = data.draw(st.sampled_from(RADII))
    shape = data.draw(st.tuples(*[st.integers(1, 9)] * len(radius)))
    generator = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    image = generator.integers(0, data.draw(st.sampled_from((2, 5, 10**6))), shape).astype(np.float32)
    before = image.copy()
    found = median3(image, radius)
    assert np.array_equal(found, ndimage.median_filter(image, [2 * r + 1 for r in radius], mode="nearest"))
    assert found.dtype == np.float32
    assert np.array_equal(image, before)
    assert not np.shares_memory(found, image)


def test_the_network_is_right_for_every_arrangement() -> None:
    """By the 0-1 principle (Knuth, TAOCP 3, 5.3.4) for all sets of one column of nine, all counts of the others."""
    columns = np.array(list(product((0, 1), repeat=9)), np.float32).reshape(-1, 3, 3)
    counted = np.array([[n < count for n in range(9)] for count in range(10)], np.float32).reshape(-1, 3, 3)
    for place in range(3):
        cases = [np.stack(np.roll([a, b, c], place, 0), -1) for a in columns for b in counted for c in counted]
        middles = median3(np.concatenate(cases, -1), (1, 1, 1))[1, 1, 1::3]
        assert np.array_equal(middles, [case.sum() >= 14 for case in cases])
    planes = median3(np.concatenate(columns, -1), (1, 1))[1, 1::3]
    assert np.array_equal(planes, columns.sum((1, 2)) >= 5)


@pytest.mark.parametrize("slab", [1, 500, 10**6])
@pytest.mark.parametrize("radius", [(1, 1, 1), (0, 1, 1), (1, 0, 1)])
def test_it_is_itks_median_however_the_work_is_cut(
    slab: int, radius: tuple[int, int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(median, "_SLAB", slab)
    monkeypatch.setattr(median, "_CHUNK", 1 + slab // 7)
    image = np.random.default_rng(1).normal(size=(7, 12, 9)).astype(np.float32)
    strided = np.asfortranarray(image)
    expected = sitk.GetArrayFromImage(sitk.Median(sitk.GetImageFromArray(image), radius[::-1]))
    assert np.array_equal(median3(image, radius), expected)
    assert np.array_equal(median3(strided, radius), expected)


def test_no_radius_and_no_voxel_give_a_copy() -> None:
    image = np.ones((2, 3), np.float32)
    assert np.array_equal(median3(image, (0, 0)), image)
    assert median3(image, (0, 0)) is not image
    assert median3(np.zeros((0, 3), np.float32), (1, 1)).shape == (0, 3)
