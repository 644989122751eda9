"""The engine, inline and in its own process: every request gets one end, in whatever order things happen."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from app.engine.engine import RESTARTED, Engine
from app.engine.protocol import (
    Answer,
    Estimate,
    Estimated,
    Failure,
    Message,
    Notice,
    Predict,
    Prepared,
    Propagate,
    Propagated,
    SliceAnswer,
)
from app.errors import MissingModel
from app.geometry import Geometry
from app.prompts import Point
from app.volume import Volume

SHAPE = (20, 24, 28)


@pytest.fixture(autouse=True)
def _test_models(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VOLUMASK_MODELS", str(Path(__file__).parents[1] / "models"))


def volume(value: int = 0) -> Volume:
    return Volume(np.full(SHAPE, value, np.int16), Geometry(SHAPE, np.eye(4)))


class Inbox:
    """Collects messages; `until` waits for one."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self._changed = threading.Condition()

    def __call__(self, message: Message) -> None:
        with self._changed:
            self.messages.append(message)
            self._changed.notify_all()

    def until(self, wanted: Callable[[Message], bool], seconds: float = 30) -> Message:
        with self._changed:
            assert self._changed.wait_for(lambda: any(map(wanted, self.messages)), seconds), self.messages
            return next(message for message in self.messages if wanted(message))

    def of(self, kind: type) -> list[Message]:
        return [message for message in self.messages if isinstance(message, kind)]


Start = Callable[..., tuple[Engine, Inbox]]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    engines: list[Engine] = []

    def make(mode: str = "inline", model: str = "fake") -> tuple[Engine, Inbox]:
        inbox = Inbox()
        engines.append(Engine(inbox, mode=mode, model=model, cache=tmp_path / "cache"))  # type: ignore[arg-type]
        return engines[-1], inbox

    yield make
    for engine in engines:
        engine.close()


def click(label: int = 1, *indices: tuple[int, int, int]) -> Predict:
    return Predict(label, tuple(Point(index) for index in indices or ((5, 6, 7),)), 0)


def answers(request: Predict) -> Callable[[Message], bool]:
    return lambda message: isinstance(message, Answer) and message.request == request


@pytest.mark.parametrize("mode", ["inline", "process"])
def test_a_click_is_answered_with_its_mask(start: Start, mode: str) -> None:
    engine, inbox = start(mode)
    engine.open(volume())
    engine.post(click())
    answer = inbox.until(answers(click()))
    assert isinstance(answer, Answer)
    assert answer.region.contains((5, 6, 7))
    assert answer.mask.shape == answer.region.shape
    assert answer.mask.sum() == 179  # voxel centres within 3.5 of one of them
    assert inbox.until(lambda m: isinstance(m, Prepared)).digest == volume().digest


@pytest.mark.parametrize("mode", ["inline", "process"])
def test_propagation_streams_slices_and_then_ends(start: Start, mode: str) -> None:
    engine, inbox = start(mode)
    engine.open(volume())
    mask = np.zeros(SHAPE[1:], bool)
    mask[8:14, 8:14] = True
    job = Propagate(1, 1, 0, {10: mask}, 5, 15)
    engine.start(job)
    end = inbox.until(lambda m: isinstance(m, Propagated))
    assert isinstance(end, Propagated)
    assert not end.cancelled
    assert sorted(m.index for m in inbox.of(SliceAnswer)) == list(range(5, 16))
    first = inbox.of(SliceAnswer)[0]
    assert (first.index, first.confidence) == (10, 1.0)
    assert (first.mask == mask).all()


@pytest.mark.parametrize("mode", ["inline", "process"])
def test_clicks_are_answered_between_slices(start: Start, mode: str) -> None:
    engine, inbox = start(mode, "slow")
    engine.open(volume())
    engine.start(Propagate(1, 1, 0, {10: np.ones(SHAPE[1:], bool)}, 0, 19))
    inbox.until(lambda m: isinstance(m, SliceAnswer))
    engine.post(click(2))
    inbox.until(answers(click(2)))
    assert not inbox.of(Propagated)
    engine.cancel()
    end = inbox.until(lambda m: isinstance(m, Propagated))
    assert isinstance(end, Propagated)
    assert end.cancelled
    assert len(inbox.of(SliceAnswer)) < 20


