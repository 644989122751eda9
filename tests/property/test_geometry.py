"""Grid to patient space and back, for any grid a scanner can make; regions as boxes of voxels."""

from __future__ import annotations

import nibabel as nib
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from app.errors import BadInput
from app.geometry import LPS_FROM_RAS, Geometry, Region

angles = st.floats(-np.pi, np.pi)
spacings = st.tuples(*[st.floats(0.05, 12)] * 3)
signs = st.tuples(*[st.sampled_from([-1.0, 1.0])] * 3)
origins = st.tuples(*[st.floats(-5000, 5000)] * 3)
shapes = st.tuples(*[st.integers(1, 600)] * 3)


@st.composite
def geometries(draw: st.DrawFn) -> Geometry:
    affine = np.eye(4)
    rotation = Rotation.from_euler("zyx", draw(st.tuples(angles, angles, angles))).as_matrix()
    affine[:3, :3] = rotation @ np.diag(np.multiply(draw(spacings), draw(signs)))
    affine[:3, 3] = draw(origins)
    return Geometry(draw(shapes), affine)


@given(geometries(), st.lists(st.tuples(*[st.floats(-50, 700)] * 3), min_size=1, max_size=5))
def test_index_is_the_inverse_of_world(geometry: Geometry, indices: list[tuple[float, float, float]]) -> None:
    assert np.allclose(geometry.index(geometry.world(indices)), indices, atol=1e-6)


@given(geometries(), st.tuples(*[st.integers(0, 599)] * 3))
def test_world_equals_the_affine_applied_to_ijk(geometry: Geometry, index: tuple[int, int, int]) -> None:
    k, j, i = index
    assert np.allclose(geometry.world(index), nib.affines.apply_affine(geometry.affine, (i, j, k)), atol=1e-9)


@given(geometries())
def test_orientation_is_what_nibabel_says(geometry: Geometry) -> None:
    if np.abs(geometry.directions).max(axis=1).min() < 0.75:
        return  # 45 degrees: no closest axis is clear, and two rules may choose differently
    assert geometry.orientation == "".join(nib.aff2axcodes(geometry.affine))


@given(geometries())
def test_spacing_and_voxel_volume_agree_with_nibabel(geometry: Geometry) -> None:
    assert np.allclose(geometry.spacing[::-1], nib.affines.voxel_sizes(geometry.affine))
    assert np.isclose(geometry.voxel_volume, np.prod(geometry.spacing), rtol=1e-6)


@given(geometries())
def test_lps_and_back_is_the_same_grid(geometry: Geometry) -> None:
    assert Geometry.from_lps(geometry.shape, geometry.lps_affine).matches(geometry)
    assert np.allclose(geometry.lps_affine[:2], -geometry.affine[:2])
    assert np.allclose(LPS_FROM_RAS @ LPS_FROM_RAS, np.eye(4))


@given(geometries(), st.integers(0, 2))
def test_letters_name_opposite_ends(geometry: Geometry, axis: int) -> None:
    low, high = geometry.letters(axis)
    opposite = dict(zip("LRPAIS", "RLAPSI", strict=True))
    assert "".join(opposite[letter] for letter in low) == high
    assert high[0] == geometry.orientation[2 - axis]


def test_each_world_axis_has_its_array_axis() -> None:
    affine = np.array([[0, 0, 2, 0], [0, -1, 0, 0], [3, 0, 0, 0], [0, 0, 0, 1.0]])
    geometry = Geometry((4, 5, 6), affine)  # i grows to S, j to P, k to R
    assert [geometry.axis_of(world) for world in (0, 1, 2)] == [0, 1, 2]
    assert [geometry.grows(axis) for axis in (0, 1, 2)] == [True, False, True]
    assert geometry.orientation == "SPR"
    assert geometry.letters(1) == ("A", "P")


def test_a_tilted_axis_shows_two_letters() -> None:
    affine = np.eye(4)
    affine[:3, :3] = Rotation.from_euler("x", 30, degrees=True).as_matrix()
    geometry = Geometry((4, 4, 4), affine)
    assert geometry.letters(0) == ("IA", "SP")
    assert geometry.letters(2) == ("L", "R")


@pytest.mark.parametrize(
    "affine",
    [np.full((4, 4), np.nan), np.zeros((4, 4)), np.diag([1.0, 1, 0, 1]), np.diag([1, 1, np.inf, 1]), np.eye(3)],
)
def test_an_affine_that_spans_no_space_is_refused(affine: np.ndarray) -> None:
    with pytest.raises(BadInput):
        Geometry((2, 2, 2), affine)


def test_micrometre_voxels_are_a_space() -> None:
    assert Geometry((2, 2, 2), np.diag([1e-4, 1e-4, 1e-4, 1])).voxel_volume == pytest.approx(1e-12)


def test_nearest_knows_what_lies_outside() -> None:
    geometry = Geometry((3, 4, 5), np.diag([2.0, 2, 2, 1]))
    assert geometry.nearest((8.9, 6, 4)) == (2, 3, 4)
    assert geometry.nearest((9.1, 6, 4)) is None


corners = st.tuples(*[st.integers(0, 9)] * 3)


@given(corners, corners, corners, corners)
def test_union_and_intersection_are_those_of_the_voxels(a: tuple, b: tuple, c: tuple, d: tuple) -> None:
    one = Region(tuple(map(min, a, b)), tuple(map(max, a, b)))
    two = Region(tuple(map(min, c, d)), tuple(map(max, c, d)))
    grid = np.zeros((2, 9, 9, 9), bool)
    grid[0][one.slices] = grid[1][two.slices] = True
    assert one.intersection(two).size == (grid[0] & grid[1]).sum()
    around = Region.around(grid[0] | grid[1])
    assert around is None or around == one.union(two)


@given(corners, corners)
def test_around_is_the_tightest_box(a: tuple, b: tuple) -> None:
    mask = np.zeros((10, 10, 10), bool)
    mask[a] = mask[b] = True
    region = Region.around(mask)
    assert region is not None
    assert region.start == tuple(map(min, a, b))
    assert region.stop == tuple(max(x, y) + 1 for x, y in zip(a, b, strict=True))


def test_around_nothing_is_none() -> None:
    assert Region.around(np.zeros((3, 3, 3), bool)) is None
