"""A project file reopens exactly, and a damaged one says so."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest

from app import project
from app.document import Document
from app.errors import AppError, BadInput
from app.geometry import Geometry, Region
from app.prompts import Box, Point, Scribble, SliceMask
from app.view_state import ViewState, Window
from app.volume import Source, Volume

SHAPE = (5, 6, 7)


def volume(scan: Path, value: int = 0) -> Volume:
    return Volume(np.full(SHAPE, value, np.int16), Geometry(SHAPE, np.eye(4)), source=Source(str(scan)))


@pytest.fixture
def scan(tmp_path: Path) -> Path:
    path = tmp_path / "scän.nii"
    path.write_bytes(b"x")
    return path


def worked_on(scan: Path) -> tuple[Document, ViewState]:
    """Two segments with every kind of prompt, a propagated slice, a deletion undone."""
    document, view = Document(volume(scan)), ViewState()
    view.look_at(document.volume)
    liver, other = document.add_segment("Liver é"), document.add_segment("Other", (1, 2, 3))
    prompts = (
        Point((1, 2, 3)),
        Point((0, 0, 0), positive=False),
        Box((0, 1, 2), (3, 4, 5)),
        Scribble([(1, 1, 1), (1, 2, 1)], positive=False),
        SliceMask(1, 2, np.eye(5, 7, dtype=bool)),
    )
    document.set_prompts(liver.label, prompts)
    region = Region((1, 1, 1), (4, 5, 6))
    mask = np.random.default_rng(0).random(region.shape) < 0.5
    document.answer(liver.label, prompts, document.revision(liver.label), region, mask)
    plane = Region.plane(SHAPE, 0, 4)
    document.edit(other.label, plane, np.ones(plane.shape, bool), "Propagate", 7, (0, 4, 0.25))
    document.remove_segment(other.label)
    document.undo()
    fewer = (*prompts[1:3], prompts[3].turned(), prompts[4])
    document.set_prompts(liver.label, fewer)
    document.answer(liver.label, fewer, document.revision(liver.label), region, ~mask)
    document.change_segment(liver.label, locked=True)
    view.window, view.crosshair, view.active, view.opacity = Window(-5, 80), (4, 0, 6), other.label, 0.7
    return document, view


def equal(one: Document, two: Document) -> bool:
    same_states = [one.state(s.label) for s in one.segments] == [two.state(s.label) for s in two.segments]
    same_labels = (one.segmentation.labels == two.segmentation.labels).all()
    return same_states and bool(same_labels) and one.history.done == two.history.done


@pytest.mark.parametrize("compress", [True, False])
def test_a_project_reopens_exactly(tmp_path: Path, scan: Path, compress: bool) -> None:
    document, view = worked_on(scan)
    path = tmp_path / "case.volumask"
    project.write(path, project.snapshot(document, view, "classic"), compress)

    again, look = Document(volume(scan)), ViewState()
    project.restore(project.read(path), again, look)

    assert equal(document, again)
    assert (look.window, look.crosshair, look.active, look.opacity) == (Window(-5, 80), (4, 0, 6), 2, 0.7)


def test_undo_and_redo_go_on_after_reopening(tmp_path: Path, scan: Path) -> None:
    document, view = worked_on(scan)
    path = tmp_path / "case.volumask"
    project.write(path, project.snapshot(document, view, "classic"))
    again = Document(volume(scan))
    project.restore(project.read(path), again, ViewState())

    while document.can_undo:
        assert document.undo()
        assert again.undo()
        assert equal(document, again)
    while document.can_redo:
        assert document.redo()
        assert again.redo()
        assert equal(document, again)
    assert not again.can_redo


def test_a_changed_scan_is_refused(tmp_path: Path, scan: Path) -> None:
    document, view = worked_on(scan)
    path = tmp_path / "case.volumask"
    project.write(path, project.snapshot(document, view, "classic"))
    with pytest.raises(BadInput, match="voxels differ"):
        project.restore(project.read(path), Document(volume(scan, value=1)), ViewState())


def test_a_moved_folder_still_finds_its_scan(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    scan = tmp_path / "a" / "scan.nii"
    scan.write_bytes(b"x")
    document, view = worked_on(scan)
    project.write(tmp_path / "a" / "case.volumask", project.snapshot(document, view, "classic"))
    (tmp_path / "a").rename(tmp_path / "b")
    assert project.read(tmp_path / "b" / "case.volumask").source.path == str(tmp_path / "b" / "scan.nii")


def test_a_missing_scan_is_named(tmp_path: Path, scan: Path) -> None:
    document, view = worked_on(scan)
    project.write(tmp_path / "case.volumask", project.snapshot(document, view, "classic"))
    scan.unlink()
    with pytest.raises(BadInput, match="is not there any more"):
        project.read(tmp_path / "case.volumask")


@pytest.mark.parametrize("keep", [0, 10, 200, 0.5, 0.9])
def test_a_cut_file_is_called_damaged(tmp_path: Path, scan: Path, keep: float) -> None:
    document, view = worked_on(scan)
    path = tmp_path / "case.volumask"
    project.write(path, project.snapshot(document, view, "classic"))
    whole = path.read_bytes()
    path.write_bytes(whole[: int(keep * len(whole)) if keep < 1 else int(keep)])
    with pytest.raises(BadInput, match=r"case\.volumask is damaged"):
        project.read(path)


def test_a_newer_version_is_named(tmp_path: Path) -> None:
    path = tmp_path / "case.volumask"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("case.json", json.dumps({"format": "volumask", "version": 99}))
    with pytest.raises(BadInput, match="newer Volumask"):
        project.read(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"none\.volumask does not exist"):
        project.read(tmp_path / "none.volumask")


def test_a_full_disk_keeps_the_old_file(tmp_path: Path, scan: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    document, view = worked_on(scan)
    path = tmp_path / "case.volumask"
    project.write(path, project.snapshot(document, view, "classic"))
    before = path.read_bytes()

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(zipfile.ZipFile, "writestr", full)
    with pytest.raises(AppError, match=r"could not be written: No space left on device"):
        project.write(path, project.snapshot(document, view, "classic"))
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir() if p != scan] == ["case.volumask"]


def test_two_thousand_clicks_make_a_small_project_and_a_small_history(tmp_path: Path, scan: Path) -> None:
    document, view = Document(volume(scan)), ViewState()
    label = document.add_segment("Liver").label
    for number in range(2000):
        index = (number % 5, number % 6, number % 7)
        document.add_prompt(label, Point(index))
        region = Region(index, tuple(n + 1 for n in index))
        document.answer(label, document.prompts(label), document.revision(label), region, np.ones((1, 1, 1), bool))
    path = tmp_path / "case.volumask"
    project.write(path, project.snapshot(document, view, "classic"), compress=False)
    assert path.stat().st_size < 1_500_000  # 23 MB when every step told the whole list of prompts
    assert sum(step.size for step in document.history.done) < 3_000_000
    again = Document(volume(scan))
    project.restore(project.read(path), again, ViewState())
    assert equal(document, again)
    for _ in range(1000):
        assert again.undo()
    assert len(again.prompts(label)) == 1000
