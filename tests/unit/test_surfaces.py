"""Surfaces: closed, oriented, where the voxels are, of the voxels' volume."""

from itertools import product

import numpy as np
import pytest
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from scipy.spatial.transform import Rotation

from app.geometry import Geometry, Region
from app.render.mesh import Mesh, check, mesh_volume, welded
from app.render.mesh_files import solid_surface
from app.render.skin import skin
from app.render.surface_nets import net
from app.render.surfaces import surface
from tests.data import shared


def edges_of(quads):
    return quads.ravel(), np.roll(quads, -1, axis=1).ravel()


def assert_manifold(mask):
    """Every directed edge once, and once the other way; the enclosed volume is the number of voxels."""
    found = net(mask)
    start, stop = edges_of(found.quads)
    count = len(found.corners)
    forwards, backwards = np.sort(start * count + stop), np.sort(stop * count + start)
    assert (np.diff(forwards) > 0).all()
    assert (forwards == backwards).all()
    a, b, c, d = (found.corners[found.quads[:, n]] for n in range(4))
    volume = (np.cross(b, c) * a).sum() / 6 + (np.cross(c, d) * a).sum() / 6
    assert volume == pytest.approx(mask.sum())


def test_every_mask_of_twelve_voxels_has_a_manifold_net():
    for bits in range(1, 1 << 12):
        assert_manifold(np.array([bits >> n & 1 for n in range(12)], bool).reshape(2, 2, 3))


@settings(max_examples=150)
@given(arrays(bool, array_shapes(min_dims=3, max_dims=3, max_side=6)).filter(lambda mask: mask.any()))
def test_any_mask_has_a_manifold_net(mask):
    assert_manifold(mask)


def obj(shape=(24, 30, 27)):
    """A lopsided blob with a cavity and a bay, different along every direction."""
    k, j, i = np.ogrid[: shape[0], : shape[1], : shape[2]]
    blob = ((k - 10) / 8.0) ** 2 + ((j - 14) / 12.0) ** 2 + ((i - 11) / 9.0) ** 2 < 1
    cavity = ((k - 9) / 3.0) ** 2 + ((j - 12) / 3.0) ** 2 + ((i - 10) / 3.0) ** 2 < 1
    bay = (k > 12) & (j > 16) & (i < 11)
    return blob & ~cavity & ~bay


def grids():
    tilt = np.eye(4)
    tilt[:3, :3] = Rotation.from_euler("xyz", (25, -40, 10), degrees=True).as_matrix()
    sheared = np.diag([0.8, 0.9, 1.5, 1.0])
    sheared[1, 2] = 0.4
    yield from (np.diag([*signs, 1.0]) @ np.diag([0.8, 0.9, 2.5, 1]) for signs in product((1, -1), repeat=3))
    yield tilt @ np.diag([0.8, 0.9, 2.5, 1])
    yield tilt @ np.diag([-0.8, 0.9, 2.5, 1])
    yield np.diag([1.0, 1, 1, 1])[[2, 0, 1, 3]] @ np.diag([0.5, 2, 1, 1])
    yield sheared


@pytest.mark.parametrize("affine", list(grids()))
def test_a_surface_is_closed_outwards_and_where_its_voxels_are_on_any_grid(affine):
    affine = affine.copy()
    affine[:3, 3] = (-120.5, 33.0, 700.0)
    mask = obj()
    geometry = Geometry(mask.shape, affine)
    mesh = surface(mask, geometry.region, geometry)
    assert check(mesh).printable
    solid = trimesh.Trimesh(mesh.points, mesh.triangles, process=True)
    assert solid.is_watertight
    assert solid.is_winding_consistent
    voxel_mm3 = mask.sum() * geometry.voxel_volume
    assert solid.volume == pytest.approx(voxel_mm3, rel=0.01)
    index = geometry.index(mesh.points)
    places = np.argwhere(mask)
    assert np.abs(index.min(axis=0) - (places.min(axis=0) - 0.5)).max() < 0.5
    assert np.abs(index.max(axis=0) - (places.max(axis=0) + 0.5)).max() < 0.5
    assert np.abs(geometry.index(solid.center_mass) - places.mean(axis=0)).max() < 0.1


@settings(max_examples=60)
@given(arrays(bool, array_shapes(min_dims=3, max_dims=3, max_side=7)).filter(lambda mask: mask.any()), st.booleans())
def test_small_and_ragged_masks_keep_their_volume(mask, left_handed):
    geometry = Geometry(mask.shape, np.diag([-0.7 if left_handed else 0.7, 0.7, 3.0, 1.0]))
    mesh = solid_surface(mask, geometry.region, geometry)
    assert mesh_volume(mesh) == pytest.approx(mask.sum() * geometry.voxel_volume, rel=0.01)
    assert check(mesh).printable


def test_every_lesion_keeps_its_own_volume():
    mask = np.zeros((12, 40, 40), bool)
    mask[2:10, 2:20, 2:20] = True
    mask[5, 30, 30] = True
    mask[4:6, 33:36, 10:12] = True
    geometry = Geometry(mask.shape, np.eye(4))
    mesh = surface(mask, geometry.region, geometry)
    bodies = trimesh.Trimesh(mesh.points, mesh.triangles).split()
    assert sorted(round(b.volume, 2) for b in bodies) == pytest.approx([1, 12, 8 * 18 * 18], rel=0.01)


