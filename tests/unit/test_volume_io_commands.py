"""`volumask info` and `volumask convert`: what they print, and how they fail."""

import json
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from app.cli import main
from tests.unit.made_dicom import numbers, save, slice_of, stack


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    report = slice_of(numbers()[0], None, Modality="SR", SeriesInstanceUID="1.2.9")
    del report.PixelData, report.Rows, report.Columns, report.PixelRepresentation
    return save(tmp_path / "scan", [*stack(numbers(), PixelSpacing=[3, 0.5]), report])


def test_info_tells_every_series_in_nifti_order(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info", str(folder), "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    (series,) = result["series"]
    assert series["shape"] == [7, 6, 5]
    assert series["spacing"] == pytest.approx([0.5, 3, 2])
    assert series["orientation"] == "LPS"
    assert (series["modality"], series["description"], series["notes"]) == ("CT", "Made", [])
    assert np.array(series["affine"]) == pytest.approx(np.diag([-0.5, -3, 2, 1]))
    assert "structured report" in result["skipped"][0]["reason"]


def test_info_for_people_names_what_is_no_image(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info", str(folder)]) == 0
    out = capsys.readouterr().out
    assert "0: CT Made: 7 x 6 x 5 voxels, 0.5 x 3 x 2 mm, axes LPS" in out
    assert "structured report" in out


def test_convert_writes_what_info_said(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out.nii.gz"
    assert main(["convert", str(folder), str(out), "--series", "0", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["dtype"] == "int16"
    image = nib.load(out)
    assert np.allclose(image.affine, np.diag([-0.5, -3, 2, 1]))
    assert np.array_equal(np.asanyarray(image.dataobj).transpose(), numbers())


def test_where_nothing_is_an_image_info_says_why_and_ends_with_status_3(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    slices = stack(numbers())
    for one in slices:
        del one.PixelData
    folder = save(tmp_path / "empty", slices)
    report = slice_of(numbers()[0], None, Modality="SR", SeriesInstanceUID="1.2.9")
    del report.PixelData
    save(folder / "report", [report])
    assert main(["info", str(folder), "--json"]) == 3
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.strip().splitlines()[-1].endswith("There is no image in 1 other either.")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["info", "{}/absent.nii"], "absent.nii does not exist."),
        (["convert", "{}/scan", "{}/out.png"], "out.png is not a NIfTI name."),
        (["convert", "{}/scan", "{}/out.nii.gz", "--series", "9"], "number 9 does not exist"),
        (["convert", "{}/scan", "{}/no/such/folder/out.nii.gz"], "could not be written"),
    ],
)
def test_a_failure_is_one_line_and_status_3(
    folder: Path, arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([part.format(folder.parent) for part in arguments]) == 3
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert error.startswith("volumask: ")
    assert sentence in error
