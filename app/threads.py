"""Work on many pieces of an array at a time, for what numpy does without Python's lock."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from functools import cache
from typing import Any, Self, TypeVar

Piece = TypeVar("Piece")
Found = TypeVar("Found")

STAYING = "work beside"
"""What the names of the threads begin with that are made once and stay."""

_MOST = 4
"""Threads: more wait for memory, not for a core."""


def keep_blas_to_one_thread() -> None:
    """Before numpy is imported, where the user has not said otherwise: its matrices here are small.

    OpenBLAS' own threads gain nothing on them, and spin between two products on the cores that ours would use: eight
    answers of the built-in network, two at a time, take 0.69 of the time of one after the other, with them 0.97.
    """
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


def width() -> int:
    """Pieces of work that are worth doing at a time: as many as there are cores, up to four."""
    return min(_MOST, os.cpu_count() or 1)


class Hands:
    """What does work beside its owner, for a `with`, at whose end all of it is done.

    Every process has `width` threads for that, made once: with new ones each time an estimate of eight samples takes
    0.89 instead of 0.85 s. Work that one of them hands out in turn it does itself, at once: waiting for the others,
    which may wait for it, would never end.
    """

    def __init__(self) -> None:
        self._handed: list[Future[Any]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        wait(self._handed)

    def submit(self, work: Callable[..., Found], *args: Any) -> Future[Found]:
        """Do it when there is a thread."""
        self._handed.append(handed := _done(work, *args) if _own.working else _threads(width()).submit(work, *args))
        return handed

    def map(self, work: Callable[[Piece], Found], pieces: Iterable[Piece]) -> Iterator[Found]:
        """What `work` gives for each piece, in order; all are begun at once."""
        handed = [self.submit(work, piece) for piece in pieces]
        return (one.result() for one in handed)


def on_threads(work: Callable[[Piece], Found], pieces: Iterable[Piece], at_once: int = 1) -> list[Found]:
    """What `work` gives for each piece, in order, by `Hands`.

    Args:
        at_once: Pieces that a thread takes together, where one is little work.

    Raises:
        Exception: what `work` raises for the first piece for which it does.
    """
    listed = list(pieces)
    some = [listed[first : first + at_once] for first in range(0, len(listed), at_once)]
    with Hands() as hands:
        return [found for part in hands.map(lambda part: [work(piece) for piece in part], some) for found in part]


class _Own(threading.local):
    working = False  # whether this thread is one of those that do work for others


_own = _Own()


@cache
def _threads(count: int) -> ThreadPoolExecutor:
    def begin() -> None:
        _own.working = True

    return ThreadPoolExecutor(count, STAYING, begin)


def _done(work: Callable[..., Found], *args: Any) -> Future[Found]:
    future: Future[Found] = Future()
    try:
        future.set_result(work(*args))
    except Exception as problem:
        future.set_exception(problem)
    return future
