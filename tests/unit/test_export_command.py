"""`volumask export`: what it writes, prints and refuses."""

import json

import nibabel
import numpy as np
import pytest
import SimpleITK
import trimesh

from app.cli import main
from tests.unit.test_surfaces import obj as lopsided

AFFINE = np.array([[-0.8, 0, 0, 30], [0, 0.9, 0, -70], [0, 0, 2.0, 400], [0, 0, 0, 1.0]])


@pytest.fixture
def labels(tmp_path):
    """A NIfTI label map with labels 1 and 7, and names beside it."""
    array = lopsided().astype(np.uint8)
    array[1:4, 1:4, 1:5] = 7
    path = tmp_path / "labels.nii.gz"
    nibabel.save(nibabel.Nifti1Image(array.T, AFFINE), path)
    rows = [{"value": 1, "name": "Liver", "colour": [1, 2, 3]}]
    text = json.dumps({"format": "volumask labels", "version": 1, "labels": rows})
    (tmp_path / "labels.json").write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("ending", ["stl", "obj", "ply"])
def test_all_labels_become_one_closed_file_with_a_receipt(labels, tmp_path, capsys, ending):
    out = tmp_path / f"out.{ending}"
    assert main(["export", str(labels), str(out)]) == 0
    printed = capsys.readouterr().out
    assert "Liver: watertight" in printed
    assert "Label 7: watertight" in printed
    assert "LPS (as in DICOM), mm" in printed
    assert trimesh.load(out, force="mesh").is_watertight


def test_one_label_and_json(labels, tmp_path, capsys):
    out = tmp_path / "out.stl"
    assert main(["export", str(labels), str(out), "--label", "7", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [solid["name"] for solid in told["solids"]] == ["Label 7"]
    assert told["voxel_ml"] == pytest.approx(3 * 3 * 4 * 0.8 * 0.9 * 2 / 1000)
    assert abs(told["difference_percent"]) < 1


def test_a_slicer_segmentation_keeps_the_grid(labels, tmp_path):
    out = tmp_path / "out.seg.nrrd"
    assert main(["export", str(labels), str(out)]) == 0
    image = SimpleITK.ReadImage(str(out))
    assert set(np.unique(SimpleITK.GetArrayFromImage(image))) == {0, 1, 7}
    assert np.allclose(image.GetOrigin(), (-30, 70, 400))
    assert image.GetMetaData("Segment0_Name") == "Liver"
    assert image.GetMetaData("Segment0_Color").startswith("0.0039")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["out.dcm"], "seg.dcm"),
        (["out.xyz"], "stl, obj, ply, 3mf"),
        (["out.stl", "--label", "3"], "has no label 3. It has: 1, 7."),
    ],
)
def test_refusals_are_one_plain_line(labels, tmp_path, capsys, arguments, said):
    assert main(["export", str(labels), str(tmp_path / arguments[0]), *arguments[1:]]) == 3
    error = capsys.readouterr().err
    assert said in error
    assert len(error.strip().splitlines()) == 1
    assert not list(tmp_path.glob("out*"))
