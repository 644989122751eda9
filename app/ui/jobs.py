"""`Jobs`: slow work that is not the engine's (files, meshes) in two threads; its end is told on the main thread."""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Generic, TypeVar

from app.engine.protocol import Token
from app.errors import AppError, Cancelled
from app.helper_process import Apart, directly
from app.ui.engine_bridge import EngineBridge

log = logging.getLogger(__name__)
T = TypeVar("T")


@dataclass(frozen=True)
class Job(Generic[T]):
    """Work and what to do with its end.

    Args:
        work: Pure function, run in a thread.
        done: Gets the result, on the main thread.
        failed: Gets the error, on the main thread. Neither is called for a job that was cancelled.
    """

    work: Callable[[], T]
    done: Callable[[T], None]
    failed: Callable[[AppError], None]


class Jobs:
    """Belongs to the main thread.

    Args:
        apart: How a job runs what would keep Python's lock from the window.
    """

    def __init__(self, bridge: EngineBridge, apart: Apart = directly) -> None:
        self._bridge, self.apart = bridge, apart
        self._pool = ThreadPoolExecutor(2, thread_name_prefix="jobs")
        self._tokens: set[Token] = set()
        self.closed = False

    @property
    def running(self) -> int:
        """How many have not ended."""
        return len(self._tokens)

    def start(self, job: Job[T]) -> Token:
        """Run a job; cancel it with the token: it may run on, but its end is not told."""
        token = Token()
        self._tokens.add(token)
        future = self._pool.submit(job.work)
        future.add_done_callback(lambda ended: self._bridge.call(lambda: self._end(job, token, ended)))
        return token

    def close(self) -> None:
        """Wait for what runs, tell no more."""
        self.closed = True
        self._pool.shutdown(cancel_futures=True)

    def _end(self, job: Job[T], token: Token, future: Future[T]) -> None:
        self._tokens.discard(token)
        if token.cancelled or self.closed or future.cancelled():
            return
        error = future.exception()
        if error is None:
            job.done(future.result())
        elif isinstance(error, AppError):
            job.failed(error)
        elif not isinstance(error, Cancelled):
            log.error("a job failed", exc_info=error)
            job.failed(AppError(_plain(error), "The log tells more (Help, Show log)."))


def _plain(error: BaseException) -> str:
    if isinstance(error, MemoryError):
        return "There is not enough memory for this."
    return f"Something unexpected went wrong ({type(error).__name__})."
