"""`EngineBridge`: the one crossing from other threads to the thread that owns the session and the window."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable

from PySide6.QtCore import QObject, Qt, QTimer, Signal, Slot

from app.engine.protocol import Message

TURN_S = 0.01


class EngineBridge(QObject):
    """Made on the main thread; `deliver` and `call` may be used by any thread and return at once.

    A QObject that lives on the main thread runs its queued slots there, whichever Python thread emitted (measured,
    shared/reference/style.md); functions and lambdas have no such home. Hence nothing else crosses.
    """

    _delivered = Signal()
    _called = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self._receive: Callable[[Message], None] | None = None
        self._waiting: deque[Message] = deque()
        self._awake = False  # a `_drain` is on its way
        self._lock = threading.Lock()
        self._delivered.connect(self._drain, Qt.ConnectionType.QueuedConnection)
        self._called.connect(self._on_called, Qt.ConnectionType.QueuedConnection)

    def connect_to(self, receive: Callable[[Message], None]) -> None:
        """Pass the engine's messages on to `receive` (the session's), on the main thread, in their order."""
        self._receive = receive

    def deliver(self, message: Message) -> None:
        """Take a message on the engine's thread."""
        with self._lock:
            self._waiting.append(message)
            asleep, self._awake = not self._awake, True
        if asleep:
            self._delivered.emit()

    def call(self, work: Callable[[], None]) -> None:
        """Run something small on the main thread, soon."""
        self._called.emit(work)

    def close(self) -> None:
        """Drop whatever still arrives."""
        self._receive = None

    @Slot()
    def _drain(self) -> None:
        """Pass messages on for at most `TURN_S`, then let the window draw and the user act before the next."""
        end = time.monotonic() + TURN_S
        while message := self._next():
            if self._receive:
                self._receive(message)
            if time.monotonic() > end:
                QTimer.singleShot(0, self._drain)
                return

    def _next(self) -> Message | None:
        with self._lock:
            self._awake = bool(self._waiting)
            return self._waiting.popleft() if self._waiting else None

    @Slot(object)
    def _on_called(self, work: Callable[[], None]) -> None:
        work()
