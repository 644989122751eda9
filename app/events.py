"""`Signal`: facts sent from the domain to whoever listens, on the thread that owns the model. No Qt."""

from __future__ import annotations

import inspect
import threading
import weakref
from collections.abc import Callable
from typing import Generic, TypeVarTuple, cast

Args = TypeVarTuple("Args")


class Signal(Generic[*Args]):
    """Calls every connected slot, in order of connection.

    Bound methods are held weakly, so a closed view stops listening by itself; functions and lambdas are held strongly.

    Raises:
        RuntimeError: from `emit`, when called on another thread than the one that made the signal.
    """

    def __init__(self) -> None:
        self._slots: list[Callable[[], Callable[[*Args], object] | None]] = []
        self._owner = threading.get_ident()

    def connect(self, slot: Callable[[*Args], object]) -> None:
        """Call `slot` at every `emit` from now on."""
        if inspect.ismethod(slot):
            self._slots.append(cast("Callable[[], Callable[[*Args], object] | None]", weakref.WeakMethod(slot)))
        else:
            self._slots.append(lambda: slot)

    def disconnect(self, slot: Callable[[*Args], object]) -> None:
        """Stop calling `slot`; slots whose object has died go with it."""
        self._slots = [reference for reference in self._slots if reference() not in (slot, None)]

    def emit(self, *args: *Args) -> None:
        """Tell every listener. A slot that died or was disconnected meanwhile is skipped."""
        if threading.get_ident() != self._owner:
            raise RuntimeError("a domain signal belongs to the thread that created it")
        for reference in list(self._slots):
            slot = reference()
            if slot is not None and reference in self._slots:
                slot(*args)
