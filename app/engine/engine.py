"""`Engine`: one thread that takes from the mailbox and delivers messages; models run in a process of their own."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import platformdirs

from app.engine import registry
from app.engine.cache import EmbeddingCache
from app.engine.compute import ComputeDied, ComputeProcess
from app.engine.mailbox import Item, Mailbox, Open, Prepare, Use
from app.engine.protocol import (
    Estimate,
    Failure,
    Message,
    Notice,
    Predict,
    Progress,
    Propagate,
    Propagated,
    Token,
)
from app.engine.worker import Worker
from app.errors import AppError, Cancelled, EngineFailure, Stopped
from app.volume import Volume

log = logging.getLogger(__name__)
RESTARTED = "The model stopped unexpectedly and was started again; your last action was repeated."


def cache_folder() -> Path:
    """Where features are kept between runs."""
    return Path(platformdirs.user_cache_dir("Volumask", appauthor=False)) / "embeddings"


class Engine:
    """Takes requests from any thread without waiting; every `Message` is delivered on the engine's own thread.

    Each accepted request gets exactly one end: `Answer`, `Propagated`, `Estimated` or `Failure`. A click that a newer
    click of its segment replaced gets none: the newer one answers for both. What belongs to a volume that was left
    gets none either.

    Args:
        deliver: Called with each message.
        mode: "process" or "inline" (models in the engine's thread).
    """

    def __init__(
        self,
        deliver: Callable[[Message], None],
        mode: Literal["process", "inline"] = "process",
        model: str | None = None,
        cache: Path | None = None,
    ) -> None:
        self._deliver = deliver
        self._mode = mode
        self._model = registry.resolve(model).id
        self._cache = cache or cache_folder()
        self._mailbox = Mailbox()
        self._compute: Worker | ComputeProcess | None = None
        self._volume: Volume | None = None
        self._lock = threading.Lock()
        self._token = Token()
        self._serving: Item | None = None
        self._called_off: set[int] = set()
        self._closing = False
        self._thread = threading.Thread(target=self._serve_all, name="engine", daemon=True)
        self._thread.start()

    def open(self, volume: Volume) -> None:
        """Serve another volume: all that was asked about the old one is dropped, its features are prepared."""
        self._mailbox.post(Open(volume))
        self._stop(lambda item: True)

    def use(self, model: str) -> None:
        """Serve with another model.

        Raises:
            MissingModel: when it cannot be used; the present one stays.
        """
        self._mailbox.post(Use(registry.resolve(model).id))
        self._stop(lambda item: isinstance(item, Prepare))

    def post(self, request: Predict) -> None:
        """Ask for a mask."""
        self._mailbox.post(request)

    def start(self, job: Propagate | Estimate) -> None:
        """Begin long work."""
        self._mailbox.post(job)

    def forget(self, label: int) -> None:
        """Drop the waiting click of a segment."""
        self._mailbox.forget(label)

    def cancel(self) -> None:
        """End long work, running and waiting; each still gets its end. Clicks and preparation go on."""
        waiting = self._mailbox.jobs()
        with self._lock:
            self._called_off.update(job.job for job in waiting)
        self._stop(lambda item: isinstance(item, Propagate | Estimate))

    def close(self) -> None:
        """End the thread and the process."""
        self._closing = True
        self._mailbox.close()
        self._stop(lambda item: True)
        if isinstance(compute := self._compute, ComputeProcess):
            compute.kill()
        self._thread.join()

    # On the engine's thread

    def _serve_all(self) -> None:
        try:
            self._warm_up()
            while (item := self._mailbox.take()) is not None:
                with self._lock:
                    self._serving, self._token = item, Token()
                    if isinstance(item, Propagate | Estimate) and item.job in self._called_off:
                        self._token.cancel()
                self._serve(item)
                with self._lock:
                    self._serving = None
        finally:
            self._drop_compute()

    def _warm_up(self) -> None:
        """Start the process while the user still chooses a scan; if that fails, the first request says so."""
        try:
            self._compute = self._start()
        except AppError as error:
            log.warning("not started ahead: %s", error)

    def _serve(self, item: Item) -> None:
        token = self._token
        request = item if isinstance(item, Predict | Propagate | Estimate) else None
        try:
            self._run(item, token)
        except Cancelled:
            self._end_cancelled(item)
        except ComputeDied:
            self._retry(item, token)
        except AppError as error:
            self._deliver(Failure(request, error))
        except MemoryError:
            self._deliver(Failure(request, EngineFailure("There is not enough memory for this model.")))
        except Exception as error:  # a door: whatever a model raises becomes one sentence
            log.exception("%s failed", type(item).__name__)
            self._deliver(Failure(request, EngineFailure(f"The model failed: {error}.", "Try another model.")))

    def _retry(self, item: Item, token: Token) -> None:
        """Once more in a new process; whoever kills that one too does not get a third."""
        self._drop_compute()
        if self._closing:
            return
        try:
            self._deliver(Notice(RESTARTED))
            self._run(item, token)
        except Cancelled:
            self._end_cancelled(item)
        except (ComputeDied, AppError) as error:
            if isinstance(error, ComputeDied):
                self._drop_compute()
            failure = EngineFailure("The model stopped unexpectedly, twice.", "Try another model or a smaller scan.")
            request = item if isinstance(item, Predict | Propagate | Estimate) else None
            if not self._closing:
                self._deliver(Failure(request, error if isinstance(error, AppError) else failure))

    def _end_cancelled(self, item: Item) -> None:
        if isinstance(item, Propagate):
            known = sorted(item.conditioning)
            self._deliver(Propagated(item, (known[0], known[-1]), "Cancelled.", cancelled=True))
        elif isinstance(item, Estimate):
            self._deliver(Failure(item, Stopped("The estimate of uncertainty was cancelled.")))

    def _run(self, item: Item, token: Token) -> None:
        match item:
            case Open(volume):
                self._volume = volume
                if self._compute:
                    self._compute.open(volume)
            case Use(model):
                self._model = model
                if self._compute:
                    self._compute.call("use", model, self._progress, token)
            case Prepare():
                self._deliver(self._ready().call("prepare", None, self._progress, token))
            case Predict():
                self._deliver(self._ready().call("predict", item, self._progress, token))
            case Estimate():
                token.raise_if_cancelled()
                self._deliver(self._ready().call("estimate", item, self._progress, token))
            case Propagate():
                self._propagate(item, token)

    def _propagate(self, job: Propagate, token: Token) -> None:
        token.raise_if_cancelled()
        compute = self._ready()
        compute.call("propagate", job, self._progress, token)
        slices = job.last - job.first + 1
        done = 0
        while True:
            message = compute.call("next_slice", None, self._progress, token)
            self._deliver(message)
            if isinstance(message, Propagated):
                return
            done += 1
            self._progress(done / slices, "Propagating")
            while (click := self._mailbox.take_click()) is not None:
                self._deliver(compute.call("predict", click, self._progress, token))

    def _ready(self) -> Worker | ComputeProcess:
        """The worker or the process, with the volume open."""
        if self._volume is None:
            raise EngineFailure("No scan is open.", "Open one first.")
        if self._compute is None:
            self._compute = self._start()
            self._compute.open(self._volume)
        return self._compute

    def _start(self) -> Worker | ComputeProcess:
        if self._mode == "process":
            return ComputeProcess(self._model, str(self._cache))
        return Worker(self._model, EmbeddingCache(self._cache))

    def _drop_compute(self) -> None:
        compute, self._compute = self._compute, None
        if isinstance(compute, ComputeProcess):
            compute.close()

    def _progress(self, fraction: float, what: str) -> None:
        self._deliver(Progress(what, fraction))

    def _stop(self, which: Callable[[Item], bool]) -> None:
        with self._lock:
            if self._serving is not None and which(self._serving):
                self._token.cancel()
