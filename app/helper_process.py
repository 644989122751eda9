"""`Helpers`: slow pure functions in processes of their own, so that the window never waits for Python's lock.

A thread that makes a surface holds that lock for up to 20 ms at a time, and where other programs use the processor it
is stopped while it holds it: the window then stood still for 0.2 s and more. A process cannot do that, and it works
with a lower priority than the window.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import pickle
import queue
import subprocess
import sys
import threading
import warnings
from collections.abc import Callable
from typing import IO, Any, ParamSpec, Protocol, TypeVar

import numpy as np
import psutil
from numpy.typing import NDArray

from app.child_process import launch
from app.errors import AppError, Cancelled

P = ParamSpec("P")
T = TypeVar("T")
_BROKEN = (OSError, EOFError, pickle.UnpicklingError, ValueError)  # ValueError: a pipe that `close` has closed
_PATIENCE_S = 5.0


class Apart(Protocol):
    """How a slow function is run: here, or in a process of its own."""

    def __call__(self, function: Callable[P, T], /, *arguments: P.args, **named: P.kwargs) -> T:
        """Run it; arguments, result and errors may have to cross to another process and back."""


def directly(function: Callable[P, T], /, *arguments: P.args, **named: P.kwargs) -> T:
    """Run it here: for scripts and tests without a window."""
    return function(*arguments, **named)


class Helpers:
    """At most `most` processes, each started (0.6 s) when it is first needed; they end with `close` or this process."""

    def __init__(self, most: int = 2) -> None:
        self._idle: queue.LifoQueue[subprocess.Popen[bytes] | None] = queue.LifoQueue()
        self._processes: list[subprocess.Popen[bytes]] = []
        self._closed = threading.Event()
        for _ in range(most):
            self._idle.put(None)  # a place whose process has not started, or has ended

    def __call__(self, function: Callable[P, T], /, *arguments: P.args, **named: P.kwargs) -> T:
        """Run a function of a module; from any thread, which waits.

        A process that ends meanwhile is started again and the work repeated, once.

        Raises:
            AppError: when it ended twice.
            Cancelled: when `close` was called meanwhile.
            Exception: what the function raises.
        """
        for _ in range(2):
            with contextlib.suppress(*_BROKEN):
                worked, answer = self._ask((function, arguments, named))
                break
        else:
            raise AppError(
                "A process that computes beside the window ended twice.", "Close other programs: memory may be short."
            )
        if not worked:
            raise answer
        result: T = answer
        return result

    def load(self, module: str) -> None:
        """Have a process ready that has imported a module; returns at once."""
        threading.Thread(target=self._load, args=(module,), name="helper", daemon=True).start()

    def close(self) -> None:
        """End the processes; who still waits for one gets `Cancelled`."""
        self._closed.set()
        for process in self._processes:
            self._end(process)

    def _load(self, module: str) -> None:
        with contextlib.suppress(AppError, Cancelled, OSError):  # who needs it is told then
            self(_imported, module)

    def _ask(self, wanted: object) -> tuple[bool, Any]:
        """Whether it worked, and the result or error; a process whose pipes are not in order afterwards is ended."""
        process, kept = self._idle.get(), None
        try:
            process = process or self._start()
            if process.stdin is None or process.stdout is None:
                raise EOFError
            _send(process.stdin, wanted)
            worked, answer = _receive(process.stdout)
            kept = process
        finally:
            if process and not kept:
                self._end(process)
            self._idle.put(kept)
        return worked, answer

    def _start(self) -> subprocess.Popen[bytes]:
        if self._closed.is_set():
            raise Cancelled
        process = launch("app.helper_process", "--help-out", stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self._processes.append(process)
        if self._closed.is_set():  # while it started
            self._end(process)
            raise Cancelled
        return process

    def _end(self, process: subprocess.Popen[bytes]) -> None:
        process.kill()
        with contextlib.suppress(OSError, ValueError):  # what it never read; pipes that another thread has closed
            process.communicate(timeout=_PATIENCE_S)


def _send(pipe: IO[bytes], message: object) -> None:
    """Arrays go beside the pickle: in it they would be copied once more, with Python's lock held."""
    buffers: list[pickle.PickleBuffer] = []
    body = pickle.dumps(message, protocol=5, buffer_callback=buffers.append)
    parts = [buffer.raw() for buffer in buffers]
    pickle.dump((body, [part.nbytes for part in parts]), pipe)
    for part in parts:
        pipe.write(part)
    pipe.flush()


def _receive(pipe: IO[bytes]) -> Any:
    """What the other end, which is of this program, has sent."""
    body, sizes = pickle.load(pipe)
    return pickle.loads(body, buffers=[_read(pipe, size) for size in sizes])


def _read(pipe: IO[bytes], size: int) -> NDArray[np.uint8]:
    part = np.empty(size, np.uint8)
    if pipe.readinto(part.data) != size:  # type: ignore[attr-defined]  # a buffered reader has it
        raise EOFError
    return part


def _imported(module: str) -> None:
    importlib.import_module(module)


def main() -> int:
    """The child: do what comes in until there is no more. What a library prints on stdout goes nowhere."""
    warnings.simplefilter("ignore")
    _step_back()
    with os.fdopen(os.dup(1), "wb") as answers, open(os.devnull, "wb") as nowhere:  # noqa: PTH123  (a device)
        os.dup2(nowhere.fileno(), 1)
        with contextlib.suppress(EOFError, BrokenPipeError):
            while True:
                _answer(sys.stdin.buffer, answers)
    return 0


def _step_back() -> None:
    """The window, its drawing and the answer to a click come first."""
    with contextlib.suppress(psutil.Error, OSError):
        if sys.platform == "win32":
            psutil.Process().nice(psutil.BELOW_NORMAL_PRIORITY_CLASS)
        else:
            os.nice(2)  # below the program's own, whatever that was started with


def _answer(requests: IO[bytes], answers: IO[bytes]) -> None:
    function, arguments, named = _receive(requests)
    answer: tuple[bool, Any]
    try:
        answer = True, function(*arguments, **named)
    except Exception as error:  # a door: whatever a function raises is raised in the parent
        answer = False, _portable(error)
    _send(answers, answer)


def _portable(error: Exception) -> Exception:
    """The error itself if it can cross; else one that says the same."""
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:  # errors of libraries may refuse in any way
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error


if __name__ == "__main__":
    # The functions that come in know this module by its full name.
    sys.exit(importlib.import_module("app.helper_process").main())
