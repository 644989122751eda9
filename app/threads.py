"""Work on many pieces of an array at a time, for what numpy does without Python's lock."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Piece = TypeVar("Piece")
Found = TypeVar("Found")

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


def pool() -> ThreadPoolExecutor:
    """`width` threads, for a `with`."""
    return ThreadPoolExecutor(width())


def on_threads(work: Callable[[Piece], Found], pieces: Iterable[Piece], at_once: int = 1) -> list[Found]:
    """What `work` gives for each piece, in order, on a `pool` of its own.

    Args:
        at_once: Pieces that a thread takes together, where one is little work.

    Raises:
        Exception: what `work` raises for the first piece for which it does.
    """
    with pool() as threads:
        return list(threads.map(work, pieces, chunksize=at_once))
