"""The crop of the 3D SAMs and the way back: what is at a place in the patient stays there, in any grid."""

from __future__ import annotations

import numpy as np
import pytest

from app.engine.protocol import Prior
from app.engine.sam_volumetric.crop import Crop
from app.engine.sam_volumetric.intensity import normalised
from app.geometry import Geometry, Region

SPACING = 1.5
RAS = np.eye(3)
LPS = np.diag([-1.0, -1.0, 1.0])
SAGITTAL = np.array([[0.0, 0, -1], [-1, 0, 0], [0, -1, 0]])  # i runs to P, j to I, k to L
TILTED = np.array([[0.9659258, 0, 0.258819], [0, 1, 0], [-0.258819, 0, 0.9659258]]) @ LPS

GRIDS = {
    "isotropic": ((150, 140, 160), RAS, (1.5, 1.5, 1.5)),
    "anisotropic": ((40, 230, 210), LPS, (0.8, 0.9, 5.0)),
    "small": ((9, 30, 21), LPS, (2.0, 2.0, 4.0)),
    "one slice": ((1, 64, 80), RAS, (1.0, 1.0, 3.0)),
    "sagittal": ((60, 220, 200), SAGITTAL, (1.1, 1.2, 3.0)),
    "oblique": ((70, 90, 100), TILTED, (1.3, 1.4, 2.5)),
}


def grid(name: str) -> Geometry:
    shape, directions, spacing = GRIDS[name]
    affine = np.eye(4)
    affine[:3, :3] = directions * spacing
    affine[:3, 3] = 12.0, -34.0, 56.0
    return Geometry(shape, affine)


def along(geometry: Geometry, world_axis: int) -> np.ndarray:
    """For every voxel, how many millimetres it lies along the array axis that follows a world axis."""
    axis = geometry.axis_of(world_axis)
    steps = np.arange(geometry.shape[axis]) * geometry.spacing[axis] * (1 if geometry.grows(axis) else -1)
    return np.broadcast_to(steps.reshape([-1 if a == axis else 1 for a in range(3)]), geometry.shape).astype(np.float32)


def centre_of(geometry: Geometry) -> tuple[int, int, int]:
    k, j, i = geometry.shape
    return k // 3, j // 2, 2 * i // 3


@pytest.mark.parametrize("name", GRIDS)
def test_samples_are_what_the_scan_holds_at_their_place(name):
    geometry = grid(name)
    centre = centre_of(geometry)
    crop = Crop(geometry, centre, SPACING)
    inside = crop.take(np.ones(geometry.shape, np.int16)) > 0
    for world_axis in range(3):
        values = along(geometry, world_axis)
        samples = crop.take(values - values[centre] + 1000)
        wanted = 1000 + SPACING * (np.arange(128) - 64).reshape([-1 if a == world_axis else 1 for a in range(3)])
        half = geometry.spacing[geometry.axis_of(world_axis)] / 2 + 1e-3  # at a border the last voxel is held
        assert np.abs(samples - wanted)[inside].max() <= half
        ends = (values - values[centre] + 1000).min(), (values - values[centre] + 1000).max()
        between = inside & np.broadcast_to((wanted >= ends[0]) & (wanted <= ends[1]), inside.shape)
        np.testing.assert_allclose(samples[between], np.broadcast_to(wanted, samples.shape)[between], atol=2e-3)


@pytest.mark.parametrize("name", GRIDS)
def test_beyond_the_scan_the_crop_is_zero(name):
    geometry = grid(name)
    crop = Crop(geometry, centre_of(geometry), SPACING)
    samples = crop.take(np.full(geometry.shape, 7, np.uint8))
    assert set(np.unique(samples)) <= {0.0, 7.0}
    for world_axis in range(3):
        axis = geometry.axis_of(world_axis)
        covered = (samples > 0).any(axis=tuple(a for a in range(3) if a != world_axis)).sum()
        extent = geometry.shape[axis] * geometry.spacing[axis] / SPACING
        assert covered <= min(128, extent + 1)
        if extent < 64:
            assert covered >= extent - 1


