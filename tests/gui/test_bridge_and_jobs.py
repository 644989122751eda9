"""What crosses threads arrives on the main thread, in order, and not after the end."""

from __future__ import annotations

import threading
import time

import pytest
from PySide6.QtCore import QObject, QTimer

from app.engine.protocol import Notice
from app.errors import BadInput, Cancelled
from app.ui.engine_bridge import EngineBridge
from app.ui.jobs import Job, Jobs
from app.ui.soon import Soon


@pytest.fixture
def jobs(qapp):
    made = Jobs(EngineBridge())
    yield made
    made.close()


def test_messages_arrive_on_the_main_thread_in_order(qapp, qtbot):
    bridge, got = EngineBridge(), []
    bridge.connect_to(lambda message: got.append((message.text, threading.get_ident())))
    sender = threading.Thread(target=lambda: [bridge.deliver(Notice(str(n))) for n in range(500)])
    sender.start()
    qtbot.waitUntil(lambda: len(got) == 500)
    sender.join()
    assert [text for text, _ in got] == [str(n) for n in range(500)]
    assert {thread for _, thread in got} == {threading.get_ident()}


def test_nothing_arrives_after_close(qapp, qtbot):
    bridge, got = EngineBridge(), []
    bridge.connect_to(got.append)
    bridge.deliver(Notice("late"))
    bridge.close()
    qtbot.wait(20)
    assert got == []


def test_a_job_runs_elsewhere_and_ends_here(jobs, qtbot):
    ended = []
    jobs.start(Job(threading.get_ident, lambda thread: ended.append((thread, threading.get_ident())), ended.append))
    qtbot.waitUntil(lambda: bool(ended))
    (worker, main), *_ = ended
    assert worker != main == threading.get_ident()
    assert jobs.running == 0


def test_an_error_for_the_user_is_passed_on_and_another_becomes_one_sentence(jobs, qtbot):
    errors = []

    def bad():
        raise BadInput("scan.nii is empty.")

    def worse():
        raise ZeroDivisionError

    def none_left():
        raise MemoryError

    for work in (bad, worse, none_left):
        jobs.start(Job(work, errors.append, errors.append))
    qtbot.waitUntil(lambda: len(errors) == 3)
    texts = sorted(str(error) for error in errors)
    assert texts[1] == "There is not enough memory for this. The log tells more (Help, Show log)."
    assert texts[0].startswith("Something unexpected went wrong (ZeroDivisionError).")
    assert texts[2] == "scan.nii is empty."


def test_a_cancelled_job_tells_nothing(jobs, qtbot):
    go, ended = threading.Event(), []

    def work():
        go.wait(5)
        raise Cancelled

    jobs.start(Job(work, ended.append, ended.append))
    token = jobs.start(Job(lambda: go.wait(5), ended.append, ended.append))
    token.cancel()
    go.set()
    qtbot.waitUntil(lambda: jobs.running == 0)
    assert ended == []


def test_a_flood_of_messages_lets_the_window_live(qapp, qtbot):
    """Two hundred messages of 2 ms each: timers still run between them, so no stall is as long as all of them."""
    bridge, got, beats = EngineBridge(), [], []

    def receive(message):
        time.sleep(0.002)
        got.append(message)

    bridge.connect_to(receive)
    timer = QTimer()
    timer.timeout.connect(lambda: beats.append(time.monotonic()))
    timer.start(1)
    for n in range(200):
        bridge.deliver(Notice(str(n)))
    qtbot.waitUntil(lambda: len(got) == 200)
    timer.stop()
    assert len(beats) > 10


def test_many_wishes_are_one_piece_of_work(qapp, qtbot):
    ran, parent = [], QObject()
    soon = Soon(parent, lambda: ran.append(1))
    for n in range(100):
        soon.ask(n)
    assert ran == []
    qtbot.waitUntil(lambda: bool(ran))
    qtbot.wait(20)
    assert ran == [1]
    soon.ask()
    soon.stop()
    qtbot.wait(20)
    assert ran == [1]
