"""SIGKILL at random moments of an editing script: the recovery file opens, at most the last 3 seconds are missing."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from app import project, volume_io
from app.autosave import recoverable
from app.document import Document
from app.view_state import ViewState
from tests.data import ROOT
from tests.unit.killed_editor import fingerprint

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork and SIGKILL: POSIX only")
MISSING = 3.0  # seconds of work that may be lost
AT_ONCE = 6  # editors that run at a time; they sleep most of theirs
SHAPES = ((24, 40, 48), (24, 40, 48), (24, 40, 48), (96, 160, 160))  # (k, j, i); the last writes 2.5 MB each time


@dataclass
class Doomed:
    """An editor and when it is to be killed: some seconds after its first edit, or at the first write after that."""

    number: int
    pid: int
    folder: Path
    life: float
    writing: bool
    moment: float = 0.0

    def due(self, now: float) -> bool:
        if not self.moment:
            path = self.folder / "journal.txt"
            self.moment = now + self.life if path.exists() and path.stat().st_size else 0.0
        if not self.moment or now < self.moment:
            return False
        return not self.writing or bool(torn(self.folder)) or now > self.moment + 4


@dataclass(frozen=True)
class Found:
    """What was found after a kill; times in seconds."""

    lost: float
    stalled: float
    edits: int
    torn: bool
    file: bool


class Nursery:
    """One process in which everything is imported; each editor is a fork of it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        environment = {
            **os.environ,
            **{"PYTHONPATH": str(ROOT), "VOLUMASK_MODELS": str(ROOT / "tests" / "models")},
            **{"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},  # a fork of a process with threads may hang
        }
        script = [sys.executable, str(Path(__file__).with_name("killed_editor.py"))]
        self._process = subprocess.Popen(
            script, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
        )

    def bear(self, number: int, dice: random.Random) -> Doomed:
        folder = self.folder / f"{number:03d}"
        folder.mkdir()
        shape = SHAPES[number % len(SHAPES)]
        voxels = np.random.default_rng(number).integers(0, 100, shape[::-1]).astype(np.int16)
        nib.save(nib.Nifti1Image(voxels, np.diag([1.0, 1, 2, 1])), folder / "scan.nii")
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{number}\t{folder}\n")
        self._process.stdin.flush()
        pid = int(self._process.stdout.readline())
        return Doomed(number, pid, folder, dice.uniform(0, 6), dice.random() < 0.4)

    def close(self) -> None:
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe:
                pipe.close()
        self._process.wait(timeout=30)


@contextmanager
def nursery(folder: Path) -> Iterator[Nursery]:
    made = Nursery(folder)
    try:
        yield made
    finally:
        made.close()


def torn(folder: Path) -> list[Path]:
    return list((folder / "recovery").glob(".*.volumask"))


def kill_all(folder: Path, kills: int, seed: int) -> list[tuple[Doomed, float]]:
    """The killed, each with the moment of its end on the monotonic clock."""
    dice, running, killed = random.Random(seed), list[Doomed](), list[tuple[Doomed, float]]()
    with nursery(folder) as home:
        while len(killed) < kills:
            while len(running) < AT_ONCE and len(running) + len(killed) < kills:
                running.append(home.bear(len(running) + len(killed), dice))
            for doomed in [one for one in running if one.due(time.monotonic())]:
                os.kill(doomed.pid, signal.SIGKILL)
                killed.append((doomed, time.monotonic()))
                running.remove(doomed)
            time.sleep(0.002)
    return killed


def journal(folder: Path) -> list[tuple[float, str]]:
    path = folder / "journal.txt"
    text = path.read_text() if path.exists() else ""  # it was killed before it began
    lines = [line.split() for line in text.split("\n")[:-1]]
    return [(float(moment), state) for moment, state in lines]


def recovered(folder: Path) -> str:
    """The fingerprint of what the recovery file holds, opened as the program opens it."""
    (path,) = recoverable(folder / "recovery")
    case = project.read(path)
    document = Document(volume_io.read_volume(case.source.path))
    project.restore(case, document, ViewState())
    return fingerprint(document)


def look(doomed: Doomed, end: float) -> Found:
    """What is missing: the time from the first edit that the file lacks to the kill."""
    lines = journal(doomed.folder)
    moments = [moment for moment, _ in lines]
    stalled = max((b - a for a, b in pairwise([*moments, end])), default=0.0)
    offered = bool(recoverable(doomed.folder / "recovery"))
    kept = -1
    if offered:
        state = recovered(doomed.folder)
        states = [one for _, one in lines]
        assert state in states, f"editor {doomed.number}: the recovery file holds a case that never was"
        kept = len(states) - 1 - states[::-1].index(state)
    lost = end - moments[kept + 1] if kept + 1 < len(moments) else 0.0
    return Found(lost, stalled, len(lines), bool(torn(doomed.folder)), offered)


def judge(found: list[Found]) -> None:
    for one in found:
        # A process that gets no processor saves nothing: what the machine withheld of it is not the program's to keep.
        withheld = max(0.0, one.stalled - 0.25)
        assert one.lost <= MISSING + withheld, one
    lost = sorted(one.lost for one in found)
    print(
        f"{len(found)} kills, {sum(one.edits for one in found)} edits, {sum(one.file for one in found)} files, "
        f"{sum(one.torn for one in found)} in the middle of a write; lost: median {lost[len(lost) // 2]:.2f} s, "
        f"most {lost[-1]:.2f} s, {sum(one > MISSING for one in lost)} over {MISSING:.0f} s; "
        f"longest pause of an editor {max(one.stalled for one in found):.2f} s"
    )


def test_a_few_kills_lose_at_most_three_seconds(tmp_path: Path) -> None:
    found = [look(*one) for one in kill_all(tmp_path, 6, seed=1)]
    assert sum(one.edits for one in found) > 60
    assert any(one.file for one in found)
    judge(found)


@pytest.mark.slow
def test_two_hundred_kills_lose_at_most_three_seconds(tmp_path: Path) -> None:
    found = [look(*one) for one in kill_all(tmp_path, 200, seed=2)]
    assert sum(one.file for one in found) > 120
    assert sum(one.torn for one in found) > 20
    judge(found)
