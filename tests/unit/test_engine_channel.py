"""Messages with arrays between two ends, through shared memory and through the pipe."""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Iterator
from multiprocessing import Pipe
from typing import Any

import numpy as np
import pytest

from app.engine.channel import SMALL, Channel, allocate, attach, forget_name, release

Ends = tuple[Channel, Channel]


@pytest.fixture
def ends() -> Iterator[Ends]:
    made = tuple(Channel(end) for end in Pipe())
    yield made  # type: ignore[misc]
    for end in made:
        end.close()


def pass_on(ends: Ends, message: Any) -> Any:
    sender = threading.Thread(target=ends[0].send, args=(message,))  # a pipe holds less than a large message
    sender.start()
    got = ends[1].receive()
    sender.join()
    return got


def share(ends: Ends, size: int) -> None:
    memory = allocate(size)
    assert memory is not None
    ends[1].use(attach(memory.name))
    ends[0].use(memory)
    forget_name(memory)


MESSAGES = [
    ("verb", None),
    {"a": np.arange(10), "b": np.zeros((0, 3), bool)},
    (np.random.default_rng(1).random((40, 50, 60)), np.ones((30, 40), bool), "text"),
    np.asfortranarray(np.random.default_rng(2).random((100, 90))),
    np.random.default_rng(3).random((100, 90))[::2, ::3],
]


@pytest.mark.parametrize("room", [0, 1 << 20, SMALL + 1])
@pytest.mark.parametrize("message", MESSAGES)
def test_arrays_arrive_as_they_were(ends: Ends, room: int, message: Any) -> None:
    if room:
        share(ends, room)
    np.testing.assert_equal(pass_on(ends, message), message)
    np.testing.assert_equal(pass_on(ends, message), message)


def test_what_arrived_stays_when_the_memory_is_used_again(ends: Ends) -> None:
    share(ends, 1 << 20)
    first = pass_on(ends, np.ones(50_000))
    pass_on(ends, np.zeros(50_000))
    assert first.all()
    first[:] = 2  # the receiver owns it


def test_each_end_knows_how_much_room_would_have_helped(ends: Ends) -> None:
    pass_on(ends, np.ones(1 << 20, np.uint8))
    assert ends[0].wanted == ends[1].wanted == 1 << 20


def test_no_room_is_told_and_not_a_crash(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int, offset: int, length: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full, raising=False)
    assert allocate(1 << 20) is None


def test_memory_without_a_name_still_works_until_it_is_let_go() -> None:
    memory = allocate(100)
    assert memory is not None
    other = attach(memory.name)
    forget_name(memory)
    with pytest.raises(FileNotFoundError):
        attach(memory.name)
    memory.buf[5] = 7  # type: ignore[index]
    assert other.buf[5] == 7  # type: ignore[index]
    other.close()
    release(memory)
