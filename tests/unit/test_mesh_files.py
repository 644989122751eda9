"""Mesh files as other programs read them, their receipts, and what is refused."""

import json
import subprocess
import sys
import zipfile
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
import SimpleITK
import trimesh

from app.errors import AppError, BadInput
from app.exchange import seg_nrrd
from app.geometry import Geometry
from app.render import mesh_files, mesh_writers
from app.segmentation import Segment
from tests.unit.test_surfaces import obj as lopsided

AFFINE = np.array([[-0.8, 0, 0.2, 30], [0, 0.9, 0, -70], [0.1, 0, 2.0, 400], [0, 0, 0, 1.0]])
SEGMENTS = (Segment(1, "Leber & Galle", (230, 159, 0)), Segment(2, "Tumör <1>", (86, 180, 233)))


@pytest.fixture
def labels():
    made = lopsided().astype(np.uint8)
    made[1:4, 1:4, 1:5] = 2
    return made


@pytest.fixture
def geometry(labels):
    return Geometry(labels.shape, AFFINE)


CORE = "{http://schemas.microsoft.com/3dmanufacturing/core/2015/02}"


def model_of(path):
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        return ElementTree.fromstring(archive.read("3D/3dmodel.model"))


def read(path):
    """What trimesh reads; 3MF by the standard library, as trimesh's reader needs lxml."""
    if path.suffix != ".3mf":
        return trimesh.load(path, force="mesh", process=True)
    bodies = []
    for body in model_of(path).iter(f"{CORE}mesh"):
        points = [[float(v.get(axis)) for axis in "xyz"] for v in body.iter(f"{CORE}vertex")]
        triangles = [[int(t.get(corner)) for corner in ("v1", "v2", "v3")] for t in body.iter(f"{CORE}triangle")]
        bodies.append(trimesh.Trimesh(points, triangles))
    return trimesh.util.concatenate(bodies)


@pytest.mark.parametrize("ending", ["stl", "obj", "ply", "3mf"])
def test_other_programs_read_a_closed_solid_in_the_right_place(tmp_path, labels, geometry, ending):
    path = tmp_path / f"Lünge.{ending}"
    receipt = mesh_files.export(path, labels, SEGMENTS[:1], geometry)
    solid = read(path)
    assert solid.is_watertight
    assert solid.is_winding_consistent
    voxels = (labels == 1).sum() * geometry.voxel_volume / 1000
    assert solid.volume / 1000 == pytest.approx(voxels, rel=0.01)
    centre = geometry.index(solid.center_mass * [-1, -1, 1])  # LPS in the file
    assert np.abs(centre - np.argwhere(labels == 1).mean(axis=0)).max() < 0.1
    assert receipt.watertight
    assert receipt.triangles == len(solid.faces)
    assert receipt.mesh_ml == pytest.approx(solid.volume / 1000, rel=1e-5)
    assert receipt.voxel_ml == pytest.approx(voxels)
    assert abs(receipt.difference) < 1


@pytest.mark.parametrize("ending", ["stl", "obj", "ply", "3mf"])
def test_all_segments_go_into_one_file(tmp_path, labels, geometry, ending):
    path = tmp_path / f"all.{ending}"
    receipt = mesh_files.export(path, labels, (*SEGMENTS, Segment(3, "empty", (1, 2, 3))), geometry)
    assert [solid.name for solid in receipt.solids] == [segment.name for segment in SEGMENTS]
    solid = read(path)
    assert len(solid.faces) == receipt.triangles
    assert solid.is_watertight


def test_the_stl_says_its_frame_and_is_binary(tmp_path, labels, geometry):
    path = tmp_path / "a.stl"
    receipt = mesh_files.export(path, labels, SEGMENTS[:1], geometry)
    data = path.read_bytes()
    assert data.startswith(b"Volumask LPS mm")
    assert b"SPACE=LPS" in data[:80]  # where 3D Slicer looks
    assert len(data) == 84 + 50 * receipt.triangles
    normals = np.frombuffer(data[84:], np.dtype([("n", "<f4", 3), ("p", "<f4", (3, 3)), ("a", "<u2")]))
    a, b, c = normals["p"][:, 0], normals["p"][:, 1], normals["p"][:, 2]
    assert (np.einsum("ij,ij->i", np.cross(b - a, c - a), normals["n"]) >= 0).all()


def test_the_3mf_states_millimetres_names_and_colours(tmp_path, labels, geometry):
    path = tmp_path / "a.3mf"
    mesh_files.export(path, labels, SEGMENTS, geometry)
    model = model_of(path)
    assert model.get("unit") == "millimeter"
    assert [o.get("name") for o in model.iter(f"{CORE}object")] == [s.name for s in SEGMENTS]
    assert [b.get("displaycolor") for b in model.iter(f"{CORE}base")] == ["#E69F00", "#56B4E9"]


