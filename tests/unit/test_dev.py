"""What `dev.py` says where something is missing: one line, what it is and what to do; and nothing is begun before."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

import dev


@pytest.fixture
def untouched(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """No command runs, nothing is written outside of a temporary folder; a test allows what it needs."""
    monkeypatch.setattr(dev, "run", lambda command, *_, **__: pytest.fail(f"it ran {command}"))
    monkeypatch.setattr(dev, "VENV", tmp_path / ".venv")
    monkeypatch.setattr(dev, "PYTHON", tmp_path / ".venv" / "bin" / "python")
    monkeypatch.setattr(dev, "STAMP", tmp_path / ".venv" / "volumask.json")
    monkeypatch.setattr(dev, "LOG", tmp_path / "build" / "install.log")
    monkeypatch.setattr(dev, "LINUX", True)
    return tmp_path


def said(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """What stands on stderr after a start that failed; one line."""
    monkeypatch.setattr("sys.argv", ["dev.py", *arguments])
    assert dev.main() == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("dev.py: ")
    return line


def test_a_path_that_is_not_there_is_said_before_anything_is_installed(untouched, monkeypatch, capsys):
    monkeypatch.setattr(dev, "missing_packages", lambda **_: pytest.fail("it looked for packages"))
    assert "scan.nii.gz does not exist" in said(monkeypatch, capsys, "run", str(untouched / "scan.nii.gz"))
    assert not (untouched / ".venv").exists()


def test_missing_libraries_are_named_where_they_cannot_be_installed(untouched, monkeypatch, capsys):
    monkeypatch.setattr(dev, "missing_packages", lambda **_: ["libegl1", "xvfb"])
    monkeypatch.setattr(dev.shutil, "which", lambda _: None)
    line = said(monkeypatch, capsys, "run")
    assert line.endswith("On Debian their packages are: libegl1 xvfb")
    monkeypatch.setattr(dev.shutil, "which", lambda name: f"/usr/bin/{name}" if name == "apt-get" else None)
    monkeypatch.setattr(dev.os, "geteuid", lambda: 1000)
    assert said(monkeypatch, capsys, "run").endswith("Install them with: apt-get install libegl1 xvfb")


def test_a_python_without_venv_is_said_with_the_package_that_brings_it(untouched, monkeypatch, capsys):
    monkeypatch.setattr(dev, "missing_packages", lambda **_: [])
    monkeypatch.setattr(dev, "_has_module", lambda name: name != "ensurepip")
    monkeypatch.setattr(dev.shutil, "which", lambda _: None)
    assert said(monkeypatch, capsys, "run").startswith("dev.py: Making .venv needs system libraries that are missing.")


def test_without_a_network_pips_own_words_are_kept_in_the_log_and_the_last_line_is_ours(untouched, monkeypatch, capsys):
    def run(command, environment=None, stdout=None, **_):
        subprocess.run(["echo", "Failed to establish a new connection"], stdout=stdout, check=True)
        return int("pip" in command)

    monkeypatch.setattr(dev, "missing_packages", lambda **_: [])
    monkeypatch.setattr(dev, "run", run)
    monkeypatch.setattr("sys.argv", ["dev.py", "run"])
    assert dev.main() == 1
    *_, last = capsys.readouterr().err.splitlines()
    assert last.startswith("dev.py: pip could not install torch")
    assert last.endswith("Is there a network?")
    assert "new connection" in (untouched / "build" / "install.log").read_text()


def test_a_second_start_looks_at_one_file_and_runs_nothing(untouched, monkeypatch):
    (untouched / ".venv" / "bin").mkdir(parents=True)
    dev.PYTHON.touch()
    stamp = {"python": dev.sys.version, "run": dev.lock_hash("run")}
    dev.STAMP.write_text(dev.json.dumps(stamp))
    dev.prepare("run")
    with pytest.raises(pytest.fail.Exception, match="it ran"):
        dev.prepare("run", "test")
