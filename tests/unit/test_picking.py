"""Where a voxel lies on the screen, for every way a grid can lie in the patient."""

from itertools import permutations, product

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from app.geometry import Geometry
from app.render.picking import SlicePlane, Viewport, first_met

SHAPE = (7, 9, 11)
SPACING = (0.7, 1.3, 3.1)


def affine(order, signs):
    """Column n (of i, j, k) runs along world axis order[n], in direction signs[n]."""
    matrix = np.eye(4)
    matrix[:3, :3] = 0
    for column, (axis, sign) in enumerate(zip(order, signs, strict=True)):
        matrix[axis, column] = sign * SPACING[column]
    matrix[:3, 3] = (-12.5, 40.0, 7.25)
    return matrix


ORIENTATIONS = [affine(o, s) for o in permutations(range(3)) for s in product((1, -1), repeat=3)]
TILT = np.eye(4)
TILT[:3, :3] = Rotation.from_euler("xyz", (17, -22, 31), degrees=True).as_matrix()
OBLIQUE = [TILT @ matrix for matrix in ORIENTATIONS]
UNITS = {  # world axis across -> (to the right, up) in RAS: radiological convention
    2: ((-1, 0, 0), (0, 1, 0)),
    1: ((-1, 0, 0), (0, 0, 1)),
    0: ((0, -1, 0), (0, 0, 1)),
}


def test_there_are_48_orientations():
    assert len({matrix.tobytes() for matrix in ORIENTATIONS}) == 48


@pytest.mark.parametrize("matrix", ORIENTATIONS + OBLIQUE)
@pytest.mark.parametrize("world_axis", [0, 1, 2])
def test_pixels_and_voxels_are_inverse(matrix, world_axis):
    geometry = Geometry(SHAPE, matrix)
    plane = SlicePlane.of(geometry, world_axis)
    viewport = Viewport.fit(plane, 431, 287).zoomed(2.5, 130, 40).panned(-17, 23)
    for ratio in (1, 2):  # device pixels per logical pixel: a click arrives as a fraction of a logical one
        for index in ((0, 0, 0), (6, 8, 10), (3, 5, 2)):
            x, y = viewport.pixel(*plane.plane(index))
            at = plane.voxel(*viewport.plane(round(x * ratio * 64) / 64 / ratio, y), index[plane.axis])
            assert at == index
            back = plane.index(*viewport.plane(x, y), index[plane.axis])
            assert np.allclose(back, index, atol=1e-9)


@pytest.mark.parametrize("matrix", ORIENTATIONS)
@pytest.mark.parametrize("world_axis", [0, 1, 2])
def test_screen_directions_are_radiological(matrix, world_axis):
    geometry = Geometry(SHAPE, matrix)
    plane = SlicePlane.of(geometry, world_axis)
    right, up = np.array(UNITS[world_axis])
    start = geometry.world(plane.index(0, 0, 2))
    assert np.allclose(geometry.world(plane.index(5, 0, 2)) - start, 5 * right)
    assert np.allclose(geometry.world(plane.index(0, 5, 2)) - start, 5 * up)


@pytest.mark.parametrize("matrix", ORIENTATIONS)
@pytest.mark.parametrize("world_axis", [0, 1, 2])
def test_the_picture_shows_each_voxel_where_it_is_picked(matrix, world_axis):
    geometry = Geometry(SHAPE, matrix)
    plane = SlicePlane.of(geometry, world_axis)
    array = np.arange(np.prod(SHAPE)).reshape(SHAPE)
    picture = plane.picture(array, 3)
    for row, column in ((0, 0), (2, 5), (picture.shape[0] - 1, 1)):
        u, v = column * plane.spacing[plane.right], row * plane.spacing[plane.up]
        assert array[plane.voxel(u, v, 3)] == picture[row, column]


def test_outside_the_slice_is_no_voxel_but_has_a_nearest_one():
    plane = SlicePlane.of(Geometry(SHAPE, np.eye(4)), 2)
    assert plane.voxel(-0.6, 3, 1) is None
    assert plane.voxel(-0.4, 3, 1) == (1, 3, 10)
    assert plane.clamped_voxel(-50, 300, 1) == (1, 8, 10)


def test_zoom_keeps_the_place_under_the_mouse():
    plane = SlicePlane.of(Geometry(SHAPE, np.eye(4)), 1)
    viewport = Viewport.fit(plane, 300, 200)
    assert np.allclose(viewport.zoomed(3, 70, 60).plane(70, 60), viewport.plane(70, 60))
    assert viewport.zoomed(1e9, 0, 0).zoom == 64


def test_the_whole_slice_fits():
    plane = SlicePlane.of(Geometry(SHAPE, np.diag([0.5, 1, 4, 1])), 0)
    viewport = Viewport.fit(plane, 300, 200)
    for index in ((-0.5, -0.5, 0), (6.5, 8.5, 0)):
        x, y = viewport.pixel(*plane.plane(index))
        assert 0 <= x <= 300
        assert 0 <= y <= 200


def test_panning_cannot_lose_the_picture():
    plane = SlicePlane.of(Geometry(SHAPE, np.eye(4)), 2)
    far = Viewport.fit(plane, 300, 200).panned(1e6, -1e6)
    assert 0 <= far.centre[0] <= plane.extent[0]
    assert 0 <= far.centre[1] <= plane.extent[1]


@pytest.mark.parametrize("matrix", [ORIENTATIONS[0], ORIENTATIONS[29], OBLIQUE[13]])
def test_a_line_of_sight_meets_the_nearest_shown_voxel(matrix):
    geometry = Geometry(SHAPE, matrix)
    labels = np.zeros(SHAPE, np.uint8)
    labels[2, 4, 3], labels[2, 4, 6], labels[2, 4, 9] = 1, 2, 2
    start, towards = geometry.world((2, 4, -40)), geometry.directions[2]
    shown = np.zeros(256, bool)
    shown[2] = True
    assert first_met(geometry, labels, shown, start, towards) == (2, 4, 6)
    assert first_met(geometry, labels, shown, geometry.world((2, 4, 40)), -towards) == (2, 4, 9)
    assert first_met(geometry, labels, shown, start, towards, slices=(6, 8, 5)) == (2, 4, 5)
    assert first_met(geometry, labels, shown, start, -towards) is None
    assert first_met(geometry, labels, shown, geometry.world((2, 5, -40)), towards) is None
    assert first_met(geometry, labels, shown, geometry.world((2, 40, -40)), towards) is None
