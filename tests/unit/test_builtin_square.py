"""The square of points around a mask: where they lie, what is found there, and the way back to the pixels."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from app.engine.builtin.square import SIDE, Square


def disc(shape: tuple[int, int], middle: tuple[float, float], radius: tuple[float, float]) -> np.ndarray:
    rows, columns = np.ogrid[: shape[0], : shape[1]]
    away = ((rows - middle[0]) / radius[0]) ** 2 + ((columns - middle[1]) / radius[1]) ** 2
    return np.asarray(away < 1)


def whole(plane: np.ndarray) -> tuple[slice, slice]:
    return slice(0, plane.shape[0]), slice(0, plane.shape[1])


def test_small_masks_are_seen_pixel_by_pixel_and_what_is_put_back_is_the_same() -> None:
    plane = np.random.default_rng(0).normal(size=(200, 180)).astype(np.float32)
    square = Square.around(disc(plane.shape, (100, 90), (12, 9)), (0.7, 0.7))
    assert (square.strides, square.pitch) == ((1.0, 1.0), 0.7)
    top, left = (int(first) for first in square.origin)
    points = square.take(plane[square.window], square.window)
    np.testing.assert_array_equal(points, plane[top : top + SIDE, left : left + SIDE])
    inner = slice(top + 5, top + 20), slice(left + 3, left + 40)
    np.testing.assert_array_equal(square.put(points, inner), plane[inner])
    assert not square.put(points, (slice(0, top - 1), slice(0, 180))).any()


@pytest.mark.parametrize("steps", [(1.0, 1.0), (0.5, 1.5), (3.0, 0.8)])
def test_a_large_mask_fits_with_room_around_it_and_points_are_as_far_apart_both_ways(
    steps: tuple[float, float],
) -> None:
    mask = disc((400, 420), (210, 190), (90 / steps[0], 60 / steps[1]))
    square = Square.around(mask, steps)
    assert square.strides[0] * steps[0] == pytest.approx(square.strides[1] * steps[1]) == pytest.approx(square.pitch)
    seen = square.take(mask[square.window], square.window) > 0.5
    assert seen.sum() * square.pitch**2 == pytest.approx(mask.sum() * steps[0] * steps[1], rel=0.02)
    rows, columns = np.flatnonzero(seen.any(axis=1)), np.flatnonzero(seen.any(axis=0))
    assert 5 < rows[0] < rows[-1] < SIDE - 6
    assert 5 < columns[0] < columns[-1] < SIDE - 6
    assert abs(rows.mean() - (SIDE - 1) / 2) < 1
    back = square.put(seen.astype(np.float32), whole(mask)) > 0.5
    assert 2 * (back & mask).sum() / (back.sum() + mask.sum()) > 0.96


def test_beyond_the_slice_there_is_what_is_said_or_the_nearest_pixel() -> None:
    plane = np.arange(40, dtype=np.float32)[None].repeat(30, axis=0)
    square = Square.around(disc(plane.shape, (3, 20), (3, 3)), (1, 1))
    said, nearest = square.take(plane, whole(plane), -7), square.take(plane, whole(plane))
    outside = np.arange(SIDE) + square.origin[0] < 0
    assert outside.any()
    assert (said[outside] == -7).all()
    left = int(square.origin[1])
    assert left < 0
    assert (nearest[:, :-left] == 0).all()
    np.testing.assert_array_equal(nearest[0, -left : -left + 40], np.arange(40))


def test_a_window_of_the_slice_gives_what_the_whole_slice_gives() -> None:
    plane = np.random.default_rng(1).normal(size=(90, 110)).astype(np.float32)
    square = Square.around(disc(plane.shape, (44, 52), (10, 14)), (1, 1))
    np.testing.assert_array_equal(square.take(plane[square.window], square.window), square.take(plane, whole(plane)))


def test_points_within_the_slice_are_known_and_depth_has_a_most() -> None:
    plane = disc((30, 40), (3, 20), (3, 3))
    square = Square.around(plane, (1, 1))
    everywhere = square.take(np.ones(plane.shape, np.float32)[square.window], square.window, 0.0)
    np.testing.assert_array_equal(square.within, everywhere)
    assert set(np.unique(square.within)) == {0, 1}
    depth = square.depth(plane)
    assert (depth > 0).sum() == plane.sum()
    assert depth.min() == -1
    assert 0 < depth.max() < 1
    limited = square.take_limited(np.full(plane.shape, 9.0)[square.window], square.window, 3, -1.5)
    np.testing.assert_array_equal(limited, np.where(square.within > 0, 1, -0.5))


@pytest.mark.parametrize("shape", [(1, 1), (2, 300), (170, 1), (90, 410)])
@pytest.mark.parametrize("steps", [(1.0, 1.0), (0.4, 3.1), (2.5, 0.7)])
def test_what_is_taken_and_put_is_what_filters_and_interpolation_give(
    shape: tuple[int, int], steps: tuple[float, float]
) -> None:
    plane = np.random.default_rng(2).normal(size=shape).astype(np.float32)
    square = Square.around(np.ones(shape, dtype=bool), steps)
    crop = plane[square.window]
    sizes = [max(1, round(stride)) if max(square.strides) > 1.5 else 1 for stride in square.strides]
    starts = [first - span.start for first, span in zip(square.origin, square.window, strict=True)]
    lines = [start + np.arange(SIDE) * stride for start, stride in zip(starts, square.strides, strict=True)]
    places, blurred = np.stack(np.meshgrid(*lines, indexing="ij")), ndimage.uniform_filter(crop, sizes)
    for beyond, how in ((None, {"mode": "nearest"}), (-3.0, {"mode": "constant", "cval": -3.0})):
        expected = ndimage.map_coordinates(blurred, places, order=1, **how)
        np.testing.assert_allclose(square.take(crop, square.window, beyond), expected, atol=1e-5)
    values = np.random.default_rng(3).normal(size=(SIDE, SIDE)).astype(np.float32)
    back = [
        (np.arange(n) - start) / stride for n, start, stride in zip(crop.shape, starts, square.strides, strict=True)
    ]
    expected = ndimage.map_coordinates(values, np.stack(np.meshgrid(*back, indexing="ij")), order=1, mode="constant")
    np.testing.assert_allclose(square.put(values, square.window), expected, atol=1e-5)