def test_a_surface_at_the_grids_border_is_closed():
    mask = np.ones((4, 5, 6), bool)
    geometry = Geometry(mask.shape, np.eye(4))
    assert check(surface(mask, geometry.region, geometry)).printable


def test_a_crop_gives_the_same_surface_as_the_whole():
    mask = obj()
    geometry = Geometry(mask.shape, np.diag([1, 2, 3, 1.0]))
    region = Region.around(mask).grown(1, mask.shape)
    crop, whole = surface(mask[region.slices], region, geometry), surface(mask, geometry.region, geometry)
    assert np.allclose(crop.points, whole.points, atol=1e-9)


def test_no_voxel_gives_no_surface():
    mask = np.zeros((3, 3, 3), bool)
    geometry = Geometry(mask.shape, np.eye(4))
    mesh = surface(mask, geometry.region, geometry)
    assert len(mesh.triangles) == 0
    assert not check(mesh).printable


def test_smoothing_stays_within_the_voxels_reach():
    mask = obj()
    geometry = Geometry(mask.shape, np.eye(4))
    smooth, rough = (surface(mask, geometry.region, geometry, rounds) for rounds in (10, 0))
    assert np.abs(smooth.points - rough.points).max() < 0.75


def cube():
    box = trimesh.creation.box()
    return np.array(box.vertices), np.array(box.faces)


@pytest.mark.parametrize(
    ("damage", "closed", "oriented", "outwards"),
    [
        (lambda p, t: (p, t), True, True, True),
        (lambda p, t: (p, t[1:]), False, False, True),
        (lambda p, t: (p, t[:, ::-1]), True, True, False),
        (lambda p, t: (p, np.vstack([t[:1, ::-1], t[1:]])), True, False, True),
        (lambda p, t: (p, np.vstack([t, t[:1]])), False, False, True),
    ],
    ids=["whole", "hole", "inside out", "one turned", "one twice"],
)
def test_check_finds_what_is_wrong(damage, closed, oriented, outwards):
    found = check(Mesh(*damage(*cube())))
    assert (found.closed, found.oriented, found.outwards) == (closed, oriented, outwards)


def test_two_cubes_that_share_an_edge_are_not_closed_once_welded():
    points, triangles = cube()
    both = Mesh(np.vstack([points, points + np.array([1, 1, 0])]), np.vstack([triangles, triangles + len(points)]))
    assert check(both).printable
    assert not check(welded(both)).closed


def real_label(case):
    import nibabel

    image = nibabel.load(shared("gt", case, "label.nii.gz"))
    labels = np.ascontiguousarray(np.asanyarray(image.dataobj).T).astype(np.uint8)
    return labels, Geometry(labels.shape, image.affine)


@pytest.mark.parametrize(
    ("case", "label"),
    [
        ("ct_abdomen_totalseg", 5),
        ("ct_head_cranium_bone", 1),
        ("mr_brain_ventricles", 1),
        ("mr_ms_lesions_26", 1),
        ("mr_spinalcord_greymatter", 1),
        ("mr_hippocampus_001", 2),
    ],
)
def test_real_labels_give_printable_surfaces_of_their_volume(case, label):
    labels, geometry = real_label(case)
    mask = labels == label
    assert mask.any()
    mesh = solid_surface(mask, geometry.region, geometry)
    solid = trimesh.Trimesh(mesh.points, mesh.triangles, process=True)
    assert solid.is_watertight
    assert solid.is_winding_consistent
    assert solid.volume == pytest.approx(mask.sum() * geometry.voxel_volume, rel=0.01)
    assert np.abs(geometry.index(solid.center_mass) - np.argwhere(mask).mean(axis=0)).max() < 0.5


def test_a_border_too_fine_for_the_eye_is_shown_in_larger_voxels_at_its_place(monkeypatch):
    grid = Geometry((40, 41, 43), np.diag([0.7, 0.8, 2.0, 1.0]))
    noise = np.random.default_rng(3).random((20, 21, 23)) < 0.5
    region = Region((5, 6, 7), (25, 27, 30))
    fine = skin(noise, region, grid)
    monkeypatch.setattr("app.render.skin.MOST_CORNERS", 3_000)
    coarse = skin(noise, region, grid)
    assert 100 < len(coarse.triangles) < len(fine.triangles) / 4
    for ends in (np.min, np.max):
        assert ends(coarse.points, axis=0) == pytest.approx(ends(fine.points, axis=0), abs=4.0)  # a large voxel


def test_what_is_thin_is_still_shown_in_larger_voxels(monkeypatch):
    grid = Geometry((40, 40, 40), np.eye(4))
    wire = np.zeros(grid.shape, bool)
    wire[20, 20, 4:36] = True
    monkeypatch.setattr("app.render.skin.MOST_CORNERS", 100)
    points = skin(wire, grid.region, grid).points
    assert np.ptp(points[:, 0]) > 30
    assert abs(points[:, 1:] - 20).max() < 3
