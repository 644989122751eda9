"""What is installed is locked: each pin has hashes, locked files agree with requirements/, dev.py installs them."""

from __future__ import annotations

import re

import pytest

import dev
from tests.data import ROOT

FOLDER = ROOT / "requirements"
LOCKS = sorted(path.stem for path in FOLDER.glob("*.txt"))


def pins(text: str) -> dict[str, str]:
    """Distribution -> version, of both forms."""
    found = re.findall(r"^([A-Za-z0-9][\w.-]*)={2,3}([\w.+!]+)", text, re.M)
    return {re.sub(r"[-_.]+", "-", name).lower(): version for name, version in found}


def test_every_file_of_requirements_is_locked():
    assert LOCKS == ["bench", "build", "cuda", "run", "test"]
    assert {path.stem for path in (FOLDER / "locked").glob("*.txt")} == {*LOCKS, "torch-cpu"}


@pytest.mark.parametrize("name", LOCKS)
def test_the_locked_file_says_the_same_as_the_one_it_was_made_of(name):
    locked = pins((FOLDER / "locked" / f"{name}.txt").read_text(encoding="utf-8"))
    assert locked == pins((FOLDER / f"{name}.txt").read_text(encoding="utf-8")), "run: python3 requirements/lock.py"


@pytest.mark.parametrize("name", [*LOCKS, "torch-cpu"])
def test_every_locked_pin_has_a_hash_and_names_no_address(name):
    text = (FOLDER / "locked" / f"{name}.txt").read_text(encoding="utf-8")
    entries = re.split(r"\n(?=[A-Za-z0-9])", text.replace("\\\n", " "))
    entries = [entry for entry in entries if "==" in entry]
    assert len(entries) == len(pins(text)) > 0
    assert [entry for entry in entries if not re.search(r"--hash=sha256:[0-9a-f]{64}\b", entry)] == []
    assert "://" not in text


def test_torchs_cpu_build_is_of_the_version_that_is_pinned():
    cpu = pins((FOLDER / "locked" / "torch-cpu.txt").read_text(encoding="utf-8"))
    run = pins((FOLDER / "run.txt").read_text(encoding="utf-8"))
    assert cpu == {"torch": f"{run['torch']}+cpu"}
    assert f"torch=={run['torch']}" == dev.TORCH


def test_torchs_cuda_build_is_of_the_version_that_is_pinned_and_brings_its_libraries():
    cuda = pins((FOLDER / "cuda.txt").read_text(encoding="utf-8"))
    assert cuda.pop("torch") == pins((FOLDER / "run.txt").read_text(encoding="utf-8"))["torch"]
    assert len(cuda) == 15
    assert all(name.startswith("nvidia-") for name in cuda)


@pytest.mark.parametrize(("cuda", "torch"), [(False, "torch-cpu"), (True, "cuda")])
def test_dev_py_installs_the_locked_files_with_their_hashes(cuda, torch, monkeypatch, tmp_path):
    asked: list[tuple[str, ...]] = []
    monkeypatch.setattr(dev, "pip", lambda *arguments, **_: asked.append(arguments) or 0)
    monkeypatch.setattr(dev, "read_stamp", lambda: {"python": "this"})
    monkeypatch.setattr(dev, "STAMP", tmp_path / "stamp.json")
    monkeypatch.setattr(dev, "LINUX", True)
    monkeypatch.setattr(dev, "CUDA", cuda)
    dev.prepare("run", "test", "build")
    files = [FOLDER / "locked" / f"{name}.txt" for name in (torch, "run", "test", "build")]
    assert asked == [("--no-deps", "--require-hashes", "-r", str(path)) for path in files]
