"""The compute process: models run here, away from the window, so that a crash in one costs a restart and a sentence.

`main` is the child, `ComputeProcess` the parent's handle. They talk over a local connection (multiprocessing's, with a
key that only the two know); the volume crosses once, in shared memory. The child ends when its parent does.
"""

from __future__ import annotations

import contextlib
import logging
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from multiprocessing.connection import Client, Listener
from multiprocessing.shared_memory import SharedMemory
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from app.child_process import launch
from app.engine import allocator, registry
from app.engine.backends.threads import child_environment
from app.engine.cache import EmbeddingCache
from app.engine.channel import Channel, allocate, attach, forget_name, release
from app.engine.protocol import (
    Answer,
    Estimate,
    Job,
    Piece,
    Predict,
    Prepared,
    Progress,
    ReportProgress,
    Token,
)
from app.engine.worker import Seed, Worker, as_app_error
from app.errors import Cancelled, EngineFailure
from app.geometry import Geometry
from app.volume import Volume

log = logging.getLogger(__name__)
START_SECONDS = 60.0
CLOSE_SECONDS = 5.0
LONGEST_TEMPORARY = 70  # bytes; a socket's path has at most 107, and multiprocessing adds some 35
ARENA = 8 << 20  # bytes at first: a mask of 200 x 200 x 200 voxels


@contextmanager
def _listening(key: bytes) -> Iterator[Listener]:
    """A listener; its socket lies in a short folder where that of the user is too long for a socket's name."""
    if sys.platform == "win32" or len(os.fsencode(tempfile.gettempdir())) < LONGEST_TEMPORARY:
        with Listener(authkey=key) as listener:
            yield listener
    else:
        with (
            tempfile.TemporaryDirectory(prefix="volumask-", dir="/tmp") as folder,
            Listener(str(Path(folder) / "compute"), authkey=key) as listener,
        ):
            yield listener


class ComputeDied(Exception):
    """The process ended in the middle of a call."""


class ComputeProcess:
    """The `Bench` in a process of its own.

    Raises:
        EngineFailure: when the process cannot be started.
        ComputeDied: from any call, when the process ends meanwhile.
    """

    def __init__(self, model: str, cache_folder: str) -> None:
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115  (closed by `close`)
        self._key = os.urandom(32)
        self._volume: Volume | None = None
        self._job: Job | None = None
        self._calling = self._killed = False
        try:
            with _listening(self._key) as listener:
                self._process = self._launch(str(listener.address), model, cache_folder)
                watcher = threading.Thread(target=self._unblock, args=(listener.address,), daemon=True)
                watcher.start()
                self._channel = Channel(listener.accept())
        except OSError as error:
            self._stderr.close()
            raise EngineFailure(f"The compute process could not be started ({error.strerror or error}).") from error
        try:
            self._call("model", None)
        except BaseException:
            self.close()
            raise

    @property
    def pid(self) -> int:
        """Process number, for tests and the log."""
        return self._process.pid

    def open(self, volume: Volume) -> None:
        """See `Bench`. The volume crosses once, in shared memory, or through the pipe where there is no room for it."""
        if volume is self._volume:
            return
        self._volume = None
        memory = allocate(volume.array.nbytes)
        header = volume.array.dtype.str, volume.geometry.shape, volume.geometry.affine, volume.modality, volume.digest
        try:
            if memory is not None:
                np.ndarray(volume.shape, volume.array.dtype, buffer=memory.buf)[:] = volume.array
                self._call("open", (memory.name, None, *header))
            else:
                self._call("open", ("", volume.array, *header))
        finally:
            if memory is not None:
                release(memory)
        self._volume = volume

    def prepare(self, progress: ReportProgress, token: Token) -> Prepared:
        """See `Bench`."""
        prepared: Prepared = self._call("prepare", None, progress, token)
        return prepared

    def encode_ahead(self, focus: tuple[int, int]) -> float | None:
        """See `Bench`."""
        share: float | None = self._call("ahead", focus)
        return share

    def predict(self, request: Predict) -> Answer:
        """See `Bench`. Only the part of a seed where the segment is crosses, and the request does not come back."""
        answer: Answer = self._call("predict", (replace(request, seed=None), Seed.of(request.seed)))
        return replace(answer, request=request)

    def begin(self, job: Job) -> None:
        """See `Bench`."""
        self._job = job
        seed = None
        if isinstance(job, Estimate):
            job, seed = replace(job, seed=None), Seed.of(job.seed)
        self._call("begin", (job, seed))

    def step(self, cancelled: bool) -> Piece:
        """See `Bench`."""
        message: Piece = self._call("step", cancelled)
        return message if isinstance(message, Progress) else replace(message, request=self._job)  # type: ignore[arg-type]

    def kill(self) -> None:
        """End the process now; a call in another thread gets `ComputeDied`."""
        self._killed = True
        self._process.kill()

    def close(self) -> None:
        """End the process and give back its memory; what it is writing to the cache is finished first."""
        if not self._calling:
            with contextlib.suppress(OSError):
                self._channel.send(("close", None))
                self._channel.poll(CLOSE_SECONDS)
        self._process.kill()
        self._process.wait()
        if self._process.stdin:
            with contextlib.suppress(OSError):
                self._process.stdin.close()
        self._channel.close()
        self._stderr.close()

    def _call(
        self, verb: str, argument: Any, progress: ReportProgress | None = None, token: Token | None = None
    ) -> Any:
        self._calling = True  # stays so when the process dies or its answer is not waited for
        try:
            self._make_room(verb)
            self._channel.send((verb, argument))
            return self._reply(progress, token or Token())
        except (EOFError, OSError) as error:
            if not self._killed:
                self._note_last_words()
            raise ComputeDied from error

    def _reply(self, progress: ReportProgress | None, token: Token) -> Any:
        asked_to_stop = False
        while True:
            if token.cancelled and not asked_to_stop:
                asked_to_stop = True
                self._channel.send(("cancel", None))
            if not self._channel.poll(0.02 if not asked_to_stop else 0.2):
                continue
            kind, value = self._channel.receive()
            self._calling = kind == "progress"
            if kind == "result":
                return value
            if kind == "error":
                raise value
            if progress:
                progress(*value)

    def _make_room(self, verb: str) -> None:
        """Grow the arena to the largest message so far; without room the pipe carries them."""
        wanted = max(ARENA, self._channel.wanted)
        if verb not in ("predict", "begin", "step") or self._channel.room >= wanted:
            return
        memory = allocate(wanted)
        if memory is None:
            self._channel.wanted = 0
            return
        try:
            self._channel.send(("arena", memory.name))
            self._reply(None, Token())
        except BaseException:
            release(memory)
            raise
        forget_name(memory)
        self._channel.use(memory)

    def _launch(self, address: str, model: str, cache_folder: str) -> subprocess.Popen[bytes]:
        given = (address, model, cache_folder)
        quiet, limits = subprocess.DEVNULL, child_environment()
        process = launch("app.engine.compute", "--compute", *given, stdout=quiet, stderr=self._stderr, defaults=limits)
        if process.stdin:
            with contextlib.suppress(OSError):  # it has ended already: the watcher tells
                process.stdin.write(self._key.hex().encode() + b"\n")
                process.stdin.flush()
        return process

    def _unblock(self, address: Any) -> None:
        """If the child ends before it has called, call in its place, so that `accept` returns."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(START_SECONDS)
        with contextlib.suppress(OSError, EOFError):
            Client(address, authkey=self._key).close()

    def _note_last_words(self) -> None:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(5)
        self._stderr.seek(0)
        words = self._stderr.read()[-2000:].decode(errors="replace")
        log.warning("the compute process ended with status %s: %s", self._process.returncode, words)


def main(arguments: list[str]) -> NoReturn:
    """The child: serve calls until the parent is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C in a terminal is the parent's to judge
    address, model, cache_folder = arguments
    key = bytes.fromhex(sys.stdin.readline())
    _Child(Channel(Client(address, authkey=key)), model, cache_folder).serve()


