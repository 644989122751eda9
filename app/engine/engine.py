"""`Engine`: one thread that takes from the mailbox and delivers messages; models run in a process of their own."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from app import user_folders
from app.engine import registry
from app.engine.cache import EmbeddingCache
from app.engine.compute import ComputeDied, ComputeProcess
from app.engine.mailbox import EncodeAhead, Item, Mailbox, Open, Prepare, Use
from app.engine.protocol import (
    Automatic,
    Estimate,
    Failure,
    Job,
    Message,
    Notice,
    Predict,
    Prepared,
    Progress,
    Propagate,
    Propagated,
    SliceAnswer,
    Token,
)
from app.engine.worker import Bench, Worker, as_app_error
from app.errors import Cancelled, EngineFailure, Stopped
from app.volume import Volume

log = logging.getLogger(__name__)
RESTARTED = "The model stopped unexpectedly and was started again; your last action was repeated."
FALLEN_BACK = "The built-in model is not installed here; {} answers in its place."
AHEAD = "Encoding ahead"
CLOSE_SECONDS = 1.0
TWICE = "The model stopped unexpectedly, twice."


def cache_folder() -> Path:
    """Where features are kept between runs."""
    return user_folders.cache_folder() / "embeddings"


class Engine:
    """Takes requests from any thread without waiting; every `Message` is delivered on the engine's own thread.

    Each accepted request gets exactly one end: `Answer`, `Propagated`, `Estimated` or `Failure`. A click that a newer
    click of its segment replaced gets none: the newer one answers for both. What belongs to a volume that was left
    gets none either: once `open` has returned, nothing is delivered that was asked before. After `close` nothing is
    delivered at all. The `request` in a message is the very object that was posted.

    Args:
        deliver: Called with each message; must not wait for another thread.
        mode: "process" or "inline" (models in the engine's thread).
        cache: Folder of the prepared features.
    """

    def __init__(
        self,
        deliver: Callable[[Message], None],
        mode: Literal["process", "inline"] = "process",
        model: str | None = None,
        cache: Path | None = None,
    ) -> None:
        self._deliver = deliver
        self._delivering = threading.RLock()
        self._mode = mode
        card = registry.resolve(model)
        self._model = card.id
        self._fallen_back = FALLEN_BACK.format(card.name) if model not in (None, card.id) else ""
        self._cache = cache or cache_folder()
        self._mailbox = Mailbox()
        self._compute: Bench | None = None
        self._volume: Volume | None = None
        self._focus: tuple[int, int] | None = None
        self._ahead_share = 1.0
        self._streamed: set[int] = set()
        """Slices of the propagation at work that were delivered, also by a process that has died since."""
        self._thread = threading.Thread(target=self._serve_all, name="engine", daemon=True)
        self._thread.start()

    def open(self, volume: Volume) -> None:
        """Serve another volume: all that was asked about the old one is dropped, its features are prepared."""
        with self._delivering:
            self._focus = None
            self._mailbox.post(Open(volume))

    def look_at(self, axis: int, index: int) -> None:
        """Slice `index` across array axis `axis` is seen: models that work by slices encode from there, when idle.

        Until this is called for a volume, they encode only what is asked for.
        """
        self._focus = axis, index
        self._mailbox.post(EncodeAhead())

    def use(self, model: str) -> None:
        """Serve with another model, after the work at hand; long work is cancelled.

        Raises:
            MissingModel: when it cannot be used; the present one stays.
        """
        card = registry.resolve(model)
        self._mailbox.cancel()
        self._mailbox.post(Use(card.id))

    def post(self, request: Predict) -> None:
        """Ask for a mask."""
        self._mailbox.post(request)

    def start(self, job: Job) -> None:
        """Begin long work."""
        self._mailbox.post(job)

    def forget(self, label: int) -> None:
        """Drop the waiting click of a segment."""
        self._mailbox.forget(label)

    def cancel(self, only: Job | None = None) -> None:
        """End long work, all of it or one job, running or waiting; each still gets its end. Clicks go on."""
        self._mailbox.cancel(only)

    @property
    def idle(self) -> bool:
        """Whether everything asked so far was answered and the features are prepared."""
        return self._mailbox.idle

    def close(self) -> None:
        """End the thread and the process, at once or after `CLOSE_SECONDS` where a model does not stop when told to."""
        with self._delivering:
            self._mailbox.close()
        if threading.current_thread() is self._thread:
            return
        self._thread.join(CLOSE_SECONDS)
        if self._thread.is_alive() and (compute := self._compute) is not None:
            compute.kill()
        self._thread.join()

    # On the engine's thread

    def _serve_all(self) -> None:
        if self._fallen_back:
            self._tell(Notice(self._fallen_back))
        try:
            self._warm_up()
            while (item := self._mailbox.take()) is not None:
                self._streamed.clear()
                self._serve(item, self._mailbox.token)
        finally:
            self._drop_compute()

    def _warm_up(self) -> None:
        """Start the process while the user still chooses a scan; if that fails, the first request says so."""
        try:
            self._compute = self._start()
        except Exception as error:  # a door: as good a reason will come again with the first request
            log.warning("not started ahead: %s", error)

    def _serve(self, item: Item, token: Token) -> None:
        """Run an item; once more in a new process if its process dies. Whoever kills that one too gets no third."""
        request = item if isinstance(item, Predict | Job) else None
        for attempt in (1, 2):
            try:
                self._run(item, token)
                return
            except Cancelled:
                self._end_cancelled(item)
                return
            except ComputeDied:
                self._drop_compute()
                if attempt == 1 and not self._mailbox.closed:
                    self._tell(Notice(RESTARTED))
            except Exception as error:  # a door: whatever goes wrong becomes one sentence
                self._tell(Failure(request, as_app_error(error, self._model)))
                return
        self._tell(Failure(request, EngineFailure(TWICE, "Try another model or a smaller scan.")))

    def _end_cancelled(self, item: Item) -> None:
        if isinstance(item, Propagate):
            known = sorted({*item.conditioning, *self._streamed})
            self._tell(Propagated(item, (known[0], known[-1]), cancelled=True))
        elif isinstance(item, Predict | Estimate | Automatic):
            self._tell(Failure(item, Stopped("The work was cancelled.")))

    def _run(self, item: Item, token: Token) -> None:
        match item:
            case Open(volume):
                self._volume = volume
            case Use(model):
                if model != self._model:
                    self._drop_compute()  # a new process: the old model's memory is given back whole
                self._model = model
            case Prepare():
                self._tell(self._prepared(token))
                if self._focus is not None:
                    self._mailbox.post(EncodeAhead())
            case EncodeAhead():
                self._encode_ahead(token)
            case Predict():
                self._prepared(token)
                self._tell(self._bench().predict(item))
            case _:
                self._run_job(item, token)

    def _run_job(self, job: Job, token: Token) -> None:
        """Step by step, so that clicks are answered in between; begun again if a click's trouble cost the process."""
        token.raise_if_cancelled()
        bench: Bench | None = None
        while True:
            if bench is None or bench is not self._compute:
                self._prepared(token)
                bench = self._bench()
                bench.begin(job)
            message = bench.step(token.cancelled)
            if not isinstance(message, SliceAnswer) or message.index not in self._streamed:
                self._tell(message)
            if isinstance(message, SliceAnswer):
                self._streamed.add(message.index)
                slices = message.request.last - message.request.first + 1
                self._progress(len(self._streamed) / slices, "Propagating")
            elif not isinstance(message, Progress):
                return
            while (click := self._mailbox.take_click()) is not None:
                self._serve(click, Token())

    def _encode_ahead(self, token: Token) -> None:
        """One piece; the next follows when nothing else was asked meanwhile."""
        focus = self._focus
        if focus is None or self._volume is None:
            return
        self._prepared(token)
        share = self._bench().encode_ahead(focus)
        if share is not None:
            self._mailbox.post(EncodeAhead())
            self._progress(share, AHEAD)
        elif self._ahead_share < 1:  # no room for more
            self._progress(1.0, AHEAD)
        self._ahead_share = 1.0 if share is None else share

    def _prepared(self, token: Token) -> Prepared:
        return self._bench().prepare(self._progress, token)

    def _bench(self) -> Bench:
        """The worker or the process, with the volume open."""
        if self._volume is None:
            raise EngineFailure("No scan is open.", "Open one first.")
        if self._compute is None:
            self._compute = self._start()
        if self._mailbox.closed:  # looked at after the process was noted, so that `close` or this line ends it
            raise Cancelled
        self._compute.open(self._volume)
        return self._compute

    def _start(self) -> Bench:
        if self._mode == "process":
            return ComputeProcess(self._model, str(self._cache))
        return Worker(self._model, EmbeddingCache(self._cache))

    def _drop_compute(self) -> None:
        compute, self._compute = self._compute, None
        if compute is not None:
            compute.close()

    def _progress(self, fraction: float, what: str) -> None:
        self._tell(Progress(what, fraction))

    def _tell(self, message: Message) -> None:
        """Deliver, unless another volume was opened meanwhile or the engine was closed."""
        with self._delivering:
            if self._mailbox.closed or (self._mailbox.left and not isinstance(message, Notice)):
                return
            try:
                self._deliver(message)
            except Exception:  # the receiver's trouble must not end the engine
                log.exception("a message was not taken")
