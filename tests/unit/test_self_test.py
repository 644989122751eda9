"""The self-test: every part says ok or why not, a failed part stops no other, and a wrong answer is noticed."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from app import self_test, user_folders
from app.__main__ import main
from app.engine import first_click
from app.errors import AppError
from app.self_test import codecs, parts, places, programs
from app.self_test.job import Job


def says(words: str) -> Callable[[], str]:
    return lambda: words


def breaks(error: Exception) -> Callable[[], str]:
    def work() -> str:
        raise error

    return work


@pytest.fixture
def three_parts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A part that works between one that the user can act on and one that breaks unforeseen."""

    def works(_folder: Path) -> Iterator[tuple[str, Callable[[], str]]]:
        yield "disk", breaks(AppError("The disk is full.", "Free some space."))
        yield "sample", says("all is well")
        yield "OpenGL", breaks(ZeroDivisionError("by nothing"))

    monkeypatch.setattr(parts, "_works", works)
    monkeypatch.setattr(user_folders, "log_folder", lambda: tmp_path / "logs")


@pytest.mark.usefixtures("three_parts")
def test_a_part_that_fails_stops_no_other_and_says_why() -> None:
    told: list[self_test.Part] = []
    found = self_test.run(told.append)
    assert list(found) == told
    assert [(part.name, part.works, part.words) for part in found] == [
        ("disk", False, "The disk is full. Free some space."),
        ("sample", True, "all is well"),
        ("OpenGL", False, "ZeroDivisionError: by nothing"),
    ]


@pytest.mark.usefixtures("three_parts")
def test_the_command_prints_a_line_for_each_part_and_ends_with_1_when_one_failed(capsys) -> None:
    assert main(["self-test"]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[:2] for line in lines[:3]] == [["disk", "FAILED"], ["sample", "ok"], ["OpenGL", "FAILED"]]
    assert lines[3] == "Volumask does not work fully here: disk, OpenGL."


@pytest.mark.usefixtures("three_parts")
def test_the_command_gives_one_object_on_demand(capsys) -> None:
    assert main(["self-test", "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert not told["works"]
    assert [row["name"] for row in told["parts"]] == ["disk", "sample", "OpenGL"]


@pytest.mark.usefixtures("three_parts")
def test_the_report_is_kept_for_the_crash_page() -> None:
    assert self_test.last_report() == ""
    found = self_test.run()
    assert self_test.last_report().splitlines()[1:] == [part.line() for part in found]


def test_where_everything_works_the_command_ends_with_0(monkeypatch, tmp_path, capsys) -> None:
    monkeypatch.setattr(parts, "_works", lambda _folder: iter([("sample", says("all is well"))]))
    monkeypatch.setattr(user_folders, "log_folder", lambda: tmp_path)
    assert main(["self-test"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "Volumask works on this computer."


@pytest.mark.parametrize("name", codecs.CODECS)
def test_each_codec_gives_the_pixels_back(name: str, tmp_path: Path) -> None:
    codec = codecs.CODECS[name]
    assert codecs.check(codec, tmp_path) == codec.syntax.name


@pytest.mark.parametrize("name", ["raw", "RLE", "JPEG 14", "JPEG-LS"])
def test_a_codec_that_gives_other_pixels_is_noticed(name: str, tmp_path: Path) -> None:
    right = codecs.CODECS[name]
    wrong = replace(right, encoded=lambda pixels: right.encoded(np.full_like(pixels, 7)))
    with pytest.raises(AppError, match="decoded wrongly"):
        codecs.check(wrong, tmp_path)


def test_a_damaged_stream_is_noticed(tmp_path: Path) -> None:
    right = codecs.CODECS["JPEG 14"]
    with pytest.raises(AppError, match="could not be read"):
        codecs.check(replace(right, encoded=lambda pixels: right.encoded(pixels)[:40]), tmp_path)


def test_the_main_job_is_done_and_written_below_a_name_beyond_ascii(tmp_path: Path) -> None:
    job = Job(tmp_path)
    assert "voxels from one click" in job.segment()
    assert "written and read back" in job.write()


def test_labels_that_differ_from_the_project_are_noticed(tmp_path: Path) -> None:
    import nibabel

    job = Job(tmp_path)
    job.segment()
    labels = nibabel.load(job.labels)
    nibabel.save(nibabel.Nifti1Image(np.zeros(labels.shape, np.uint8), labels.affine), job.labels)
    with pytest.raises(AppError, match="differ from those of the project"):
        job.write()


def test_a_file_that_is_missing_is_noticed(tmp_path: Path) -> None:
    with pytest.raises(AppError, match=r"Not written: case\.volumask"):
        Job(tmp_path).write()


def test_a_folder_that_cannot_be_written_is_told_without_its_path(tmp_path: Path, monkeypatch) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setattr(user_folders, "cache_folder", lambda: tmp_path / "file" / "cache")
    with pytest.raises(AppError, match="prepared features cannot be written") as told:
        places.folders()
    assert str(tmp_path) not in str(told.value)


def test_a_program_that_says_nothing_is_told_with_its_status() -> None:
    with pytest.raises(AppError, match="ended with status 0: it said nothing"):
        programs._answer("app.errors", "--none")


def test_a_program_that_ends_with_an_error_is_told_with_its_last_words() -> None:
    with pytest.raises(AppError, match=r"ended with status 1: .*No module named app\.nothing"):
        programs._answer("app.nothing", "--none")


def test_the_backends_agree() -> None:
    assert "agree to" in programs.backends()


@pytest.mark.slow
def test_a_network_of_each_family_answers_a_click() -> None:
    said = programs.networks()
    assert all(name in said for name in ("LiteMedSAM answers", "EdgeTAM", "FastSAM-3D"))


def test_a_network_that_lacks_a_library_is_said(monkeypatch, capsys) -> None:
    def lacking(_model: str) -> str:
        raise ModuleNotFoundError("No module named 'sympy'", name="sympy")

    monkeypatch.setattr(first_click, "_clicked", lacking)
    assert first_click.main() == 0
    assert json.loads(capsys.readouterr().out) == {"failed": "ModuleNotFoundError: No module named 'sympy'"}


def test_a_picture_is_drawn_also_without_a_screen(monkeypatch) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    assert "no screen" in programs.drawing()


@pytest.mark.skipif(sys.platform != "linux", reason="a screen that is not there can be named with X11 only")
def test_a_broken_driver_is_one_sentence(monkeypatch) -> None:
    monkeypatch.setenv("DISPLAY", ":999")
    monkeypatch.setenv("QT_QPA_PLATFORM", "xcb")
    with pytest.raises(AppError, match="Its process ended with status -6"):
        programs.drawing()
