"""How fast models are here: of the newest answers, kept between runs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from app.engine.speeds import KEPT, Speed, Speeds, Tried
from app.prompts import Point
from app.session import Session
from app.volume import Volume
from tests.data import ROOT


def test_the_usual_and_the_longest_of_the_newest_answers(tmp_path: Path) -> None:
    speeds = Speeds(tmp_path / "deep" / "speeds.json")
    assert speeds.of("sam") is None
    for seconds in (6.0, 0.1, 0.3, 0.2):
        speeds.note("sam", seconds)
    assert speeds.of("sam") == Speed(0.25, 6.0)
    speeds.save()
    assert Speeds(tmp_path / "deep" / "speeds.json").of("sam") == Speed(0.25, 6.0)
    for _ in range(KEPT):
        speeds.note("sam", 0.1)
    assert speeds.of("sam") == Speed(0.1, 0.1)


def test_a_rehearsal_on_a_busy_machine_says_so(tmp_path: Path) -> None:
    speeds = Speeds(tmp_path / "speeds.json")
    tried = Tried("slice", 0.9, 0.1, 0.8, 0.1, 0.0, 0.0, False, "openvino", 1, 3, "2026-11-21")
    speeds.note_tried("sam", tried)
    assert speeds.of("sam") == Speed(0.1, 0.9, rehearsed=True)
    speeds.note_tried("sam", replace(tried, first=16.0))
    speeds.save()
    assert Speeds(tmp_path / "speeds.json").of("sam") == Speed(0.1, 16.0, rehearsed=True, busy=True)


def test_two_processes_keep_each_others_measurements(tmp_path: Path) -> None:
    ours, theirs = Speeds(tmp_path / "speeds.json"), Speeds(tmp_path / "speeds.json")
    theirs.note("sam", 1.0)
    theirs.save()
    ours.note("edgetam", 2.0)
    ours.save()
    assert Speeds(tmp_path / "speeds.json").of("sam") == Speed(1.0, 1.0)
    assert Speeds(tmp_path / "speeds.json").of("edgetam") == Speed(2.0, 2.0)
    assert ours.of("sam") == Speed(1.0, 1.0)


TORN = [
    "", "{", "[]", '{"sam": [1]}', '{"answers": {"sam": ["x"]}, "rehearsals": {}}',
    '{"answers": {}, "rehearsals": {"sam": {"unit": 1}}}',
]  # fmt: skip


@pytest.mark.parametrize("text", TORN)
def test_a_torn_file_is_no_file(tmp_path: Path, text: str) -> None:
    (tmp_path / "speeds.json").write_text(text)
    assert Speeds(tmp_path / "speeds.json").of("sam") is None


def test_a_folder_that_cannot_be_written_troubles_nobody(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "file").write_text("in the way")
    speeds = Speeds(tmp_path / "file" / "speeds.json")
    speeds.note("sam", 1.0)
    speeds.save()
    assert "not kept" in caplog.text


def test_answers_are_measured_for_the_model_that_gave_them(monkeypatch: pytest.MonkeyPatch) -> None:
    import numpy as np

    from app.geometry import Geometry

    monkeypatch.setenv("VOLUMASK_MODELS", str(ROOT / "tests" / "models"))
    shape = (6, 7, 8)
    with Session.headless(model="fake", engine="inline") as session:
        session.adopt(Volume(np.zeros(shape, np.int16), Geometry(shape, np.eye(4))))
        segment = session.add_segment()
        session.add_prompt(segment, Point((3, 3, 3)))
        session.wait()
        measured = session.inference.speeds.of("fake")
        assert measured is not None
        assert 0 < measured.typical < 60