def test_the_ply_has_the_segments_colours(tmp_path, labels, geometry):
    path = tmp_path / "a.ply"
    mesh_files.export(path, labels, SEGMENTS, geometry)
    colours = np.unique(trimesh.load(path, process=False).visual.vertex_colors[:, :3], axis=0)
    assert colours.tolist() == sorted(list(s.colour) for s in SEGMENTS)


def test_the_receipt_is_plain_and_goes_into_json(tmp_path, labels, geometry):
    receipt = mesh_files.export(tmp_path / "a.stl", labels, SEGMENTS, geometry)
    assert "LPS (as in DICOM), mm" in receipt.text()
    assert "Leber & Galle: watertight" in receipt.text()
    assert json.loads(json.dumps(receipt.as_dict()))["watertight"] is True


def test_seg_nrrd_reads_back_with_names_and_geometry(tmp_path, labels):
    affine = AFFINE.copy()
    affine[:3, :3] = np.diag([-0.8, 0.9, 2.0])  # SimpleITK takes no sheared grid
    geometry = Geometry(labels.shape, affine)
    path = tmp_path / "a.seg.nrrd"
    seg_nrrd.write_seg_nrrd(path, labels, SEGMENTS, geometry)
    image = SimpleITK.ReadImage(str(path))
    assert (SimpleITK.GetArrayFromImage(image) == labels).all()
    for index in ((0, 0, 0), (3, 7, 5)):
        lps = image.TransformIndexToPhysicalPoint(index[::-1])
        assert np.allclose(np.array(lps) * [-1, -1, 1], geometry.world(index))
    assert image.GetMetaData("Segment1_Name") == "Tumör <1>"
    assert image.GetMetaData("Segment1_LabelValue") == "2"
    assert image.GetMetaData("Segment1_Extent") == "1 4 1 3 1 3"


def test_seg_nrrd_keeps_a_sheared_grid_and_only_the_chosen_segments(tmp_path, labels, geometry):
    path = tmp_path / "a.seg.nrrd"
    seg_nrrd.write_seg_nrrd(path, labels, SEGMENTS[1:], geometry)
    header = path.read_bytes().split(b"\n\n")[0].decode()
    line = next(row for row in header.splitlines() if row.startswith("space directions"))
    columns = [[float(x) for x in v.strip("()").split(",")] for v in line.split(": ")[1].split(" ")]
    assert np.allclose(np.array(columns).T, geometry.lps_affine[:3, :3])
    assert "Segment0_Name:=Tumör <1>" in header
    assert "Leber" not in header


@pytest.mark.parametrize("name", ["a.vtk", "a", "stl", "a.seg.dcm"])
def test_an_unknown_format_names_the_known_ones(tmp_path, labels, geometry, name):
    with pytest.raises(BadInput, match=r"stl, obj, ply, 3mf"):
        mesh_files.export(tmp_path / name, labels, SEGMENTS, geometry)
    assert not list(tmp_path.iterdir())


def test_an_empty_segment_is_refused_by_name(tmp_path, labels, geometry):
    with pytest.raises(BadInput, match="Milz"):
        mesh_files.export(tmp_path / "a.stl", labels, [Segment(9, "Milz", (0, 0, 0))], geometry)


def test_a_surface_that_is_not_closed_is_not_written(tmp_path, labels, geometry, monkeypatch):
    whole = mesh_files.surface

    def torn(*args):
        mesh = whole(*args)
        return type(mesh)(mesh.points, mesh.triangles[1:])

    monkeypatch.setattr(mesh_files, "surface", torn)
    with pytest.raises(AppError, match="no closed surface"):
        mesh_files.export(tmp_path / "a.stl", labels, SEGMENTS, geometry)
    assert not list(tmp_path.iterdir())


def test_a_full_disk_keeps_the_old_file(tmp_path, labels, geometry, monkeypatch):
    path = tmp_path / "a.stl"
    path.write_bytes(b"old")

    def full(temporary: Path, parts):
        temporary.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setitem(mesh_writers.WRITERS, ".stl", full)
    with pytest.raises(AppError, match="No space left"):
        mesh_files.export(path, labels, SEGMENTS, geometry)
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["a.stl"]


def test_exporting_needs_neither_vtk_nor_qt():
    code = "import sys, app.render.mesh_files; print([m for m in ('vtkmodules', 'PySide6') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
