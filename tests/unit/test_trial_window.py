"""Windows on a slice: what is read lies where it should, and comes back to the pixels that it was read from."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from app.engine.trial.slices.window import Window, box_of

SPACING = (0.8, 1.7)


def ramp(shape: tuple[int, int]) -> np.ndarray:
    row, column = np.indices(shape, dtype=np.float32)
    return 3 * row - 2 * column


@pytest.mark.parametrize("step", [0.5, 0.8, 2.3, 6.0])
def test_a_linear_slice_is_read_exactly_at_any_size(step: float) -> None:
    window = Window((151.2, 110.9), step, SPACING, 16)
    at = [window.centre[a] + (np.arange(16) - 7.5) * step / SPACING[a] for a in (0, 1)]
    np.testing.assert_allclose(window.read(ramp((300, 230))), 3 * at[0][:, None] - 2 * at[1], atol=2e-3)


def test_between_pixels_it_reads_as_scipy_does_and_repeats_the_border() -> None:
    plane = np.random.default_rng(0).normal(size=(30, 22)).astype(np.float32)
    window = Window((3.2, 12.7), 0.7, SPACING, 24)
    at = np.meshgrid(*(window.centre[a] + (np.arange(24) - 11.5) * 0.7 / SPACING[a] for a in (0, 1)), indexing="ij")
    expected = ndimage.map_coordinates(plane, at, order=1, mode="nearest")
    np.testing.assert_allclose(window.read(plane), expected, atol=1e-5)


def test_values_come_back_to_where_they_were_read() -> None:
    plane = ramp((90, 80))
    window = Window((41.1, 37.4), 1.1, SPACING, 32)
    back = window.placed(window.read(plane), plane.shape, np.nan)
    inner = np.s_[26:56, 30:45]
    np.testing.assert_allclose(back[inner], plane[inner], atol=1e-3)
    assert np.isnan(back[0]).all()
    assert np.isnan(back[:, -1]).all()


def test_a_mask_keeps_its_place_through_a_window() -> None:
    mask = np.zeros((200, 120), bool)
    mask[60:100, 40:55] = True
    window = Window.around(box_of(mask), 0.5, mask.shape, SPACING, 96)
    back = window.placed(window.read(mask.astype(np.float32)), mask.shape, 0.0) > 0.5
    assert (back != mask).mean() < 0.002
    np.testing.assert_allclose(ndimage.center_of_mass(back), ndimage.center_of_mass(mask), atol=0.2)


def test_an_object_takes_about_the_share_that_was_asked_for() -> None:
    for length in (24, 40, 90):
        mask = np.zeros((256, 256), bool)
        mask[100 : 100 + length, 120:126] = True
        window = Window.around(box_of(mask), 0.5, mask.shape, (1.0, 1.0), 96)
        assert 0.4 < length / (window.step * window.side) < 0.62


def test_small_changes_of_a_mask_keep_the_window() -> None:
    windows = {
        Window.around(((100.0, 100.0 + d), (139.0, 150.0)), 0.5, (256, 256), (1.0, 1.0), 96) for d in (0.0, 0.5, 1.0)
    }
    assert len(windows) == 1


def test_clicked_pixels_are_found_again_and_those_outside_left_out() -> None:
    window = Window((50.0, 50.0), 0.8, SPACING, 32)
    assert window.pixels(np.array([[50, 50], [0, 0], [51, 50]])) == [(16, 16), (17, 16)]
