"""Pictures, coordinates and logits of each system: what its own script does, on known arrays."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch.nn import functional

from app.engine.backends import declare_vision_operators
from app.engine.sam import resizing
from app.engine.sam.frame import SURE
from app.engine.sam.intensity import Grey
from app.engine.sam.prompting import STROKE_POINTS, Tokens
from app.engine.sam.recipes import RECIPES, Recipe
from app.geometry import Geometry
from app.prompts import Box, Point, Scribble
from app.volume import Volume

AREA_SMALLER = [
    [19, 56, 99, 125, 151, 160, 146],
    [67, 134, 160, 184, 196, 62, 44],
    [127, 180, 223, 221, 77, 57, 84],
    [158, 201, 227, 166, 59, 74, 96],
]
AREA_LARGER = [[0, 0, 23, 23, 46, 46]] * 2 + [[31, 31, 71, 71, 111, 111]] * 2
MEAN, DEVIATION = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)


def picture(height: int, width: int) -> np.ndarray:
    """Smooth, with edges, from 0 to 255."""
    y, x = np.mgrid[:height, :width]
    waves = np.sin(x / 9) * np.cos(y / 7) * 100 + 128 + 40 * ((x // 16 + y // 12) % 2)
    return np.clip(waves, 0, 255).astype(np.uint8)


def volume(array: np.ndarray, modality: str = "MR") -> Volume:
    return Volume(array, Geometry(array.shape, np.eye(4)), modality)


# Pictures


@pytest.mark.parametrize(("height", "width"), [(90, 120), (1200, 900)])
def test_sams_input_is_that_of_its_package(height: int, width: int) -> None:
    declare_vision_operators()
    from segment_anything.modeling.sam import Sam
    from segment_anything.utils.transforms import ResizeLongestSide

    rgb = np.repeat(picture(height, width)[..., None], 3, axis=2)
    resized = torch.from_numpy(ResizeLongestSide(1024).apply_image(rgb).copy()).permute(2, 0, 1)[None]
    pixel_mean, pixel_std = (torch.tensor(values).view(-1, 1, 1) for values in (MEAN, DEVIATION))
    shell = SimpleNamespace(pixel_mean=pixel_mean, pixel_std=pixel_std, image_encoder=SimpleNamespace(img_size=1024))
    expected = Sam.preprocess(shell, resized).numpy()
    for system in ("sam_vit_b", "mobile_sam"):
        found = RECIPES[system].input(picture(height, width))
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize(("height", "width"), [(60, 90), (40, 1500)])
def test_medsams_input_is_cubic_square_and_in_0_to_1(height: int, width: int) -> None:
    from skimage import transform

    rgb = np.repeat(picture(height, width)[..., None], 3, axis=2)
    resized = transform.resize(rgb, (1024, 1024), order=3, preserve_range=True, anti_aliasing=True).astype(np.uint8)
    expected = (resized - resized.min()) / np.clip(resized.max() - resized.min(), 1e-8, None)
    found = RECIPES["medsam"].input(picture(height, width))
    np.testing.assert_allclose(found[0], expected.transpose(2, 0, 1), atol=1e-6)
    assert (found.min(), found.max()) == (0, 1)


def test_lite_medsams_input_is_averaged_then_stretched_then_padded() -> None:
    shown = picture(512, 384)
    quarters = shown.reshape(256, 2, 192, 2).astype(int).sum(axis=(1, 3))
    mean = (quarters + 2) // 4
    expected = np.zeros((256, 256))
    expected[:, :192] = (mean - mean.min()) / (mean.max() - mean.min())
    found = RECIPES["lite_medsam"].input(shown)
    assert found.shape == (1, 3, 256, 256)
    np.testing.assert_allclose(found[0], np.stack([expected] * 3), atol=1e-6)


def test_areas_are_averaged_as_opencv_does() -> None:
    """Expected values: cv2.resize(..., interpolation=cv2.INTER_AREA) of OpenCV 4."""
    y, x = np.mgrid[:6, :10]
    shown = ((x * 23 + y * 31 + (x * y) % 5 * 17) % 256).astype(np.uint8)
    assert resizing.area(shown, 4, 7).tolist() == AREA_SMALLER
    assert np.abs(resizing.area(shown[:2, :3], 4, 6).astype(int) - AREA_LARGER).max() <= 1  # it counts in 2048ths


def test_sam_med2ds_input_is_normalised_then_nearest() -> None:
    shown = picture(300, 200)
    found = RECIPES["sam_med2d"].input(shown)
    assert found.shape == (1, 3, 256, 256)
    for y, x in ((0, 0), (17, 200), (255, 255), (128, 64)):
        grey = float(shown[int(y * 300 / 256), int(x * 200 / 256)])
        expected = [(grey - mean) / deviation for mean, deviation in zip(MEAN, DEVIATION, strict=True)]
        np.testing.assert_allclose(found[0, :, y, x], expected, atol=1e-5)


def test_sam_med2d_lays_a_small_slice_into_the_middle_after_normalising() -> None:
    """As its training and its test.py do where both sides are shorter than 256; its predictor enlarges them."""
    shown = picture(101, 122)
    found = RECIPES["sam_med2d"].input(shown)[0]
    inside = np.zeros((256, 256), bool)
    inside[77:178, 67:189] = True
    grey = shown.astype(np.float32).ravel()
    for channel, mean, deviation in zip(found, MEAN, DEVIATION, strict=True):
        np.testing.assert_allclose(channel[inside], (grey - mean) / deviation, atol=1e-5)
        assert not channel[~inside].any()
    frame = RECIPES["sam_med2d"].frame(101, 122)
    assert frame.point(10, 20) == (77, 97)
    assert frame.length(10, 20) == (10, 20)
    low = torch.randn(64, 64, generator=torch.Generator().manual_seed(0))
    expected = functional.interpolate(low[None, None], (256, 256), mode="bilinear")[0, 0, 77:178, 67:189]
    np.testing.assert_allclose(frame.raised(low.numpy()), expected, atol=1e-6)
    longer = RECIPES["sam_med2d"].frame(100, 300)
    assert (longer.rows, longer.columns, longer.top, longer.left) == (256, 256, 0, 0)


@pytest.mark.parametrize("system", ["mobile_sam", "medsam", "lite_medsam", "sam_med2d"])
def test_a_slice_without_contrast_is_no_error(system: str) -> None:
    assert np.isfinite(RECIPES[system].input(np.full((20, 30), 7, np.uint8))).all()


# Coordinates


def test_points_are_scaled_as_their_pictures() -> None:
    long_side = RECIPES["sam_vit_b"].frame(300, 400)
    assert (long_side.rows, long_side.columns) == (768, 1024)
    assert long_side.point(100, 150) == pytest.approx((256, 384))
    square = RECIPES["medsam"].frame(300, 400)
    assert square.point(100, 150) == pytest.approx((256, 512))
    assert RECIPES["sam_med2d"].frame(300, 400).point(100, 150) == pytest.approx((64, 128))
    assert RECIPES["lite_medsam"].frame(300, 400).point(100, 150) == pytest.approx((64, 96))


def test_prompts_become_tokens_in_order_with_the_box_last() -> None:
    def pixel(index: tuple[int, int, int]) -> tuple[float, float]:
        return 2.0 * index[2], 2.0 * index[1]

    clicks = (Point((0, 3, 5)), Point((0, 1, 2), positive=False))
    tokens = Tokens.of(clicks, pixel)
    np.testing.assert_array_equal(tokens.points, [[[10, 6], [4, 2], [0, 0]]])
    np.testing.assert_array_equal(tokens.kinds, [[1, 0, -1]])
    assert not tokens.single
    assert Tokens.of(clicks[:1], pixel).single
    boxed = Tokens.of((Box((0, 0, 0), (0, 1, 1)), clicks[0], Box((0, 2, 8), (0, 7, 1))), pixel)
    np.testing.assert_array_equal(boxed.points, [[[10, 6], [2, 4], [16, 14]]])  # the newest box
    np.testing.assert_array_equal(boxed.kinds, [[1, 2, 3]])
    assert not boxed.single


def test_a_box_is_upright_and_whole_where_the_recipe_wants_it() -> None:
    turned = Tokens.of((Box((0, 1, 1), (0, 4, 6)),), lambda index: (9.7 - index[2], 9.7 - index[1]), whole=True)
    np.testing.assert_array_equal(turned.points, [[[3, 5], [8, 8]]])


def test_a_stroke_is_a_few_points_along_it() -> None:
    stroke = Scribble([(0, 0, n) for n in range(100)], positive=False)
    tokens = Tokens.of((stroke,), lambda index: (float(index[2]), 0.0))
    assert tokens.kinds.tolist() == [[0.0] * STROKE_POINTS + [-1.0]]
    along = tokens.points[0, :-1, 0]
    assert (along[0], along[-1]) == (0, 99)
    assert np.diff(along).min() >= 14


# Logits


def test_sams_logits_are_enlarged_as_its_package_does() -> None:
    declare_vision_operators()
    from segment_anything.modeling.sam import Sam

    low = torch.randn(1, 1, 256, 256, generator=torch.Generator().manual_seed(0))
    frame = RECIPES["sam_vit_b"].frame(90, 120)
    shell = SimpleNamespace(image_encoder=SimpleNamespace(img_size=1024))
    expected = Sam.postprocess_masks(shell, low, (frame.rows, frame.columns), (90, 120))
    np.testing.assert_allclose(frame.raised(low[0, 0].numpy()), expected[0, 0], atol=1e-5)


def test_medsam_enlarges_probabilities() -> None:
    low = torch.randn(1, 1, 256, 256, generator=torch.Generator().manual_seed(0)) * 5
    chance = functional.interpolate(torch.sigmoid(low), (90, 120), mode="bilinear")[0, 0].numpy()
    found = RECIPES["medsam"].frame(90, 120).raised(low[0, 0].numpy())
    np.testing.assert_allclose(1 / (1 + np.exp(-found)), chance, atol=1e-5)
    assert ((found > 0) == (chance > 0.5)).all()


@pytest.mark.parametrize("system", ["sam_vit_b", "sam_med2d", "lite_medsam", "medsam"])
def test_a_mask_survives_the_way_to_the_network_and_back(system: str) -> None:
    frame = RECIPES[system].frame(150, 110)
    y, x = np.mgrid[:150, :110]
    mask = (y - 70) ** 2 + (x - 50) ** 2 < 30**2
    low = frame.lowered(np.where(mask, SURE, -SURE))
    assert low.shape == (frame.low, frame.low)
    back = frame.raised(low) > 0
    overlap = (back & mask).sum() / (back | mask).sum()
    assert overlap > 0.96
    if frame.columns < frame.size:
        np.testing.assert_allclose(low[:, -(frame.low // 5) :], -SURE, atol=1e-5)


# Intensities


def test_a_ct_is_shown_in_the_soft_tissue_window() -> None:
    array = np.linspace(-1000, 1500, 8 * 8 * 8).reshape(8, 8, 8).astype(np.float32)
    for way in ("display", "medsam"):
        grey = Grey.of(volume(array, "CT"), way, {})
        assert (grey.low, grey.high) == (-160, 240)
        np.testing.assert_array_equal(grey.picture(np.array([[-500, -160, 40, 240, 900]])), [[0, 0, 127, 255, 255]])


def test_other_images_are_cut_to_percentiles_above_zero_and_zero_stays() -> None:
    array = np.zeros((10, 10, 10), np.float32)
    array[5:] = np.linspace(100, 1100, 500).reshape(5, 10, 10)
    grey = Grey.of(volume(array), "medsam", {})
    low, high = np.percentile(array[array > 0], (0.5, 99.5))
    assert (grey.low, grey.high) == (pytest.approx(low), pytest.approx(high))
    expected = np.uint8((600 - low) / (high - low) * 255)
    np.testing.assert_array_equal(grey.picture(np.array([[0, 600, 5000]])), [[0, expected, 255]])


def test_sam_med2d_stretches_each_slice() -> None:
    array = np.zeros((3, 20, 20), np.float32)
    array[1] = np.arange(400).reshape(20, 20)
    array[2] = 50 * array[1]
    grey = Grey.of(volume(array), "slice", {})
    np.testing.assert_array_equal(grey.picture(array[1]), grey.picture(array[2]))
    assert grey.picture(array[1]).max() == 255
    assert not grey.picture(array[0]).any()


def test_a_card_may_name_another_window() -> None:
    array = np.linspace(-1000, 1500, 512).reshape(8, 8, 8)
    recipe = {"ct_window": [-600, 1500]}
    for way in ("slice", "medsam", "display"):
        grey = Grey.of(volume(array, "CT"), way, recipe)
        assert (grey.low, grey.high) == (-1000, 150)
        assert Grey.of(volume(array, "MR"), way, recipe) == Grey.of(volume(array, "MR"), way, {})


def test_every_system_is_known_by_the_id_of_its_card() -> None:
    from app.engine import registry

    cards = {card.recipe.get("system", card.id) for card in registry.cards() if card.family == "sam"}
    assert cards == set(RECIPES)
    assert all(isinstance(recipe, Recipe) for recipe in RECIPES.values())
