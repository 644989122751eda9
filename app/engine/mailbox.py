"""`Mailbox`: what waits for the engine. One place per segment, where newer replaces older; jobs in a queue behind."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass

from app.engine.protocol import Estimate, Predict, Propagate
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


Item = Open | Use | Prepare | Predict | Propagate | Estimate


class Mailbox:
    """Thread-safe. Order: the volume, the model, clicks (oldest segment first), jobs, preparation."""

    def __init__(self) -> None:
        self._ready = threading.Condition()
        self._control: deque[Open | Use] = deque()
        self._clicks: dict[int, Predict] = {}
        self._jobs: deque[Propagate | Estimate] = deque()
        self._prepare = False
        self._closed = False

    def post(self, item: Item) -> None:
        """Leave an item. A click replaces the waiting click of its segment, at that one's place."""
        with self._ready:
            match item:
                case Open():
                    self._control.clear()
                    self._clicks.clear()
                    self._jobs.clear()
                    self._control.append(item)
                    self._prepare = True
                case Use():
                    self._control.append(item)
                    self._prepare = True
                case Prepare():
                    self._prepare = True
                case Predict():
                    self._clicks[item.label] = item
                case _:
                    self._jobs.append(item)
            self._ready.notify()

    def take_click(self) -> Predict | None:
        """The oldest waiting click, without waiting; None while the volume or model is about to change."""
        with self._ready:
            return None if self._control or not self._clicks else self._clicks.pop(next(iter(self._clicks)))

    def take(self) -> Item | None:
        """The next item, waiting for one; None once closed."""
        with self._ready:
            self._ready.wait_for(lambda: self._closed or not self._empty)
            if self._closed:
                return None
            if self._control:
                return self._control.popleft()
            if self._clicks:
                return self._clicks.pop(next(iter(self._clicks)))
            if self._jobs:
                return self._jobs.popleft()
            self._prepare = False
            return Prepare()

    def jobs(self) -> list[Propagate | Estimate]:
        """The jobs that wait."""
        with self._ready:
            return list(self._jobs)

    def forget(self, label: int) -> None:
        """Drop the waiting click of a segment."""
        with self._ready:
            self._clicks.pop(label, None)

    def close(self) -> None:
        """Let `take` return None."""
        with self._ready:
            self._closed = True
            self._ready.notify_all()

    @property
    def _empty(self) -> bool:
        return not (self._control or self._clicks or self._jobs or self._prepare)
