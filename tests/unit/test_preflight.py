"""What is said before an export: in the words of the person who has to decide."""

import io
import json
import zipfile
import zlib
from dataclasses import replace

import nibabel
import numpy as np
import pydicom
import pytest

from app import preflight, volume_io
from app.cli import main
from app.errors import BadInput
from app.geometry import Geometry
from app.preflight import Level, Order
from app.segmentation import Segment
from tests.unit.grids import OBLIQUE, turned
from tests.unit.test_dicom_seg import SECRETS, made_labels, secrets_in, series

SEGMENTS = (Segment(1, "Liver", (1, 2, 3)), Segment(7, "Thing", (1, 2, 3)), Segment(9, "Milz", (1, 2, 3)))
GRID = Geometry((6, 20, 30), turned("LPS"))


def order(tmp_path, name, **fields):
    return Order(**{
        "path": tmp_path / name, "given": made_labels(), "segments": SEGMENTS, "geometry": GRID, **fields,
    })  # fmt: skip


@pytest.mark.parametrize("name", ["a.stl", "a.3mf", "a.obj", "a.ply"])
def test_of_a_surface_it_says_frame_unit_closedness_and_volumes(tmp_path, name):
    found = preflight.check(order(tmp_path, name))
    assert found.ready
    assert "LPS (as in DICOM), in mm" in found.text()
    assert "Liver: closed surface of 0.423 mL, its voxels 0.423 mL" in found.text()
    assert "Empty, so left out: Milz." in found.text()
    assert not list(tmp_path.iterdir())


def test_of_labels_it_says_what_each_segment_is_called_in_snomed(tmp_path):
    found = preflight.check(order(tmp_path, "a.seg.dcm"))
    assert found.ready
    assert "✓ Liver is stated as Liver (SNOMED 10200004)." in found.text()
    assert "! Thing is stated as Tissue (SNOMED 85756007): say what it is." in found.text()
    assert "did not come from DICOM" in found.text()
    assert "Will hold no patient data." in found.text()


@pytest.mark.parametrize("name", ["a.stl", "a.seg.dcm", "a.rtstruct.dcm", "a.seg.nrrd"])
def test_what_it_calls_ready_is_written_and_what_not_is_refused(tmp_path, name):
    assert preflight.check(order(tmp_path, name)).ready
    receipt = preflight.write(order(tmp_path, name))
    assert "Liver" in receipt.text()
    assert (tmp_path / name).stat().st_size > 100
    empty = order(tmp_path, "empty" + name, given=made_labels() * 0)
    assert [f.level for f in preflight.check(empty).findings][-1] is Level.PROBLEM
    with pytest.raises(BadInput, match="no voxel"):
        preflight.write(empty)


def test_a_sheared_grid_is_a_problem_for_dicom_alone(tmp_path):
    sheared = np.eye(4)
    sheared[0, 2] = 0.4
    grid = Geometry((6, 20, 30), sheared)
    assert not preflight.check(order(tmp_path, "a.rtstruct.dcm", geometry=grid)).ready
    assert preflight.check(order(tmp_path, "a.seg.nrrd", geometry=grid)).ready
    assert "sheared" in preflight.write(order(tmp_path, "a.seg.nrrd", geometry=grid)).text()


def test_a_segment_named_like_the_patient_is_noticed(tmp_path):
    volume = volume_io.read_volume(series(tmp_path / "scan"))
    mine = (Segment(1, "Liver of xaverine", (1, 2, 3)), Segment(7, "ID-778899", (1, 2, 3)))
    wanted = order(tmp_path, "a.seg.dcm", geometry=volume.geometry, source=volume.source, segments=mine)
    found = preflight.check(wanted)
    assert not found.ready
    assert "or may be, the patient's: Liver of xaverine, ID-778899. Rename" in found.text()
    for ending in preflight.FORMATS:
        with pytest.raises(BadInput, match="Liver of xaverine, ID-778899"):
            preflight.write(replace(wanted, path=tmp_path / f"a{ending}"))
    assert not list(tmp_path.glob("a*"))
    assert preflight.write(replace(wanted, identified=True)) is not None
    named = preflight.check(order(tmp_path, "a.seg.dcm", geometry=volume.geometry, source=volume.source))
    assert named.ready
    assert "6 images of the source series, slice by slice" in named.text()
    assert "778899" not in named.text()
    assert SECRETS["PatientID"] == "ID-778899"


@pytest.mark.parametrize("ending", preflight.FORMATS)
def test_no_file_of_any_format_names_the_patient_packed_or_not(tmp_path, ending):
    volume = volume_io.read_volume(series(tmp_path / "scan"))
    out = tmp_path / "out"
    out.mkdir()
    mine = order(tmp_path, "x", path=out / f"a{ending}", geometry=volume.geometry, source=volume.source)
    preflight.write(mine)
    assert list(out.iterdir())
    for path in out.iterdir():
        content = path.read_bytes()
        (tmp_path / "whole").write_bytes(content + unpacked(content))
        assert secrets_in(tmp_path / "whole") == []
        assert not any(secret in path.name for secret in SECRETS.values())


def unpacked(content: bytes) -> bytes:
    """What lies compressed in a file: the members of a zip, or what follows gzip's magic; else nothing."""
    if zipfile.is_zipfile(io.BytesIO(content)):
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return b"".join(archive.read(name) for name in archive.namelist())
    start = content.find(b"\x1f\x8b\x08")
    return zlib.decompressobj(wbits=31).decompress(content[start:]) if start >= 0 else b""


def test_the_command_checks_without_writing(tmp_path, capsys):
    labels = tmp_path / "labels.nii.gz"
    nibabel.save(nibabel.Nifti1Image(made_labels().T, OBLIQUE), labels)
    assert main(["export", str(labels), str(tmp_path / "a.seg.dcm"), "--check", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["ready"] is True
    assert {finding["level"] for finding in told["findings"]} == {"good", "note"}
    assert [path.name for path in tmp_path.iterdir()] == ["labels.nii.gz"]


def test_every_format_goes_through_the_command(tmp_path, capsys):
    labels = tmp_path / "labels.nii.gz"
    nibabel.save(nibabel.Nifti1Image(made_labels().T, OBLIQUE), labels)
    for ending in preflight.FORMATS:
        assert main(["export", str(labels), str(tmp_path / f"a{ending}")]) == 0
        assert ("RAS, mm" if ending == ".nii.gz" else "mm") in capsys.readouterr().out
        assert main(["export", str(labels), str(tmp_path / f"one{ending}"), "--label", "7"]) == 0
        assert "Label 7" in capsys.readouterr().out
    assert len(pydicom.dcmread(tmp_path / "one.rtstruct.dcm").ROIContourSequence) == 1
    assert main(["export", str(tmp_path / "a.seg.dcm"), str(tmp_path / "again.stl"), "--label", "2"]) == 0
    assert "Label 7" in capsys.readouterr().out
