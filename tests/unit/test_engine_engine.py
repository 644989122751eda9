"""The engine: every request gets one end, in whatever order things happen."""

from __future__ import annotations

import time

import numpy as np
import pytest

from app.engine import registry
from app.engine.engine import Engine
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
from app.prompts import Point
from tests.unit.engine_inbox import SHAPE, Inbox, Start, answers, click, start, test_models_folder, volume

__all__ = ["start", "test_models_folder"]  # fixtures


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


def test_a_click_that_fails_between_slices_fails_alone(start: Start) -> None:
    engine, inbox = start(model="slow")
    engine.open(volume())
    job = Propagate(1, 1, 0, {10: np.ones(SHAPE[1:], bool)}, 8, 12)
    engine.start(job)
    inbox.until(lambda m: isinstance(m, SliceAnswer))
    broken = Predict(2, (None,), 0)  # type: ignore[arg-type]  # no prompt at all
    engine.post(broken)
    inbox.until(lambda m: isinstance(m, Propagated))
    assert [m.request for m in inbox.of(Failure)] == [broken]
    assert len(inbox.of(SliceAnswer)) == 5


def test_a_job_number_used_again_in_another_case_is_not_cancelled(start: Start) -> None:
    engine, inbox = start(model="slow")
    engine.open(volume())
    ones = np.ones(SHAPE[1:], bool)
    for number in (1, 2):
        engine.start(Propagate(number, 1, 0, {10: ones}, 0, 19))
    inbox.until(lambda m: isinstance(m, SliceAnswer))
    engine.cancel()
    engine.open(volume(1))
    again = Propagate(2, 1, 0, {10: ones}, 10, 10)
    engine.start(again)
    end = inbox.until(lambda m: isinstance(m, Propagated) and m.request is again)
    assert isinstance(end, Propagated)
    assert not end.cancelled


def test_nothing_of_the_old_case_is_delivered_once_another_is_open(start: Start) -> None:
    engine, inbox = start(model="slow")
    engine.open(volume())
    inbox.until(lambda m: isinstance(m, Prepared))
    old = click(1)
    engine.post(old)
    time.sleep(0.1)
    engine.open(volume(1))
    inbox.messages.clear()
    inbox.until(lambda m: isinstance(m, Prepared))
    assert not [m for m in inbox.messages if isinstance(m, Answer | Failure)]


def test_a_receiver_that_fails_does_not_end_the_engine(start: Start, caplog: pytest.LogCaptureFixture) -> None:
    inbox = Inbox()

    def clumsy(message: Message) -> None:
        inbox(message)
        raise RuntimeError("the window is gone")

    engine = Engine(clumsy, mode="inline", model="fake")
    try:
        engine.open(volume())
        engine.post(click())
        inbox.until(answers(click()))
        engine.post(click(2))
        inbox.until(answers(click(2)))
    finally:
        engine.close()
    assert "the window is gone" in caplog.text


def test_a_built_in_model_that_is_not_here_is_replaced_with_a_notice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "installed", lambda card: not card.weights)
    inbox = Inbox()
    engine = Engine(inbox, mode="inline", model="builtin")
    try:
        notice = inbox.until(lambda m: isinstance(m, Notice))
        assert isinstance(notice, Notice)
        assert "Classic answers in its place" in notice.text
    finally:
        engine.close()


@pytest.mark.parametrize("number", range(15))
def test_every_request_gets_exactly_one_end_in_whatever_order(start: Start, number: int) -> None:
    """Random clicks, jobs, cancels, model changes and volumes; those of the last case all end, once."""
    random = np.random.default_rng(number)
    engine, inbox = start()
    engine.open(volume())
    posted: list[Predict | Propagate | Estimate] = []
    for n in range(60):
        match random.choice(["click", "click", "click", "job", "estimate", "cancel", "use", "pause", "open"]):
            case "click":
                posted.append(Predict(int(random.integers(1, 4)), (Point((5, 6, 7)),) * int(random.integers(3)), n))
                engine.post(posted[-1])
            case "job":
                posted.append(Propagate(n, 1, 0, {10: np.ones(SHAPE[1:], bool)}, 9, 12))
                engine.start(posted[-1])
            case "estimate":
                posted.append(Estimate(n, 1, (Point((5, 6, 7)),), 2))
                engine.start(posted[-1])
            case "cancel":
                engine.cancel()
            case "use":
                engine.use(str(random.choice(["fake", "classic"])) if n > 50 else "fake")
            case "pause":
                time.sleep(0.003)
            case "open" if random.random() < 0.3:
                engine.open(volume(n))
                posted.clear()
    deadline = time.monotonic() + 30
    while not engine.idle and time.monotonic() < deadline:
        time.sleep(0.01)
    assert engine.idle
    ends = [m.request for m in inbox.messages if isinstance(m, Answer | Propagated | Estimated | Failure)]
    for request in posted:
        newer = [other for other in posted if isinstance(other, Predict) and other.label == request.label]
        replaced = isinstance(request, Predict) and newer[-1] is not request
        assert sum(end is request for end in ends) in ((0, 1) if replaced else (1,))


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
