"""What the SAM 2 family gets to see: window, resize, mean and deviation of the official recipes, upright slices."""

import numpy as np
import pytest
import torch
from PIL import Image

from app.engine.sam2.picture import DEVIATION, MEAN, Pictures, resized
from app.geometry import Geometry
from app.volume import Volume

RADIOLOGICAL = np.diag([-1.0, -1.0, 3.0, 1.0])  # columns go to the patient's left, rows to the back: upright as it lies


def volume(array, modality="", affine=RADIOLOGICAL):
    return Volume(array, Geometry(array.shape, affine), modality)


def hounsfield(shape):
    values = np.random.default_rng(0).integers(-1000, 1500, shape).astype(np.int16)
    values[0, 0, :5] = -160, -161, 40, 239, 240
    return volume(values, "CT")


def test_ct_of_the_networks_own_size_is_windowed_and_normalised_and_nothing_else():
    pixels = Pictures(hounsfield((2, 512, 512)), 512, {}).pixels(0, 0)
    assert pixels.shape == (3, 512, 512)
    grey = np.array([0, 0, 127, 254, 255]) / 255  # (x + 160) / 400 * 255, cut to 8 bits
    for channel, (mean, deviation) in enumerate([(0.485, 0.229), (0.456, 0.224), (0.406, 0.225)]):
        assert pixels[channel, 0, :5] == pytest.approx((grey - mean) / deviation, abs=1e-5)


def test_a_card_may_name_another_window():
    pixels = Pictures(hounsfield((2, 64, 64)), 64, {"ct_window": [-750, 1500]}).pixels(0, 0)
    level_0 = (40 + 1500) / 1500 * 255
    assert pixels[0, 0, 0] * DEVIATION[0] + MEAN[0] == pytest.approx(int((-160 + 1500) / 1500 * 255) / 255, abs=1e-5)
    assert level_0 > 255  # and what is over the window is white
    assert pixels[0, 0, 2] * DEVIATION[0] + MEAN[0] == pytest.approx(1, abs=1e-5)


def test_other_slices_are_resized_as_the_official_loaders_do():
    values = np.random.default_rng(1).integers(0, 256, (1, 60, 90)).astype(np.uint8)
    values[0, 0, :2] = 0, 255
    pictures = Pictures(volume(values), 128, {})
    rgb = Image.fromarray(pictures.grey(values[0])).convert("RGB").resize((128, 128))  # PIL's default is bicubic
    expected = (np.asarray(rgb, np.float64) / 255 - MEAN) / DEVIATION
    assert np.abs(pictures.pixels(0, 0).transpose(1, 2, 0) - expected).max() < 1e-5


def test_values_without_a_unit_are_cut_at_percentiles_of_those_over_zero_and_zero_stays_black():
    values = np.random.default_rng(2).gamma(2.0, 300.0, (3, 40, 40)).astype(np.float32)
    values[:, :15] = 0
    low, high = np.percentile(values[values > 0], (0.5, 99.5))
    expected = ((np.clip(values, low, high) - low) / (high - low) * 255).astype(np.uint8)
    expected[values == 0] = 0
    found = Pictures(volume(values, "MR"), 128, {}).grey(values)
    assert np.abs(found.astype(int) - expected).max() <= 1  # single against double precision at a step
    assert (found == expected).mean() > 0.999


def test_values_below_zero_count_where_they_have_no_unit():
    values = np.linspace(-3, 3, 8000, dtype=np.float32).reshape(20, 20, 20)
    grey = Pictures(volume(values, "MR"), 64, {}).grey(values)
    assert grey.min() == 0
    assert grey.max() == 255
    assert abs(int(grey[10, 0, 0]) - 127) <= 1


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_voxel_is_marked_where_it_is_seen_and_masks_come_back_to_their_place(axis):
    affine = np.array([[0, 0, 2.0, 0], [1.0, 0, 0, 0], [0, -1.0, 0, 0], [0, 0, 0, 1]])  # a sagittal stack
    values = np.zeros((24, 40, 32), np.float32)
    index = (7, 29, 11)
    values[index] = 1000
    values[0, 0, 0] = 1  # so that there are voxels over zero to take percentiles from
    pictures = Pictures(volume(values, affine=affine), 256, {})
    x, y = pictures.place(axis, index)
    brightest = np.unravel_index(pictures.pixels(axis, index[axis])[0].argmax(), (256, 256))
    height, width = pictures._size(axis)
    assert abs(x - brightest[1]) <= 256 / width
    assert abs(y - brightest[0]) <= 256 / height
    mask = np.zeros_like(values, dtype=bool)
    mask[2:9, 20:30, 8:12] = True
    plane = np.take(mask, index[axis], axis)
    assert ((pictures.plane(axis, pictures.square(axis, plane, 256)) > 0.5) == plane).all()


def test_the_middle_of_a_slice_is_the_middle_of_the_picture():
    pictures = Pictures(volume(np.zeros((1, 3, 5), np.float32)), 150, {})
    assert pictures.place(0, (0, 1, 2)) == (74.5, 74.5)
    assert pictures.place(0, (0, 0, 0)) == (14.5, 24.5)


def test_resizing_averages_where_it_gets_smaller():
    values = np.kron(np.arange(4, dtype=np.float32).reshape(2, 2), np.ones((8, 8), np.float32))
    assert resized(values, (16, 16)) is values
    small = resized(values, (2, 2))
    assert small.ravel() == pytest.approx([0, 1, 2, 3], abs=0.5)
    assert (small.argsort(axis=None) == [0, 1, 2, 3]).all()


def test_logits_come_onto_a_slice_as_in_sam_2_also_where_it_is_smaller():
    """Official: F.interpolate(mode="bilinear", align_corners=False), which does not smooth."""
    low = np.random.default_rng(0).normal(size=(32, 32)).astype(np.float32)
    pictures = Pictures(volume(np.zeros((2, 21, 50), np.float32)), 128, {})
    expected = torch.nn.functional.interpolate(torch.from_numpy(low)[None, None], (21, 50), mode="bilinear")
    assert np.abs(pictures.plane(0, low) - expected[0, 0].numpy()).max() < 1e-5
