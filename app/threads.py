"""`on_threads`, `pool`: work on many pieces of an array at a time, for what numpy does without Python's lock."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Piece = TypeVar("Piece")
Found = TypeVar("Found")

_MOST = 4
"""Threads: more wait for memory, not for a core."""


def pool() -> ThreadPoolExecutor:
    """As many threads as there are cores, up to four, for a `with`."""
    return ThreadPoolExecutor(min(_MOST, os.cpu_count() or 1))


def on_threads(work: Callable[[Piece], Found], pieces: Iterable[Piece], at_once: int = 1) -> list[Found]:
    """What `work` gives for each piece, in order, on a `pool` of its own.

    Args:
        at_once: Pieces that a thread takes together, where one is little work.

    Raises:
        Exception: what `work` raises for the first piece for which it does.
    """
    with pool() as threads:
        return list(threads.map(work, pieces, chunksize=at_once))
