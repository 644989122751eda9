"""The compute process: models run here, away from the window, so that a crash in one costs a restart and a sentence.

`main` is the child, `ComputeProcess` the parent's handle. They talk over a local connection (multiprocessing's, with a
key that only the two know); the volume crosses once, in shared memory. The child ends when its parent does.
"""

from __future__ import annotations

import contextlib
import logging
import os
import queue
import subprocess
import sys
import tempfile
import threading
from multiprocessing import resource_tracker
from multiprocessing.connection import Client, Connection, Listener
from multiprocessing.shared_memory import SharedMemory
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from app.engine.protocol import ReportProgress, Token
from app.errors import AppError, Cancelled, EngineFailure
from app.geometry import Geometry
from app.volume import Volume

log = logging.getLogger(__name__)
START_SECONDS = 60.0


class ComputeDied(Exception):
    """The process ended in the middle of a call."""


class ComputeProcess:
    """Calls a `Worker` in a process of its own.

    Raises:
        EngineFailure: when the process cannot be started.
    """

    def __init__(self, model: str, cache_folder: str) -> None:
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115  (closed by `close`)
        self._key = os.urandom(32)
        self._memory: SharedMemory | None = None
        self._killed = False
        self._lock = threading.Lock()
        with Listener(authkey=self._key) as listener:
            self._process = self._launch(str(listener.address), model, cache_folder)
            watcher = threading.Thread(target=self._unblock, args=(listener.address,), daemon=True)
            watcher.start()
            self._connection = listener.accept()
        if self._process.poll() is not None or self._connection.recv() != "ready":
            self.close()
            raise EngineFailure("The compute process could not be started.", "Restart Volumask.")

    @property
    def pid(self) -> int:
        """Process number, for tests and the log."""
        return self._process.pid

    def open(self, volume: Volume) -> None:
        """Send a volume, once, through shared memory."""
        self._drop_memory()
        self._memory = SharedMemory(create=True, size=max(1, volume.array.nbytes))
        target = np.ndarray(volume.shape, volume.array.dtype, buffer=self._memory.buf)
        target[:] = volume.array
        header = self._memory.name, volume.array.dtype.str, volume.shape, volume.geometry.affine, volume.modality
        self.call("open", (*header, volume.digest), _ignore, Token())

    def call(self, verb: str, argument: Any, progress: ReportProgress, token: Token) -> Any:
        """Run one verb of the worker.

        Raises:
            ComputeDied: when the process ended.
            Cancelled, AppError: whatever the worker raised.
        """
        try:
            with self._lock:
                self._connection.send((verb, argument))
            cancelled = False
            while True:
                if token.cancelled and not cancelled:
                    cancelled = True
                    with self._lock:
                        self._connection.send(("cancel", None))
                if self._connection.poll(0.02 if not cancelled else 0.2):
                    kind, value = self._connection.recv()
                    if kind == "progress":
                        progress(*value)
                    elif kind == "error":
                        raise value
                    else:
                        return value
        except (EOFError, ConnectionError, BrokenPipeError) as error:
            if not self._killed:
                self._note_last_words()
            raise ComputeDied from error

    def kill(self) -> None:
        """End the process now; a call in another thread gets `ComputeDied`."""
        self._killed = True
        self._process.kill()

    def close(self) -> None:
        """End the process and give back its memory."""
        self._process.kill()
        self._process.wait()
        if self._process.stdin:
            self._process.stdin.close()
        self._connection.close()
        self._drop_memory()
        self._stderr.close()

    def _launch(self, address: str, model: str, cache_folder: str) -> subprocess.Popen[bytes]:
        frozen = getattr(sys, "frozen", False)
        command = [sys.executable, *(["--compute"] if frozen else ["-m", "app.engine.compute"])]
        root = str(Path(__file__).parents[2])
        path = os.pathsep.join([root, *filter(None, [os.environ.get("PYTHONPATH")])])
        environment = os.environ | {"PYTHONPATH": path, "PYTHONUNBUFFERED": "1"}
        process = subprocess.Popen(
            [*command, address, model, cache_folder],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=self._stderr,
            env=environment,
        )
        if process.stdin:
            process.stdin.write(self._key.hex().encode() + b"\n")
            process.stdin.flush()
        return process

    def _unblock(self, address: Any) -> None:
        """If the child ends before it has called, call in its place, so that `accept` returns."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(START_SECONDS)
        with contextlib.suppress(OSError, EOFError):
            Client(address, authkey=self._key).close()

    def _drop_memory(self) -> None:
        if self._memory:
            self._memory.close()
            self._memory.unlink()
            self._memory = None

    def _note_last_words(self) -> None:
        self._process.wait(5)
        self._stderr.seek(0)
        words = self._stderr.read()[-2000:].decode(errors="replace")
        log.warning("the compute process ended with status %s: %s", self._process.returncode, words)


def main(arguments: list[str]) -> NoReturn:
    """The child: serve calls until the parent is gone."""
    from app.engine.cache import EmbeddingCache
    from app.engine.worker import Worker

    address, model, cache_folder = arguments
    key = bytes.fromhex(sys.stdin.readline())
    connection = Client(address, authkey=key)
    connection.send("ready")
    _Child(connection, Worker(model, EmbeddingCache(Path(cache_folder)))).serve()


class _Child:
    def __init__(self, connection: Connection, worker: Any) -> None:
        self._connection = connection
        self._worker = worker
        self._calls: queue.SimpleQueue[tuple[str, Any]] = queue.SimpleQueue()
        self._token = Token()
        self._slices = self._token
        """Of the propagation under way, which clicks may interrupt."""
        self._memory: SharedMemory | None = None

    def serve(self) -> NoReturn:
        threading.Thread(target=self._listen, daemon=True).start()
        while True:
            verb, argument = self._calls.get()
            try:
                reply: tuple[str, Any] = ("result", self._run(verb, argument))
            except (AppError, Cancelled) as error:
                reply = ("error", error)
            except MemoryError:
                reply = ("error", EngineFailure("There is not enough memory for this model.", "Choose a smaller one."))
            except Exception as error:
                logging.getLogger(__name__).exception("%s failed", verb)
                reply = ("error", EngineFailure(f"The model failed: {error}.", "Try another model."))
            self._connection.send(reply)

    def _run(self, verb: str, argument: Any) -> Any:
        if verb == "open":
            return self._open(*argument)
        return self._worker.call(verb, argument, self._progress, self._token)

    def _listen(self) -> None:
        try:
            while True:
                verb, argument = self._connection.recv()
                if verb == "cancel":
                    self._token.cancel()
                    self._slices.cancel()
                    continue
                if verb != "next_slice":
                    self._token = Token()
                if verb == "propagate":
                    self._slices = self._token
                self._calls.put((verb, argument))
        except (EOFError, OSError):
            os._exit(0)  # the parent is gone; nothing here is worth a tidy end

    def _progress(self, fraction: float, what: str) -> None:
        self._connection.send(("progress", (fraction, what)))

    def _open(self, name: str, dtype: str, shape: Any, affine: Any, modality: str, digest: str) -> None:
        old, self._memory = self._memory, _attach(name)
        array = np.ndarray(shape, dtype, buffer=self._memory.buf)
        volume = Volume(array, Geometry(shape, affine), modality)
        volume.__dict__["digest"] = digest  # hashed by the parent already
        self._worker.call("open", volume, self._progress, self._token)
        if old:
            with contextlib.suppress(BufferError):
                old.close()


def _attach(name: str) -> SharedMemory:
    """Attach without taking ownership: before 3.13 the child's tracker would unlink the parent's memory (bpo-38119)."""
    if sys.version_info >= (3, 13):
        return SharedMemory(name, track=False)
    register = resource_tracker.register
    resource_tracker.register = lambda *_: None
    try:
        return SharedMemory(name)
    finally:
        resource_tracker.register = register


def _ignore(fraction: float, what: str) -> None:
    """Progress that nobody asked for."""


if __name__ == "__main__":
    main(sys.argv[1:])
