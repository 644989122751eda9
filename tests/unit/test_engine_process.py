"""The compute process: killed, left, without room; it costs a sentence and leaves nothing behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from app.engine import compute
from app.engine.engine import RESTARTED
from app.engine.protocol import (
    Answer,
    Failure,
    Notice,
    Predict,
    Prepared,
    Propagate,
    Propagated,
    SliceAnswer,
)
from app.frozen_labels import FrozenMask
from app.geometry import Geometry
from app.prompts import Point
from app.volume import Volume
from tests.data import ROOT
from tests.unit.engine_inbox import SHAPE, Start, answers, click, start, test_models_folder, volume

__all__ = ["start", "test_models_folder"]  # fixtures


def test_a_killed_process_costs_a_notice_and_the_click_is_answered(start: Start) -> None:
    engine, inbox = start("process", "slow")
    engine.open(volume())
    inbox.until(lambda m: isinstance(m, Prepared))
    engine.post(click())
    time.sleep(0.1)
    os.kill(engine._compute.pid, signal.SIGKILL)  # type: ignore[union-attr]
    inbox.until(answers(click()))
    assert [m.text for m in inbox.of(Notice)] == [RESTARTED]
    engine.post(click(2))
    inbox.until(answers(click(2)))


def test_a_process_killed_twice_by_one_click_is_a_failure_and_the_next_click_works(start: Start) -> None:
    engine, inbox = start("process", "slow")
    engine.open(volume())
    inbox.until(lambda m: isinstance(m, Prepared))
    engine.post(click())
    killed: set[int] = set()
    while len(killed) < 2 and not inbox.of(Failure):
        compute = engine._compute
        if compute is not None and compute.pid not in killed:  # type: ignore[union-attr]
            time.sleep(0.1)
            killed.add(compute.pid)  # type: ignore[union-attr]
            compute.kill()  # type: ignore[union-attr]
        time.sleep(0.01)
    failure = inbox.until(lambda m: isinstance(m, Failure))
    assert isinstance(failure, Failure)
    assert failure.request == click()
    engine.post(click(2))
    inbox.until(answers(click(2)))


def test_a_process_killed_during_a_propagation_costs_nothing_but_time(start: Start) -> None:
    engine, inbox = start("process", "slow")
    engine.open(volume())
    job = Propagate(1, 1, 0, {10: np.ones(SHAPE[1:], bool)}, 8, 12)
    engine.start(job)
    inbox.until(lambda m: isinstance(m, SliceAnswer) and m.index != 10)
    engine.post(click(2))
    engine._compute.kill()  # type: ignore[union-attr]
    end = inbox.until(lambda m: isinstance(m, Propagated))
    assert isinstance(end, Propagated)
    assert end.reached == (8, 12)
    assert sorted(m.index for m in inbox.of(SliceAnswer)) == [8, 9, 10, 11, 12]
    assert end.request is job
    inbox.until(answers(click(2)))


def test_another_model_ends_long_work_and_answers_what_waits(start: Start) -> None:
    engine, inbox = start("process", "slow")
    engine.open(volume())
    engine.start(Propagate(1, 1, 0, {10: np.ones(SHAPE[1:], bool)}, 0, 19))
    inbox.until(lambda m: isinstance(m, SliceAnswer))
    old = engine._compute.pid  # type: ignore[union-attr]
    engine.use("fake")
    engine.post(click())
    inbox.until(answers(click()))
    assert [m.cancelled for m in inbox.of(Propagated)] == [True]
    assert inbox.until(lambda m: isinstance(m, Prepared) and m.model == "fake")
    with pytest.raises(ProcessLookupError):  # its memory was given back with it
        os.kill(old, 0)


@pytest.mark.parametrize("room", [True, False])
def test_large_masks_and_seeds_cross_with_and_without_shared_memory(
    start: Start, monkeypatch: pytest.MonkeyPatch, room: bool
) -> None:
    if not room:
        monkeypatch.setattr(compute, "allocate", lambda size: None)
    engine, inbox = start("process")
    shape = (70, 80, 90)
    image = Volume(np.random.default_rng(1).integers(0, 99, shape).astype(np.int16), Geometry(shape, np.eye(4)))
    engine.open(image)
    seed = np.random.default_rng(2).random(shape) < 0.5
    requests = [Predict(n, (Point((35, 40, 45)),), 0, FrozenMask.of(seed)) for n in (1, 2)]
    for request in requests:
        engine.post(request)
        answer = inbox.until(lambda m, request=request: isinstance(m, Answer) and m.request is request)
        assert isinstance(answer, Answer)
        seed_and_ball = seed.copy()
        seed_and_ball[answer.region.slices] = answer.mask
        assert (seed_and_ball & ~seed).sum() <= 179
        assert seed_and_ball[35, 40, 42:49].all()
        answer.mask[:] = False  # the receiver owns it


def test_the_process_ends_with_its_parent_and_leaves_no_memory(tmp_path: Path) -> None:
    if not sys.platform.startswith("linux"):
        pytest.skip("looks into /dev/shm and /proc")
    (tmp_path / "app.py").write_text("raise SystemExit('the wrong app')")
    before = set(Path("/dev/shm").iterdir())
    script = f"""
import sys, time
sys.path[:] = [{str(ROOT)!r}, *(entry for entry in sys.path if entry)]
import numpy as np
from app.engine.engine import Engine
from app.engine.protocol import Prepared
from app.frozen_labels import FrozenMask
from app.geometry import Geometry
from app.volume import Volume
def told(message):
    if isinstance(message, Prepared): print(engine._compute.pid, flush=True)
engine = Engine(told, model="fake")
engine.open(Volume(np.zeros((20, 20, 20)), Geometry((20, 20, 20), np.eye(4))))
time.sleep(60)
"""
    parent = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, cwd=tmp_path)
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    parent.kill()
    parent.wait()
    parent.stdout.close()
    deadline = time.monotonic() + 10
    while _runs(child) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not _runs(child)
    assert set(Path("/dev/shm").iterdir()) <= before


def _runs(pid: int) -> bool:
    status = Path(f"/proc/{pid}/stat")
    try:
        return status.read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_no_shared_memory_is_left_behind(start: Start) -> None:
    if not sys.platform.startswith("linux"):
        pytest.skip("looks into /dev/shm")
    before = set(Path("/dev/shm").iterdir())
    engine, inbox = start("process")
    engine.open(volume())
    inbox.until(lambda m: isinstance(m, Prepared))
    engine.open(volume(1))
    inbox.until(lambda m: isinstance(m, Prepared) and m.digest == volume(1).digest)
    os.kill(engine._compute.pid, signal.SIGKILL)  # type: ignore[union-attr]
    engine.post(click())
    inbox.until(answers(click()))
    engine.close()
    assert set(Path("/dev/shm").iterdir()) <= before
