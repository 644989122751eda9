"""Every system of the zoo on the command line, as a user has it: its official file (random weights) imported, listed,
checked, asked on a real scan, carried to other slices, let go.

The model runs in its own process, through OpenVINO, with its own recipe. What a trained network would find is not
tested, for there are no trained weights here: that everything is used, fits and comes back on the scan's grid is.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest

from app import cli
from app.engine import registry
from app.engine.model_card import ModelCard
from app.engine.rehearsal import can_rehearse
from tests.data import SAMPLE
from tests.unit.official_files import MODELS, TWINS, filled

CARDS = sorted(card.id for card in registry.cards() if can_rehearse(card) and "ct_window" not in card.recipe)
"""Cards that differ from another's in their window alone are left to `test_weights_cards`."""
INSIDE = 60, 60, 2  # voxel (i, j, k) of the cut scan, deep in the body
SLOWEST = ("sam_vit_l", "sam_vit_h")  # minutes for a few slices: they are asked on one

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not SAMPLE.exists(), reason="resources/sample is not in this checkout"),
]


@pytest.fixture
def user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user's own folders, empty, also for the processes that are started."""
    for name in ("DATA", "CACHE"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(tmp_path / name.lower()))
    monkeypatch.setenv("VOLUMASK_BACKEND", "openvino")
    return tmp_path


@pytest.fixture
def scan(tmp_path: Path) -> Path:
    """Five slices of the bundled CT."""
    image = nib.load(SAMPLE)
    cut = image.slicer[: 2 * INSIDE[0], : 2 * INSIDE[1], 60:65]
    nib.save(cut, tmp_path / "scan.nii.gz")
    return tmp_path / "scan.nii.gz"


def told(capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, Any]:
    assert cli.main([*words, "--json"]) == 0, capsys.readouterr().err
    value: dict[str, Any] = json.loads(capsys.readouterr().out)
    return value


def refused(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """What a refused command says: one line."""
    assert cli.main([*words]) == cli.BAD_INPUT
    (line,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("volumask:")]
    return line


def prompt(card: ModelCard) -> tuple[str, str]:
    i, j, k = INSIDE
    if "point" in card.prompts:
        return "--click", f"{i},{j},{k},+"
    return "--box", f"{i - 20},{j - 20},{k},{i + 20},{j + 20},{k}"


@pytest.mark.parametrize("model", CARDS)
def test_a_system_goes_from_its_file_to_a_mask_of_the_scan(
    model: str, user: Path, scan: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    card = registry.card(model)
    out = str(user / "mask.nii.gz")
    missing = refused(capsys, "segment", str(scan), "--model", model, *prompt(card), "--out", out)
    assert f"volumask models download {model}" in missing

    file = filled(registry.owner(card).id, user)
    imported(file, card, capsys)
    if "point" not in card.prompts:
        line = refused(capsys, "segment", str(scan), "--model", model, "--click", "60,60,2,+", "--out", out)
        assert "does not understand prompts of the kind point" in line

    extra = ("--uncertainty", str(user / "doubt.nii.gz")) if model not in SLOWEST else ()
    result = told(capsys, "segment", str(scan), "--model", model, *prompt(card), "--out", out, *extra)
    assert result["model"] == model
    answer, image = nib.load(out), nib.load(scan)
    assert answer.shape == image.shape
    assert np.allclose(answer.affine, image.affine)
    mask = np.asarray(answer.dataobj) > 0
    assert mask.sum() == result["voxels"]
    if card.dimensions == 2:
        assert not np.delete(mask, INSIDE[2], axis=2).any(), "a model of slices answers on the slice that was asked"
    if extra:
        doubt = np.asarray(nib.load(extra[1]).dataobj)
        assert doubt.shape == image.shape
        assert np.isfinite(doubt).all()
        assert doubt.max() > 0
    if model not in SLOWEST:
        carried(card, scan, user, capsys)


def imported(file: Path, card: ModelCard, capsys: pytest.CaptureFixture[str]) -> None:
    """Through `models import`: a file that is not the published one needs the user's word."""
    owner = registry.owner(card)
    if owner.sha256 or owner.git_blob:
        why = "alike" if owner.id in TWINS else "not the file that its authors published"
        assert why in refused(capsys, "models", "import", str(file))
        told(capsys, "models", "import", str(file), "--as", owner.id)
    else:
        assert told(capsys, "models", "import", str(file))["id"] == owner.id
    file.unlink()
    rows = {row["id"]: row for row in told(capsys, "models", "list")["models"]}
    assert rows[card.id]["installed"]
    assert rows[owner.id]["parameters"] == card.parameters > 0
    assert told(capsys, "models", "verify", owner.id)["verified"][0]["id"] == owner.id


def carried(card: ModelCard, scan: Path, user: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A slice, drawn or boxed, both ways."""
    image = nib.load(scan)
    drawn = np.zeros(image.shape, np.uint8)
    drawn[40:80, 40:80, INSIDE[2]] = 1
    nib.save(nib.Nifti1Image(drawn, image.affine), user / "drawn.nii.gz")
    start = ("--mask", str(user / "drawn.nii.gz")) if "mask" in card.prompts else prompt(card)
    given = (*start, "--axis", "k", "--slice", str(INSIDE[2]), "--out", str(user / "carried.nii.gz"))
    result = told(capsys, "propagate", str(scan), "--model", card.id, *given)
    first, last = result["reached"]
    assert first <= INSIDE[2] <= last
    assert all(0 <= share <= 1 for share in result["confidence"])
    if "mask" in card.prompts:
        mask = np.asarray(nib.load(user / "carried.nii.gz").dataobj)
        assert (mask[..., INSIDE[2]] > 0).sum() == drawn.sum(), "the given slice stays as it was drawn"


def test_every_file_and_every_card_of_the_zoo_is_among_them() -> None:
    assert len(CARDS) == 19
    assert {registry.owner(registry.card(model)).id for model in CARDS} == set(MODELS)
