"""The ten-second test of the machine: the fastest way wins, is kept for it alone, and decides what networks run on."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from app import user_folders
from app.engine import backends
from app.engine.backends import machine_test, tested
from app.engine.backends.tested import Findings, Run
from app.engine.backends.threads import GUESSED, child_environment, guess, thread_count
from app.engine.protocol import Token
from app.errors import Cancelled


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache folder of the test's own, on a machine where the user has wished for nothing."""
    monkeypatch.setattr(user_folders, "cache_folder", lambda: tmp_path / "cache")
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.delenv("VOLUMASK_BACKEND", raising=False)
    return tmp_path


def silent(_: float, __: str) -> None:
    pass


def found(*runs: Run) -> Findings:
    return Findings(tested.this_machine(), "2026-11-21", runs)


class Clock:
    """Time that passes only where a way to compute says so."""

    def __init__(self) -> None:
        self.now = 0.0
        self.order: list[str] = []

    def __call__(self) -> float:
        return self.now

    def way(self, name: str, *seconds: float) -> Callable[[], None]:
        taken = iter(seconds)

        def run() -> None:
            self.order.append(name)
            self.now += next(taken, seconds[-1])

        return run


def test_ways_run_in_turn_and_what_falls_behind_is_dropped() -> None:
    clock = Clock()
    ways = {("openvino", 1): clock.way("a", 0.1), ("openvino", 2): clock.way("b", 0.11)}
    ways["torch", 2] = clock.way("c", 1)
    times = machine_test.race(ways, 100.0, silent, Token(), clock)
    assert clock.order[:6] == ["a", "b", "c"] * 2
    assert set(clock.order[6:]) == {"a", "b"}
    assert [len(taken) for taken in times.values()] == [machine_test.MOST_ROUNDS, machine_test.MOST_ROUNDS, 2]


def test_nothing_is_begun_after_its_time_but_each_way_runs_once() -> None:
    clock = Clock()
    ways = {("openvino", 1): clock.way("a", 8), ("torch", 1): clock.way("b", 8)}
    times = machine_test.race(ways, 10.0, silent, Token(), clock)
    assert clock.order == ["a", "b"]
    assert times == {("openvino", 1): [8.0], ("torch", 1): [8.0]}


def test_a_stall_of_the_machine_does_not_decide() -> None:
    clock = Clock()
    ways = {("openvino", 2): clock.way("a", 0.1, 9.0, 0.1), ("openvino", 1): clock.way("b", 0.2)}
    first = machine_test.ranked(machine_test.race(ways, 100.0, silent, Token(), clock))[0]
    assert (first.threads, first.seconds) == (2, pytest.approx(0.1))


def test_of_equals_the_one_with_fewer_threads_wins() -> None:
    times = {("openvino", 8): [0.100], ("openvino", 4): [0.103], ("openvino", 1): [0.2], ("torch", 8): [0.3]}
    first, *rest = machine_test.ranked(times)
    assert first == Run("openvino", 4, 0.103)
    assert [run.seconds for run in rest] == [0.1, 0.2, 0.3]


def test_it_can_be_cancelled_between_two_runs() -> None:
    token, clock = Token(), Clock()
    ways = {("openvino", 1): token.cancel, ("torch", 1): clock.way("b", 1)}
    with pytest.raises(Cancelled):
        machine_test.race(ways, 10.0, silent, token, clock)
    assert clock.order == []


COUNTS = [(1, 1, (1,)), (2, 2, (1, 2)), (2, 1, (1, 2)), (16, 8, (1, 8, 16)), (12, 6, (1, 6, 12)), (8, 6, (1, 4, 6, 8))]


@pytest.mark.parametrize(("available", "physical", "counts"), COUNTS)
def test_thread_counts_worth_trying(available: int, physical: int, counts: tuple[int, ...]) -> None:
    assert machine_test.thread_counts(available, physical) == counts


def test_the_result_is_kept_for_this_machine_alone() -> None:
    assert tested.kept() is None
    result = found(Run("openvino", 3, 0.1), Run("torch", 4, 0.3))
    tested.keep(result)
    assert tested.kept() == result
    tested.keep(replace(result, machine="another one"))
    assert tested.kept() is None


@pytest.mark.parametrize(
    "text", ["", "[]", '{"machine": 1}', '{"machine": "", "day": "", "runs": [{}]}', '{"runs": 3}']
)
def test_a_torn_file_is_no_result(folder: Path, text: str) -> None:
    (folder / "cache").mkdir()
    (folder / "cache" / "machine.json").write_text(text)
    assert tested.kept() is None


