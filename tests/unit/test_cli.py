"""The command line as a user types it: exit codes, one JSON object, one line on stderr."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from app.__main__ import main

ROOT = Path(__file__).parents[2]
NEITHER = ["propagate", "x", "--axis", "k", "--slice", "1", "--out", "m.nii.gz"]
BOTH = [*NEITHER, "--mask", "y", "--click", "1,2,3,+"]


@pytest.fixture
def scan(tmp_path: Path) -> Path:
    """A bright ball of 10 mm in noise, spacing 1 x 1.5 x 2 mm, 40 x 30 x 20 voxels."""
    i, j, k = np.ogrid[:40, :30, :20]
    ball = (i - 20) ** 2 + (1.5 * (j - 15)) ** 2 + (2 * (k - 10)) ** 2 <= 100
    voxels = 100 * ball + np.random.default_rng(0).normal(0, 8, ball.shape)
    path = tmp_path / "scan.nii.gz"
    nib.save(nib.Nifti1Image(voxels.astype(np.int16), np.diag([1, 1.5, 2, 1.0])), path)
    return path


def ball(path: Path) -> float:
    """Dice of a written mask with the ball."""
    mask = np.asarray(nib.load(path).dataobj) > 0
    i, j, k = np.ogrid[:40, :30, :20]
    truth = (i - 20) ** 2 + (1.5 * (j - 15)) ** 2 + (2 * (k - 10)) ** 2 <= 100
    return float(2 * (mask & truth).sum() / (mask.sum() + truth.sum()))


def result(capsys: pytest.CaptureFixture[str], *arguments: object) -> dict:
    assert main([*map(str, arguments), "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_info_tells_the_grid_in_nifti_order(scan: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (series,) = result(capsys, "info", scan)["series"]
    assert series["shape"] == [40, 30, 20]
    assert series["spacing"] == pytest.approx([1, 1.5, 2])
    assert series["orientation"] == "RAS"
    assert np.allclose(series["affine"], np.diag([1, 1.5, 2, 1]))


def test_segment_writes_the_mask_of_a_click(scan: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, doubt = tmp_path / "m.nii.gz", tmp_path / "u.nii.gz"
    told = result(capsys, "segment", scan, "--click", "20,15,10,+", "--out", out, "--uncertainty", doubt)
    assert ball(out) > 0.9
    assert told["ml"] == pytest.approx(4.19, rel=0.15)
    assert nib.load(doubt).shape == (40, 30, 20)
    assert nib.load(doubt).get_data_dtype() == np.float32
    low, high = told["ml_interval"]
    assert 0 < low <= high


def test_segment_takes_a_box_and_an_exclude_click(
    scan: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "m.nii.gz"
    result(capsys, "segment", scan, "--box", "10,8,5,30,22,15", "--click", "1,1,1,-", "--out", out)
    assert ball(out) > 0.85


def test_propagate_from_a_drawn_slice(scan: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    drawn = np.zeros((40, 30, 20), np.uint8)
    i, j = np.ogrid[:40, :30]
    drawn[:, :, 10] = (i - 20) ** 2 + (1.5 * (j - 15)) ** 2 <= 100
    nib.save(nib.Nifti1Image(drawn, np.diag([1, 1.5, 2, 1.0])), tmp_path / "slice.nii.gz")
    out = tmp_path / "m.nii.gz"
    told = result(
        capsys, "propagate", scan, "--mask", tmp_path / "slice.nii.gz", "--axis", "k", "--slice", 10, "--out", out
    )
    assert ball(out) > 0.85
    assert told["slices"] == list(range(20))
    assert told["reached"][0] >= 4
    assert told["reached"][1] <= 16


def test_propagate_from_a_box(scan: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "m.nii.gz"
    told = result(capsys, "propagate", scan, "--box", "10,8,10,30,22,10", "--axis", "k", "--slice", 10, "--out", out)
    assert ball(out) > 0.7
    assert told["reached"][0] < 10 < told["reached"][1]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["info", "none.nii"], "none.nii"),
        (["segment", "SCAN", "--click", "99,0,0,+", "--out", "m.nii.gz"], "outside the image"),
        (["segment", "SCAN", "--out", "m.nii.gz"], "nothing to segment from"),
        (["segment", "SCAN", "--click", "1,1,1,+", "--out", "m.nii.gz", "--model", "sam9"], "no model called 'sam9'"),
        (["propagate", "SCAN", "--click", "1,1,1,+", "--axis", "k", "--slice", "77", "--out", "m.nii.gz"], "slice 77"),
    ],
)
def test_bad_input_is_one_line_and_three(
    scan: Path,
    arguments: list[str],
    sentence: str,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main([str(scan) if word == "SCAN" else word for word in arguments]) == 3
    printed = capsys.readouterr()
    lines = [line for line in printed.err.splitlines() if line.startswith("volumask:")]
    assert printed.out == ""
    assert len(lines) == 1
    assert sentence in lines[0]
    assert not (tmp_path / "m.nii.gz").exists()


@pytest.mark.parametrize(
    "arguments", [["segment"], ["fly"], ["info", "--what"], ["segment", "x", "--click", "1,2"], BOTH, NEITHER]
)
def test_wrong_usage_is_two(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    try:
        status = main([*arguments, "more"] if arguments == ["fly"] else arguments)
    except SystemExit as stop:
        status = stop.code
    assert status == 2
    assert len(capsys.readouterr().err.strip().splitlines()) == 1


def test_models_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    told = result(capsys, "models", "list")
    assert "classic" in [model["id"] for model in told["models"]]


def test_the_program_runs_as_a_module(scan: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "app", "info", scan, "--json"], capture_output=True, text=True, cwd=ROOT, timeout=120
    )
    assert done.returncode == 0
    assert done.stderr == ""
    assert json.loads(done.stdout)["series"][0]["shape"] == [40, 30, 20]
