"""The recovery file: soon after a change, whole, gone after a clean end, offered after a crash."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from app import project
from app.autosave import Autosave, recoverable
from app.rulers import Ruler
from app.session import Session

ROOT = Path(__file__).parents[2]


@pytest.fixture
def scan(tmp_path: Path) -> Path:
    path = tmp_path / "scan.nii"
    nib.save(nib.Nifti1Image(np.zeros((6, 6, 6), np.int16), np.eye(4)), path)
    return path


@pytest.fixture
def session(scan: Path) -> Iterator[Session]:
    with Session.headless(engine="inline") as made:
        made.open(scan)
        yield made


def tick_until(autosave: Autosave, done: object, seconds: float = 3.0) -> None:
    end = time.monotonic() + seconds
    while not done() and time.monotonic() < end:  # type: ignore[operator]
        autosave.tick()
        time.sleep(0.05)
    assert done()  # type: ignore[operator]


def test_a_change_is_on_the_disk_within_three_seconds(session: Session, tmp_path: Path) -> None:
    autosave = Autosave(session, tmp_path / "recovery")
    autosave.tick()
    assert not autosave.path.exists()
    session.add_segment("One")
    tick_until(autosave, autosave.path.exists)
    session.add_segment("Two")
    tick_until(autosave, lambda: len(project.read(autosave.path).states) == 2)
    autosave.close()
    assert not autosave.path.exists()


def test_a_running_process_is_not_offered_and_a_dead_one_is(session: Session, tmp_path: Path) -> None:
    folder = tmp_path / "recovery"
    autosave = Autosave(session, folder)
    session.add_segment("One")
    tick_until(autosave, autosave.path.exists)
    assert recoverable(folder) == ()
    left = folder / f"case-{os.getpid()}-12345.volumask"
    autosave.path.rename(left)
    assert recoverable(folder) == (left,)
    autosave.close()


def test_a_folder_that_cannot_be_written_is_said_once(session: Session, tmp_path: Path) -> None:
    (tmp_path / "recovery").write_text("a file in its place")
    notices: list[str] = []
    session.noticed.connect(notices.append)
    autosave = Autosave(session, tmp_path / "recovery")
    session.add_segment()
    tick_until(autosave, lambda: notices, 5)
    session.add_segment()
    for _ in range(50):
        autosave.tick()
        time.sleep(0.05)
    autosave.close()
    assert len(notices) == 1
    assert "Save the case yourself" in notices[0]


def test_a_killed_process_leaves_a_case_that_opens(scan: Path, tmp_path: Path) -> None:
    script = textwrap.dedent(f"""
        import time
        from pathlib import Path
        from app.autosave import Autosave
        from app.session import Session
        session = Session.headless(engine="inline")
        session.open({str(scan)!r})
        autosave = Autosave(session, Path({str(tmp_path / "recovery")!r}))
        for number in range(1000):
            if number % 10 == 0:
                session.undo() if number % 30 == 20 else session.add_segment(str(number))
                print(number, flush=True)
            autosave.tick()
            time.sleep(0.05)
    """)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, env=environment)
    assert process.stdout is not None
    newest = int(process.stdout.readline())  # it has started, which takes long where others work
    begun = time.monotonic()
    while time.monotonic() - begun < 7:
        newest = int(process.stdout.readline())
    process.kill()
    process.wait()
    process.stdout.close()
    (left,) = recoverable(tmp_path / "recovery")
    kept = project.read(left)
    assert kept.done
    numbers = [int(step.title.split()[1]) for step in (*kept.done, *kept.undone)]
    assert newest - max(numbers) <= 90  # 3 seconds of 0.05 s ticks, and the undone steps between


def test_a_ruler_alone_makes_the_case_unsaved_and_is_kept(session: Session, tmp_path: Path) -> None:
    autosave = Autosave(session, tmp_path / "recovery")
    autosave.tick()
    ruler = Ruler(((1.0, 1.0, 1.0), (1.0, 4.0, 5.0)), 0)
    assert not session.modified
    session.view.rulers = (ruler,)
    assert session.modified
    tick_until(autosave, autosave.path.exists)
    assert project.read(autosave.path).look.rulers == (ruler,)
    session.save(tmp_path / "case.volumask")
    assert not session.modified
    session.open(tmp_path / "case.volumask")
    assert not session.modified
    session.view.rulers = ()
    assert session.modified
    autosave.close()