def test_threads_are_the_users_then_the_tested_then_a_guess(monkeypatch: pytest.MonkeyPatch) -> None:
    assert thread_count() == guess()
    tested.keep(found(Run("openvino", 7, 0.1), Run("torch", 5, 0.3)))
    assert (thread_count(), thread_count("torch")) == (7, 5)
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert thread_count() == 3
    assert child_environment()["OMP_NUM_THREADS"] == "3"
    monkeypatch.setenv(GUESSED, "1")  # then it is what the parent guessed for its compute process
    assert thread_count() == 7


def test_a_compute_process_knows_that_its_threads_are_a_guess() -> None:
    given = child_environment()
    assert given["OMP_NUM_THREADS"] == str(guess())
    assert GUESSED in given


def test_the_fastest_backend_is_used_and_a_wish_comes_before(monkeypatch: pytest.MonkeyPatch) -> None:
    tested.keep(found(Run("torch", 1, 0.1), Run("openvino", 1, 0.3)))
    assert backends.chosen().name == "torch"
    tested.keep(found(Run("openvino", 1, 0.1), Run("torch", 1, 0.3)))
    assert backends.chosen().name == "openvino"
    monkeypatch.setenv("VOLUMASK_BACKEND", "torch")
    assert backends.chosen().name == "torch"


def test_a_card_that_is_gone_leaves_the_fastest_of_the_rest(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    tested.keep(found(Run("cuda", 0, 0.01), Run("openvino", 2, 0.1), Run("torch", 2, 0.3)))
    assert backends.chosen().name == "openvino"
    assert "no CUDA device any more, openvino takes its place" in caplog.text
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert backends.chosen()._device.type == "cuda"


def test_with_a_card_that_is_gone_the_computer_is_tested_again(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []
    monkeypatch.setattr(machine_test, "find_fastest", lambda *_: calls.append("test"))
    tested.keep(found(Run("cuda", 0, 0.01), Run("openvino", 2, 0.1)))
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    machine_test.at_first_use(silent, Token())
    assert calls == []
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    machine_test.at_first_use(silent, Token())
    assert calls == ["test"]


@pytest.mark.skipif(torch.cuda.is_available(), reason="here the card works")
def test_a_card_that_fails_leaves_the_processor(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)  # as with a driver or card that torch cannot use
    result = machine_test.find_fastest(silent, Token(), seconds=0.5)
    assert {run.backend for run in result.runs} == {"openvino", "torch"}
    assert "the graphics card cannot be used" in caplog.text
    assert backends.chosen().name == result.best.backend


def test_the_first_use_tests_and_the_second_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []

    def find(*_: object) -> Findings:
        calls.append("test")
        tested.keep(found(Run("openvino", 1, 0.1)))
        return found(Run("openvino", 1, 0.1))

    monkeypatch.setattr(machine_test, "find_fastest", find)
    for _ in range(2):
        machine_test.at_first_use(silent, Token())
    assert calls == ["test"]


@pytest.mark.parametrize(("name", "value"), [("OMP_NUM_THREADS", "2"), ("VOLUMASK_BACKEND", "torch")])
def test_who_has_chosen_is_not_tested(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    monkeypatch.setattr(machine_test, "find_fastest", lambda *_: pytest.fail("the user has chosen"))
    machine_test.at_first_use(silent, Token())


def test_a_test_that_fails_leaves_the_guess(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    def broken(*_: object) -> Findings:
        raise RuntimeError("no such instruction")

    monkeypatch.setattr(machine_test, "find_fastest", broken)
    machine_test.at_first_use(silent, Token())
    assert "no such instruction" in caplog.text
    assert thread_count() == guess()


def test_on_this_machine_every_way_is_measured_and_kept(folder: Path) -> None:
    told: list[float] = []
    result = machine_test.find_fastest(lambda fraction, what: told.append(fraction), Token(), seconds=0.5)
    counts = machine_test.thread_counts(tested.cores(), machine_test._physical())
    ways = {("openvino", count) for count in counts} | {("torch", counts[-1])}
    assert {(run.backend, run.threads) for run in result.runs if run.backend != "cuda"} == ways
    assert all(run.seconds > 0 for run in result.runs)
    assert tested.kept() == result
    assert json.loads((folder / "cache" / "machine.json").read_text())["machine"] == tested.this_machine()
    assert told[0] == 0.0
    assert told[-1] == 1.0
    assert "OMP_NUM_THREADS" not in os.environ