class _Child:
    def __init__(self, channel: Channel, model: str, cache_folder: str) -> None:
        self._channel = channel
        self._model = model
        self._cache = cache_folder
        self._worker: Worker | None = None
        self._calls: queue.SimpleQueue[tuple[str, Any]] = queue.SimpleQueue()
        self._token = Token()
        self._memory: SharedMemory | None = None

    def serve(self) -> NoReturn:
        threading.Thread(target=self._listen, daemon=True).start()
        while True:
            verb, argument = self._calls.get()
            try:
                reply: tuple[str, Any] = ("result", self._run(verb, argument))
            except Cancelled as error:
                reply = ("error", error)
            except Exception as error:  # a door: the parent gets one sentence
                reply = ("error", as_app_error(error, self._model))
            with contextlib.suppress(OSError):  # the parent is gone: the listener ends this process
                self._channel.send(reply)

    def _run(self, verb: str, argument: Any) -> Any:
        if self._worker is None:
            allocator.suit([registry.card(self._model)])
            self._worker = Worker(self._model, EmbeddingCache(Path(self._cache)))
        match verb:
            case "arena":
                self._channel.use(attach(argument))
            case "open":
                self._open(self._worker, *argument)
            case "prepare":
                return self._worker.prepare(self._progress, self._token)
            case "ahead":
                return self._worker.encode_ahead(argument)
            case "predict":
                return replace(self._worker.answer(*argument), request=None)  # type: ignore[arg-type]
            case "begin":
                self._worker.start(*argument)
            case "close":
                self._worker.close()
            case "step":
                message = self._worker.step(argument)
                return message if isinstance(message, Progress) else replace(message, request=None)  # type: ignore[arg-type]
        return None

    def _listen(self) -> None:
        try:
            while True:
                verb, argument = self._channel.receive()
                if verb == "cancel":
                    self._token.cancel()
                    continue
                self._token = Token()
                self._calls.put((verb, argument))
        except (EOFError, OSError):
            os._exit(0)  # the parent is gone; nothing here is worth a tidy end

    def _progress(self, fraction: float, what: str) -> None:
        self._channel.send(("progress", (fraction, what)))

    def _open(
        self, worker: Worker, name: str, array: Any, dtype: str, shape: Any, affine: Any, modality: str, digest: str
    ) -> None:
        old, self._memory = self._memory, attach(name) if name else None
        if self._memory is not None:
            array = np.ndarray(shape, dtype, buffer=self._memory.buf)
        volume = Volume(array, Geometry(shape, affine), modality)
        volume.__dict__["digest"] = digest  # hashed by the parent already
        worker.open(volume)
        allocator.give_back_freed_memory()  # of the last one's features
        if old is not None:
            with contextlib.suppress(BufferError):
                old.close()


if __name__ == "__main__":
    main(sys.argv[1:])
