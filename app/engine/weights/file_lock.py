"""`file_lock`: one process, one thread at a time; the system takes the lock back when a process dies."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from app.errors import AppError


@contextmanager
def file_lock(path: Path, taken: str) -> Iterator[None]:
    """Hold a lock for the length of the block.

    Args:
        taken: What to tell the user when another holds it.

    Raises:
        AppError: another holds it.
    """
    with path.open("a+b") as file:
        try:
            _lock(file)
        except OSError as error:
            raise AppError(taken, "Wait for it, or cancel it first.") from error
        yield


if sys.platform == "win32":
    import msvcrt

    def _lock(file: IO[bytes]) -> None:
        file.seek(0)
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def _lock(file: IO[bytes]) -> None:
        fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
