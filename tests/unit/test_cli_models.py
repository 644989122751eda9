"""volumask models list, download, import, verify: one line or one JSON object, and the exit codes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from app import cli
from app.engine.weights import store
from tests.unit.file_server import serving
from tests.unit.zoo import Zoo, make_zoo, sha256, weights


@pytest.fixture
def zoo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Zoo]:
    with serving() as server:
        made = make_zoo(tmp_path, monkeypatch, server)
        server.does.content = weights()
        made.add("small", sha256=sha256(weights()))
        made.add("other", width=7, commercial=False, licence="CC-BY-NC-4.0")
        yield made


def told(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    assert cli.main(["models", *arguments, "--json"]) == 0
    value: dict[str, Any] = json.loads(capsys.readouterr().out)
    return value


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert cli.main(["models", *arguments]) == cli.BAD_INPUT
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("volumask:")]
    assert len(lines) == 1
    return lines[0]


def test_list_says_what_is_here_and_what_can_be_had(zoo: Zoo, capsys: pytest.CaptureFixture[str]) -> None:
    rows = {row["id"]: row for row in told(capsys, "list")["models"]}
    assert rows["small"]["installed"] is False
    assert rows["small"]["url"] == zoo.server.url
    assert rows["other"]["commercial"] is False
    assert rows["sam_vit_b"]["size"] == 375_042_383
    assert cli.main(["models"]) == 0
    lines = {line.split()[0]: line for line in capsys.readouterr().out.replace("*", " ").splitlines()}
    assert "(non-commercial)" in lines["other"]
    assert "2D  download" in lines["medsam"]
    assert "375 MB" in lines["medsam"]
    assert "(non-commercial)" not in lines["medsam"]


def test_download_then_verify(zoo: Zoo, capsys: pytest.CaptureFixture[str]) -> None:
    result = told(capsys, "download", "small")
    assert Path(result["path"]).read_bytes() == weights()
    rows = {row["id"]: row for row in told(capsys)["models"]}
    assert rows["small"]["installed"] is True
    assert rows["small"]["path"] == result["path"]
    expected = {"id": "small", "path": result["path"], "sha256": sha256(weights()), "known": "published"}
    assert expected in told(capsys, "verify")["verified"]
    assert told(capsys, "verify", "small")["verified"] == [expected]


def test_progress_goes_to_stderr(zoo: Zoo, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["models", "download", "small"]) == 0
    captured = capsys.readouterr()
    assert captured.out == f"Small: {zoo.user / 'small' / 'small.pth'}\n"
    assert "Downloading small.pth 100 %" in captured.err
    assert "Checking small.pth 100 %" in captured.err


def test_import_and_which_it_is(zoo: Zoo, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "own.pth").write_bytes(weights(seed=3))
    assert "--as small" in refused(capsys, "import", str(tmp_path / "own.pth"))
    assert told(capsys, "import", str(tmp_path / "own.pth"), "--as", "small")["id"] == "small"
    (tmp_path / "seven.pth").write_bytes(weights(width=7))
    assert told(capsys, "import", str(tmp_path / "seven.pth"))["id"] == "other"
    assert told(capsys, "verify", "other")["verified"][0]["known"] == "first seen"


def test_a_changed_file_is_exit_3_with_one_line(zoo: Zoo, capsys: pytest.CaptureFixture[str]) -> None:
    path = Path(told(capsys, "download", "small")["path"])
    path.write_bytes(weights(seed=9))
    line = refused(capsys, "verify")
    assert "small.pth is not the file that the authors of Small published" in line
    assert f"Delete {path}" in line


def test_wrong_words_are_exit_3_or_2(zoo: Zoo, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "no model called 'huge'" in refused(capsys, "download", "huge")
    assert "absent.pth could not be read" in refused(capsys, "import", str(tmp_path / "absent.pth"))
    assert "not on this machine" in refused(capsys, "verify", "other")
    zoo.server.does.statuses = [404]
    assert "HTTP 404" in refused(capsys, "download", "small")
    for words in (["download"], ["import"], ["fetch"]):
        with pytest.raises(SystemExit) as ended:
            cli.main(["models", *words])
        assert ended.value.code == cli.USAGE


def test_an_interrupted_download_is_one_line(
    zoo: Zoo, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(store, "transfer", interrupted)
    assert "was stopped. What came is kept" in refused(capsys, "download", "small")