def test_a_newer_click_replaces_a_waiting_one_of_its_segment_only(start: Start) -> None:
    engine, inbox = start(model="slow")
    engine.open(volume())
    engine.post(click(1))
    inbox.until(lambda m: isinstance(m, Prepared))
    time.sleep(0.05)
    newest = click(1, (1, 1, 1), (2, 2, 2), (3, 3, 3))
    for request in (click(1, (1, 1, 1)), click(2), click(1, (1, 1, 1), (2, 2, 2)), newest):
        engine.post(request)
    inbox.until(answers(newest))
    inbox.until(answers(click(2)))
    assert [m.request for m in inbox.of(Answer)] == [click(1), newest, click(2)]


def test_no_prompts_means_an_empty_mask(start: Start) -> None:
    engine, inbox = start()
    engine.open(volume())
    engine.post(Predict(1, (), 0))
    answer = inbox.until(lambda m: isinstance(m, Answer))
    assert isinstance(answer, Answer)
    assert answer.region.size == 0


def test_a_click_with_no_volume_open_fails_in_one_sentence(start: Start) -> None:
    engine, inbox = start()
    engine.post(click())
    failure = inbox.until(lambda m: isinstance(m, Failure))
    assert isinstance(failure, Failure)
    assert str(failure.error) == "No scan is open. Open one first."


def test_another_volume_drops_what_was_asked_about_the_first(start: Start) -> None:
    engine, inbox = start(model="slow")
    engine.open(volume())
    inbox.until(lambda m: isinstance(m, Prepared))
    engine.start(Propagate(1, 1, 0, {10: np.ones(SHAPE[1:], bool)}, 0, 19))
    engine.post(click(3))
    engine.open(volume(1))
    inbox.until(lambda m: isinstance(m, Prepared) and m.digest == volume(1).digest)
    engine.post(click(4))
    inbox.until(answers(click(4)))
    assert len(inbox.of(SliceAnswer)) < 19


def test_jobs_cancelled_while_waiting_get_their_end(start: Start) -> None:
    engine, inbox = start(model="slow")
    engine.open(volume())
    ones = np.ones(SHAPE[1:], bool)
    jobs = [Propagate(n, 1, 0, {10: ones}, 0, 19) for n in (1, 2)] + [Estimate(3, 1, (Point((5, 6, 7)),))]
    for job in jobs:
        engine.start(job)
    inbox.until(lambda m: isinstance(m, SliceAnswer))
    engine.cancel()
    inbox.until(lambda m: isinstance(m, Failure) and m.request == jobs[2])
    assert [m.request for m in inbox.of(Propagated)] == jobs[:2]


@pytest.mark.parametrize("mode", ["inline", "process"])
def test_an_estimate_repeats_with_its_seed(start: Start, mode: str) -> None:
    engine, inbox = start(mode)
    engine.open(volume())
    jobs = [Estimate(n, 1, (Point((9, 9, 9)),), samples=6, random_seed=5) for n in (1, 2)]
    for job in jobs:
        engine.start(job)
    one, two = (inbox.until(lambda m, job=job: isinstance(m, Estimated) and m.request == job) for job in jobs)
    assert isinstance(one, Estimated)
    assert isinstance(two, Estimated)
    assert (one.deviation == two.deviation).all()
    assert one.deviation.max() > 0
    assert len(one.volumes) == 6


def test_an_unknown_model_is_refused_and_the_present_one_stays(start: Start) -> None:
    engine, inbox = start()
    engine.open(volume())
    with pytest.raises(MissingModel, match="no model called 'none'"):
        engine.use("none")
    engine.post(click())
    inbox.until(answers(click()))


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


def test_closing_in_the_middle_of_a_click_ends_at_once(start: Start) -> None:
    engine, inbox = start("process", "slow")
    engine.open(volume())
    inbox.until(lambda m: isinstance(m, Prepared))
    for label in range(1, 10):
        engine.post(click(label))
    time.sleep(0.1)
    begun = time.monotonic()
    engine.close()
    assert time.monotonic() - begun < 10  # nine clicks would keep it busy for less, a hang for ever
    assert not inbox.of(Failure)


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


def test_the_window_process_imports_neither_torch_nor_openvino(start: Start) -> None:
    engine, inbox = start("process")
    engine.open(volume())
    engine.post(click())
    inbox.until(answers(click()))
    assert not {"torch", "openvino"} & set(sys.modules)