@pytest.mark.parametrize("name", GRIDS)
def test_answers_lie_where_the_samples_were(name):
    geometry = grid(name)
    centre = centre_of(geometry)
    crop = Crop(geometry, centre, SPACING)
    assert crop.region.contains(centre)
    for world_axis in range(3):
        ramp = (np.arange(32) * 4 + 1.5).reshape([-1 if a == world_axis else 1 for a in range(3)])
        logits = crop.place(np.broadcast_to(ramp, (32, 32, 32)).astype(np.float32))
        assert logits.shape == crop.region.shape
        values = along(geometry, world_axis)
        wanted = (64 + (values - values[centre]) / SPACING)[crop.region.slices]
        between = (wanted >= 2) & (wanted <= 125)  # further out the ends of 32 values are held
        np.testing.assert_allclose(logits[between], wanted[between], atol=1e-3)
        assert between.any()


@pytest.mark.parametrize("name", GRIDS)
def test_the_region_is_every_voxel_of_the_crop_and_no_other(name):
    geometry = grid(name)
    centre = centre_of(geometry)
    region = Crop(geometry, centre, SPACING).region
    for axis, (start, stop) in enumerate(zip(region.start, region.stop, strict=True)):
        step = geometry.spacing[axis] / SPACING * (1 if geometry.grows(axis) else -1)
        places = 64 + (np.arange(geometry.shape[axis]) - centre[axis]) * step
        np.testing.assert_array_equal(np.arange(start, stop), np.flatnonzero((places >= -0.5) & (places < 127.5)))


@pytest.mark.parametrize("name", GRIDS)
def test_the_clicked_voxel_is_the_middle_sample_and_neighbours_move_to_ras(name):
    geometry = grid(name)
    centre = centre_of(geometry)
    crop = Crop(geometry, centre, SPACING)
    assert crop.sample(centre) == (64, 64, 64)
    for world_axis in range(3):
        axis = geometry.axis_of(world_axis)
        other = list(centre)
        other[axis] += 8 if geometry.shape[axis] > centre[axis] + 8 else 0
        step = (other[axis] - centre[axis]) * geometry.spacing[axis] / SPACING * (1 if geometry.grows(axis) else -1)
        assert crop.sample(tuple(other))[world_axis] == 64 + round(step)


@pytest.mark.parametrize("name", ["isotropic", "anisotropic", "sagittal"])
def test_logits_of_the_scan_come_back_to_the_decoder(name):
    geometry = grid(name)
    crop = Crop(geometry, centre_of(geometry), SPACING)
    cells = np.arange(32)
    low = (4 * np.cos(cells / 7)[:, None, None] + cells[None, :, None] / 8 - np.sin(cells / 9)[None, None, :]) - 3
    low = low.astype(np.float32)
    logits = crop.place(low)
    again = crop.lowered(Prior(crop.region, logits))
    known = crop.lowered(Prior(crop.region, np.full_like(logits, 5.0))) == 5.0
    known[[0, -1]] = known[:, [0, -1]] = known[:, :, [0, -1]] = False
    assert known.sum() > 500
    assert np.abs(again - low)[known].max() < 0.25  # smoothed twice
    far = crop.lowered(Prior(Region((0, 0, 0), (1, 1, 1)), np.full((1, 1, 1), 5.0, np.float32)))
    assert (far == -10).mean() > 0.99


def test_intensities_are_scored_by_the_voxels_above_zero():
    samples = np.array([-2000.0, -100.0, 0.0, 1.0, 3.0, 5.0], np.float32).reshape(1, 1, 6)
    deviation = 2.0  # of 1, 3, 5, with Bessel's correction
    np.testing.assert_allclose(normalised(samples, None), (samples - 3) / deviation, rtol=1e-6)
    clipped = normalised(samples, (-1000.0, 1000.0))
    assert clipped[0, 0, 0] == pytest.approx((-1000 - 3) / deviation)


def test_an_image_without_values_above_zero_is_scored_by_all():
    samples = np.array([-3.0, -1.0, -2.0], np.float32)
    np.testing.assert_allclose(normalised(samples, None), [-1, 1, 0], atol=1e-6)
    assert not normalised(np.full(3, 9.0, np.float32), None).any()
