"""A disk that fails while a project or an export is written: one sentence, the case as it was, the old file whole."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from app import atomic_file, project
from app.autosave import Autosave
from app.errors import AppError, BadInput
from app.geometry import Region
from app.session import Session

Save = Callable[[Session, Path], object]
SHAPE = (24, 60, 60)


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    scan = tmp_path / "scan.nii"
    nib.save(nib.Nifti1Image(np.zeros(SHAPE[::-1], np.int16), np.diag([1.0, 1, 2, 1])), scan)
    with Session.headless(model="classic", engine="inline") as made:
        made.open(scan)
        made.add_segment("Liver")
        noise = np.random.default_rng(0).random(SHAPE) < 0.5  # a mask that does not compress
        made.case.edit(1, Region((0, 0, 0), SHAPE), noise, "Paint")
        yield made


def save(session: Session, folder: Path) -> Path:
    session.save(folder / "case.volumask")
    return folder / "case.volumask"


def labels(session: Session, folder: Path) -> Path:
    session.export_labels(folder / "labels.nii.gz")
    return folder / "labels.nii.gz"


def segments(session: Session, folder: Path) -> Path:
    session.export_segments(folder / "labels.seg.nrrd")
    return folder / "labels.seg.nrrd"


def mesh(session: Session, folder: Path) -> Path:
    session.export_mesh(1, folder / "liver.stl")
    return folder / "liver.stl"


def report(session: Session, folder: Path) -> Path:
    session.export_report(folder / "report.html")
    return folder / "report.html"


WRITERS = [save, labels, segments, mesh, report]


def one_sentence(error: AppError) -> None:
    assert error.message.endswith(".")
    assert "\n" not in error.message
    assert "Traceback" not in error.message
    assert error.hint


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """The system refuses to let a file grow beyond this: a write fails in the middle, as on a full disk."""
    import resource

    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, handler)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no limit on the size of files")
@pytest.mark.parametrize("write", WRITERS)
def test_a_write_that_fails_in_the_middle_keeps_the_old_file(session: Session, tmp_path: Path, write: Save) -> None:
    out = tmp_path / "out"
    out.mkdir()
    old = Path(str(write(session, out)))
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    steps = len(session.case.history.done)
    session.add_segment("Spleen")
    with largest_file(min(4096, len(before[old.name]) // 2)), pytest.raises(AppError) as caught:
        write(session, out)
    one_sentence(caught.value)
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before
    assert session.modified
    assert len(session.case.history.done) == steps + 1
    write(session, out)  # there is room again


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 64 kB of its own; only root may make one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = shutil.which("mount")
    command = [mount or "", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)]
    if not mount or os.name == "nt" or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("needs the right to mount a small tmpfs; a write that fails in the middle is tested without it")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.parametrize("write", [save, labels, segments, mesh])
def test_a_disk_that_is_really_full(session: Session, small_disk: Path, write: Save) -> None:
    (small_disk / "fill").write_bytes(bytes(56 * 1024))
    with pytest.raises(AppError, match="No space left") as caught:
        write(session, small_disk)
    one_sentence(caught.value)
    assert [path.name for path in small_disk.iterdir()] == ["fill"]
    assert session.modified


@pytest.mark.parametrize("write", WRITERS)
def test_a_folder_that_is_gone_or_none(session: Session, tmp_path: Path, write: Save) -> None:
    (tmp_path / "letter").write_text("a file")
    for folder in (tmp_path / "never", tmp_path / "letter"):
        with pytest.raises(AppError) as caught:
            write(session, folder)
        one_sentence(caught.value)
    assert session.modified


@pytest.mark.parametrize("write", WRITERS)
def test_a_read_only_folder(session: Session, tmp_path: Path, write: Save) -> None:
    out = tmp_path / "out"
    out.mkdir(mode=0o500)
    refused = out
    if os.access(out, os.W_OK):  # root may write anywhere but here
        refused = Path("/proc/self/fdinfo")
        if not refused.is_dir():
            pytest.skip("this user may write to a read-only folder")
    with pytest.raises(AppError) as caught:
        write(session, refused)
    one_sentence(caught.value)
    assert session.modified
    assert not list(out.iterdir())


def test_a_folder_that_vanishes_during_the_save(
    session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "stick"
    out.mkdir()
    sync = atomic_file._sync

    def pulled(path: Path) -> None:
        sync(path)
        shutil.rmtree(out)

    monkeypatch.setattr(atomic_file, "_sync", pulled)
    with pytest.raises(AppError, match="could not be written") as caught:
        session.save(out / "case.volumask")
    one_sentence(caught.value)
    assert session.modified
    assert session.path is None


def test_autosave_says_so_once_and_works_again_when_there_is_room(
    session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, notices = tmp_path / "recovery", list[str]()
    session.noticed.connect(notices.append)
    write = project.write

    def full(*_: object, **__: object) -> None:
        raise AppError("case.volumask could not be written: No space left on device.")

    monkeypatch.setattr(project, "write", full)
    autosave = Autosave(session, folder)
    tick_until(autosave, lambda: bool(notices))
    monkeypatch.setattr(project, "write", write)
    tick_until(autosave, autosave.path.exists)
    autosave.close(keep=True)
    assert len(notices) == 1
    assert "No space left" in notices[0]
    assert len(project.read(autosave.path).states) == 1


def test_after_an_error_the_newest_change_is_kept_at_once_and_autosave_goes_on(
    session: Session, tmp_path: Path
) -> None:
    autosave = Autosave(session, tmp_path / "recovery")
    tick_until(autosave, autosave.path.exists)
    session.add_segment("Just now")
    autosave.flush()
    assert len(project.read(autosave.path).states) == 2
    session.add_segment("Later")
    tick_until(autosave, lambda: len(project.read(autosave.path).states) == 3)
    autosave.close()


def test_a_recovered_file_is_there_until_a_newer_one_is_written(session: Session, tmp_path: Path) -> None:
    left = tmp_path / "recovery" / "case-999999-1.volumask"
    left.parent.mkdir()
    session.save(left)
    autosave = Autosave(session, left.parent)
    autosave.take_over(left)
    assert not left.exists()
    assert len(project.read(autosave.path).states) == 1
    autosave.close()
    assert not autosave.path.exists()


def test_what_a_killed_write_left_is_swept_when_it_is_old(session: Session, tmp_path: Path) -> None:
    folder = tmp_path / "recovery"
    folder.mkdir()
    old, new, other = (folder / name for name in (".0123456789ab.volumask", ".ba9876543210.volumask", ".mine.volumask"))
    for path in (old, new, other):
        path.write_bytes(b"torn")
    for path in (old, other):
        os.utime(path, (time.time() - 7200,) * 2)
    autosave = Autosave(session, folder)
    tick_until(autosave, autosave.path.exists)
    autosave.close()
    assert sorted(path.name for path in folder.iterdir()) == [new.name, other.name]


def test_a_project_with_any_byte_wrong_opens_or_is_called_damaged(session: Session, tmp_path: Path) -> None:
    session.save(tmp_path / "case.volumask")
    whole = (tmp_path / "case.volumask").read_bytes()
    dice, refused, hurt = random.Random(0), 0, tmp_path / "hurt.volumask"
    for _ in range(300):
        data = bytearray(whole)
        for _ in range(dice.randint(1, 4)):
            data[dice.randrange(len(data))] ^= 1 << dice.randrange(8)
        hurt.write_bytes(data)
        try:
            project.read(hurt)
        except BadInput as error:
            one_sentence(error)
            refused += 1
    assert refused > 150


def tick_until(autosave: Autosave, done: Callable[[], bool], seconds: float = 20.0) -> None:
    end = time.monotonic() + seconds
    while not done() and time.monotonic() < end:
        autosave.tick()
        time.sleep(0.05)
    assert done()
