"""The cube, the pyramid and the drawing: what the network sees lies where it should, and comes back to where it was."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from app.engine.protocol import Token
from app.engine.trial import maps
from app.engine.trial.cube import Cube
from app.engine.trial.drawing import draw
from app.engine.trial.pyramid import Pyramid
from app.errors import Cancelled
from app.geometry import Geometry, Region
from app.prompts import Box, Point, Scribble, SliceMask
from app.volume import Volume

SPACING = (2.5, 0.8, 0.7)


def volume_of(array: np.ndarray, spacing: tuple[float, float, float] = SPACING) -> Volume:
    return Volume(array, Geometry(array.shape, np.diag([*spacing[::-1], 1.0])))


def pyramid_of(volume: Volume) -> Pyramid:
    return Pyramid.of(volume, lambda fraction, what: None, Token())


def ramp(shape: tuple[int, int, int]) -> np.ndarray:
    k, j, i = np.meshgrid(*(np.arange(n, dtype=np.float32) for n in shape), indexing="ij")
    return 3 * k - 2 * j + 0.5 * i


@pytest.mark.parametrize("step", [0.4, 0.7, 1.3, 3.1])
def test_a_cube_reads_a_linear_image_exactly_at_any_size(step: float) -> None:
    volume = volume_of(ramp((90, 300, 320)))
    cube = Cube((44.3, 151.2, 160.9), step, SPACING, 16)
    at = [cube.centre[a] + (np.arange(16) - 7.5) / cube.ratio[a] for a in range(3)]
    expected = 3 * at[0][:, None, None] - 2 * at[1][:, None] + 0.5 * at[2]
    np.testing.assert_allclose(cube.sampled(pyramid_of(volume)), expected, atol=2e-3)


def test_a_cube_reads_between_voxels_as_scipy_does() -> None:
    array = np.random.default_rng(0).normal(size=(20, 30, 40)).astype(np.float32)
    cube = Cube((9.2, 14.7, 20.1), 0.45, SPACING, 24)
    at = np.meshgrid(*(cube.centre[a] + (np.arange(24) - 11.5) / cube.ratio[a] for a in range(3)), indexing="ij")
    expected = ndimage.map_coordinates(array, at, order=1, mode="nearest")
    np.testing.assert_allclose(cube.sampled(pyramid_of(volume_of(array))), expected, atol=1e-5)


def test_values_come_back_to_the_voxels_that_they_were_read_from() -> None:
    volume = volume_of(ramp((40, 90, 80)))
    cube = Cube((20.4, 45.1, 39.6), 0.9, SPACING, 32)
    region = cube.region(volume.shape).grown(-1, volume.shape)
    back = cube.placed(cube.sampled(pyramid_of(volume)), region)
    np.testing.assert_allclose(back, volume.array[region.slices], atol=1e-3)


def test_a_cube_beyond_the_border_repeats_the_border() -> None:
    volume = volume_of(ramp((10, 20, 20)), (1.0, 1.0, 1.0))
    cube = Cube((0.0, 10.0, 10.0), 1.0, (1.0, 1.0, 1.0), 8)
    read = cube.sampled(pyramid_of(volume))
    np.testing.assert_array_equal(read[0], read[3])
    assert cube.region(volume.shape).start[0] == 0


@pytest.mark.parametrize("index", [(5, 60, 30), (0, 0, 0), (39, 89, 79)])
def test_a_voxel_is_found_in_the_cube_that_is_centred_on_it(index: tuple[int, int, int]) -> None:
    cube = Cube(tuple(float(x) for x in index), 1.0, SPACING, 17)
    assert cube.voxels(np.array([index])) == [(8, 8, 8)]
    assert cube.holds(index)


def test_the_region_holds_exactly_the_voxels_whose_centres_lie_in_the_cube() -> None:
    shape = (40, 90, 80)
    cube = Cube((20.4, 45.1, 39.6), 0.9, SPACING, 32)
    every = np.stack(np.meshgrid(*(np.arange(n) for n in shape), indexing="ij"), axis=-1)
    at = cube.positions(every)
    inside = ((at >= -0.5) & (at <= cube.side - 0.5)).all(axis=-1)
    assert Region.around(inside) == cube.region(shape)


def test_the_pyramid_keeps_places_and_halves_only_fine_axes() -> None:
    volume = volume_of(ramp((40, 300, 320)))
    for level in pyramid_of(volume).levels:
        values = level.array
        at = np.meshgrid(
            *(o + f * np.arange(n) for o, f, n in zip(level.origin, level.factor, values.shape, strict=True)),
            indexing="ij",
        )
        np.testing.assert_allclose(values, 3 * at[0] - 2 * at[1] + 0.5 * at[2], atol=1e-2)
    assert pyramid_of(volume).levels[1].factor == (1.0, 2.0, 2.0)


def test_preparing_can_be_cancelled() -> None:
    token = Token()
    token.cancel()
    with pytest.raises(Cancelled):
        Pyramid.of(volume_of(ramp((40, 90, 80))), lambda fraction, what: None, token)


CUBE = Cube((20.0, 45.0, 40.0), 1.0, (2.0, 1.0, 1.0), 32)


def middle_of(channel: np.ndarray) -> tuple[float, ...]:
    return ndimage.center_of_mass(channel)


def test_points_are_drawn_where_they_are_and_the_newest_wins() -> None:
    drawn = draw((Point((20, 45, 40)), Point((22, 45, 40), positive=False)), CUBE)
    np.testing.assert_allclose(middle_of(drawn[maps.EXCLUDE]), (20, 16, 16), atol=0.6)
    assert not (drawn[maps.INCLUDE] * drawn[maps.EXCLUDE]).any()
    contradicted = draw((Point((20, 45, 40)), Point((20, 45, 40), positive=False)), CUBE)
    assert not contradicted[maps.INCLUDE].any()
    assert contradicted[maps.EXCLUDE].any()


def test_prompts_outside_the_cube_draw_nothing() -> None:
    drawn = draw((Point((0, 0, 0)), Scribble([(0, 0, 0), (1, 1, 1)])), CUBE)
    assert not drawn.any()


def test_a_box_is_drawn_over_its_voxels() -> None:
    drawn = draw((Box((18, 40, 36), (21, 49, 41)),), CUBE)
    inside = Region.around(drawn[maps.BOX] > 0)
    assert inside is not None
    assert inside.shape == (8, 10, 6)  # 4 voxels of 2 mm, 10 and 6 of 1 mm


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_slice_is_known_on_its_own_voxels_only(axis: int) -> None:
    shape = (40, 90, 80)
    mask = np.zeros([n for a, n in enumerate(shape) if a != axis], bool)
    mask[tuple(slice(int(c) - 3, int(c) + 4) for a, c in enumerate(CUBE.centre) if a != axis)] = True
    drawn = draw((SliceMask(axis, int(CUBE.centre[axis]), mask),), CUBE)
    known = drawn[maps.KNOWN_INSIDE] + drawn[maps.KNOWN_OUTSIDE]
    assert known.max() == 1
    thick = known.any(axis=tuple(a for a in range(3) if a != axis)).sum()
    assert thick in ((2, 3) if axis == 0 else (1, 2))
    expected = 7 * 7 * thick if axis == 0 else 14 * 7 * thick
    assert abs(drawn[maps.KNOWN_INSIDE].sum() - expected) <= 0.35 * expected


def test_a_constant_image_has_nothing_to_show_and_extremes_do_not_overflow() -> None:
    assert not maps.image_channels(np.full((16, 16, 16), 7, np.float32)).any()
    wild = np.zeros((16, 16, 16), np.float32)
    wild[3, 3, 3], wild[4, 4, 4] = 3e38, -3e38
    assert np.isfinite(maps.image_channels(wild)).all()
    assert np.abs(maps.image_channels(np.random.default_rng(0).normal(size=(16, 16, 16)).astype(np.float32))).max() <= 1
