"""The displacement between two slices: found where there is structure, none where there is not."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from app.engine.classic.motion import displacement, warped

NOISE = 0.01


@pytest.fixture(scope="module")
def texture() -> np.ndarray:
    """Smooth tones of spread 0.1."""
    made = ndimage.gaussian_filter(np.random.default_rng(0).normal(0, 1, (64, 72)), 3)
    return (0.1 * made / made.std()).astype(np.float32)


@pytest.mark.parametrize("shift", [(0.0, 0.0), (1.0, 0.0), (0.0, -1.5), (1.0, 2.0)])
def test_a_shift_is_found(texture, shift):
    now = ndimage.shift(texture, shift, order=1, mode="nearest")
    moved = displacement(texture, now, NOISE)
    inner = moved[:, 12:-12, 12:-12]
    assert np.abs(inner.mean(axis=(1, 2)) + shift).max() < 0.3  # from `now` back to where it was


def test_a_plane_brought_along_is_like_the_new_slice(texture):
    now = ndimage.shift(texture, (1.0, -1.0), order=1, mode="nearest")
    brought = warped(texture, displacement(texture, now, NOISE))
    inner = np.s_[8:-8, 8:-8]
    assert np.abs(brought - now)[inner].mean() < 0.3 * np.abs(texture - now)[inner].mean()


def test_noise_alone_moves_nothing():
    first, second = np.random.default_rng(1).normal(0.5, NOISE / 4, (2, 40, 40)).astype(np.float32)
    assert np.abs(displacement(first, second, NOISE)).mean() < 0.1


def test_a_plane_without_any_structure_or_noise_stays():
    flat = np.full((9, 7), 0.5, np.float32)
    assert not displacement(flat, flat, 0.0).any()
    assert np.array_equal(warped(flat, displacement(flat, flat, 0.0)), flat)


@pytest.mark.parametrize("shape", [(7, 1), (1, 9), (1, 1)])
def test_slices_one_pixel_wide_are_answered(shape):
    """A volume of 6 x 7 x 1 voxels has such slices; numpy's gradient refuses them."""
    rng = np.random.default_rng(2)
    before, now = rng.normal(0, 1, (2, *shape)).astype(np.float32)
    assert np.isfinite(displacement(before, now, NOISE)).all()
