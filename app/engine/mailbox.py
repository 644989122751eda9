"""`Mailbox`: what waits for the engine. One place per segment, where newer replaces older; jobs in a queue behind."""

from __future__ import annotations

import threading
import time
from collections import deque
from dataclasses import dataclass

from app.engine.protocol import (
    Job,
    Predict,
    Token,
)
from app.volume import Volume


@dataclass(frozen=True, slots=True)
class Open:
    """Serve another volume."""

    volume: Volume


@dataclass(frozen=True, slots=True)
class Use:
    """Serve with another model."""

    model: str


@dataclass(frozen=True, slots=True)
class Prepare:
    """Compute the features of the open volume."""


@dataclass(frozen=True, slots=True)
class EncodeAhead:
    """Prepare one more piece of the features near the slice that is seen."""


Item = Open | Use | Prepare | Predict | Job | EncodeAhead

REST = 1.5  # seconds without any work before something is encoded ahead: between two clicks nothing is begun


class Mailbox:
    """Thread-safe. Order: the volume, the model, clicks (oldest segment first), jobs, preparation;
    encoding ahead when nothing of it has been asked for a while.

    It also holds the token of the item last taken, so that nothing can be asked to stop in the moment between being
    taken and being served.
    """

    def __init__(self) -> None:
        self._ready = threading.Condition()
        self._control: deque[Open | Use] = deque()
        self._clicks: dict[int, Predict] = {}
        self._jobs: deque[tuple[Job, Token]] = deque()
        self._prepare = self._ahead = False
        self._rested = 0.0  # when encoding ahead may go on
        self._closed = False
        self._serving: Item | None = None
        self.token = Token()
        """Of the item that `take` gave last."""
        self._case = self._served_case = 0  # rises with every volume

    def post(self, item: Item) -> None:
        """Leave an item. A click replaces the waiting click of its segment, at that one's place."""
        with self._ready:
            match item:
                case Open():
                    self._control.clear()
                    self._clicks.clear()
                    self._jobs.clear()
                    self._control.append(item)
                    self._prepare, self._ahead = True, False
                    self._case += 1
                    self.token.cancel()
                case Use():
                    self._control.append(item)
                    self._prepare = True
                    if isinstance(self._serving, Prepare):
                        self.token.cancel()
                case Prepare():
                    self._prepare = True
                case EncodeAhead():
                    self._ahead = True
                case Predict():
                    self._clicks[item.label] = item
                case _:
                    self._jobs.append((item, Token()))
            self._ready.notify()

    def take_click(self) -> Predict | None:
        """The oldest waiting click, without waiting; None while the volume or model is about to change."""
        with self._ready:
            return None if self._control or not self._clicks else self._clicks.pop(next(iter(self._clicks)))

    def take(self) -> Item | None:
        """The next item, waiting for one; None once closed."""
        with self._ready:
            if not isinstance(self._serving, EncodeAhead | None):
                self._rested = time.monotonic() + REST
            self._serving = None
            while not self._closed and self._empty and (rest := self._rest) != 0:
                self._ready.wait(rest)
            if self._closed:
                return None
            self._serving, self.token = self._next()
            self._served_case = self._case
            return self._serving

    def cancel(self, only: Job | None = None) -> None:
        """Ask every job, or one, to stop, at work or waiting; they stay, for each has to be told its end."""
        with self._ready:
            if isinstance(self._serving, Job) and only in (None, self._serving):
                self.token.cancel()
            for job, token in self._jobs:
                if only in (None, job):
                    token.cancel()

    def forget(self, label: int) -> None:
        """Drop the waiting click of a segment."""
        with self._ready:
            self._clicks.pop(label, None)

    def close(self) -> None:
        """Let `take` return None, and whatever is at work stop."""
        with self._ready:
            self._closed = True
            self.token.cancel()
            self._ready.notify_all()

    @property
    def closed(self) -> bool:
        """Whether it was closed."""
        return self._closed

    @property
    def left(self) -> bool:
        """Whether the item at work belongs to a volume in whose place another was opened meanwhile."""
        return self._served_case != self._case

    @property
    def idle(self) -> bool:
        """Whether nothing waits and nothing is at work."""
        with self._ready:
            return self._empty and isinstance(self._serving, EncodeAhead | None)

    def _next(self) -> tuple[Item, Token]:
        if self._control:
            return self._control.popleft(), Token()
        if self._clicks:
            return self._clicks.pop(next(iter(self._clicks))), Token()
        if self._jobs:
            return self._jobs.popleft()
        if self._prepare:
            self._prepare = False
            return Prepare(), Token()
        self._ahead = False
        return EncodeAhead(), Token()

    @property
    def _rest(self) -> float | None:
        """Seconds until something is encoded ahead; None when there is nothing to."""
        return max(0.0, self._rested - time.monotonic()) if self._ahead else None

    @property
    def _empty(self) -> bool:
        """Whether nothing was asked; what is encoded ahead was not."""
        return not (self._control or self._clicks or self._jobs or self._prepare)
