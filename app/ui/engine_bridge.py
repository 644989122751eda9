"""`EngineBridge`: the one crossing from other threads to the thread that owns the session and the window."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject, Qt, Signal, Slot

from app.engine.protocol import Message


class EngineBridge(QObject):
    """Made on the main thread; `deliver` and `call` may be used by any thread and return at once.

    A QObject that lives on the main thread runs its queued slots there, whichever Python thread emitted (measured,
    shared/reference/style.md); functions and lambdas have no such home. Hence nothing else crosses.
    """

    _delivered = Signal(object)
    _called = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self._receive: Callable[[Message], None] | None = None
        self._delivered.connect(self._on_delivered, Qt.ConnectionType.QueuedConnection)
        self._called.connect(self._on_called, Qt.ConnectionType.QueuedConnection)

    def connect_to(self, receive: Callable[[Message], None]) -> None:
        """Pass the engine's messages on to `receive` (the session's), on the main thread, in their order."""
        self._receive = receive

    def deliver(self, message: Message) -> None:
        """Take a message on the engine's thread."""
        self._delivered.emit(message)

    def call(self, work: Callable[[], None]) -> None:
        """Run something small on the main thread, soon."""
        self._called.emit(work)

    def close(self) -> None:
        """Drop whatever still arrives."""
        self._receive = None

    @Slot(object)
    def _on_delivered(self, message: Message) -> None:
        if self._receive:
            self._receive(message)

    @Slot(object)
    def _on_called(self, work: Callable[[], None]) -> None:
        work()
