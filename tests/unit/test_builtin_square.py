"""The square of points around a mask: where they lie, what is found there, and the way back to the pixels."""

from __future__ import annotations

import numpy as np
import pytest

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
