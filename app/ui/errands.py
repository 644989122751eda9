"""`Errands`: downloads, imports and checks of weights, each in a thread of its own; told of on the main thread."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from PySide6.QtCore import QObject, Signal

from app.engine.protocol import ReportProgress, Token
from app.errors import AppError, Cancelled
from app.ui.engine_bridge import EngineBridge

log = logging.getLogger(__name__)
TELL_EVERY_S = 0.05  # blocks come faster than anybody reads
CLOSE_S = 1.0  # a server that is silent may keep a thread for longer; it ends with the program

Work = Callable[[ReportProgress, Token], Any]


@dataclass(slots=True)
class Errand:
    """One that runs.

    Args:
        what: In a few words, as it was last told.
        fraction: 0 to 1.
    """

    token: Token = field(default_factory=Token)
    thread: threading.Thread | None = None
    what: str = ""
    fraction: float = 0.0


class Errands(QObject):
    """At most one for each key (a model's id, or a file's path). Not in `Jobs`, whose two threads open scans.

    Signals:
        changed(str): the errand of this key began, went on, ended or was cancelled.
        done(str, object): its result.
        failed(str, object): its `AppError`.
    """

    changed = Signal(str)
    done = Signal(str, object)
    failed = Signal(str, object)

    def __init__(self, bridge: EngineBridge, parent: QObject) -> None:
        super().__init__(parent)
        self._bridge = bridge
        self._running: dict[str, Errand] = {}
        self._closed = False

    def running(self, key: str) -> Errand | None:
        """The errand of a key, while it runs."""
        return self._running.get(key)

    def start(self, key: str, work: Work) -> None:
        """Begin; nothing happens where one of this key runs already."""
        if key in self._running or self._closed:
            return
        errand = self._running[key] = Errand()
        # a daemon: a server that is silent must not keep the program alive; what was written is taken up next time
        errand.thread = threading.Thread(target=self._run, args=(key, errand, work), name=f"errand {key}", daemon=True)
        errand.thread.start()
        self.changed.emit(key)

    def cancel(self, key: str) -> None:
        """End it soon; what came is kept."""
        if errand := self._running.get(key):
            errand.token.cancel()

    def close(self) -> None:
        """End all, tell no more."""
        self._closed = True
        for errand in self._running.values():
            errand.token.cancel()
        for errand in self._running.values():
            if errand.thread:
                errand.thread.join(CLOSE_S)

    # In the errand's thread

    def _run(self, key: str, errand: Errand, work: Work) -> None:
        told = 0.0

        def report(fraction: float, what: str) -> None:
            nonlocal told
            now = time.monotonic()
            if now - told > TELL_EVERY_S or fraction >= 1 or what != errand.what:
                told = now
                errand.fraction, errand.what = fraction, what
                self._bridge.call(lambda: self._tell(key))

        end = self._outcome(key, report, errand.token, work)
        self._bridge.call(lambda: self._end(key, end))

    def _outcome(self, key: str, report: ReportProgress, token: Token, work: Work) -> Callable[[], None]:
        """Do it; what is to be told of its end, on the main thread."""
        try:
            result = work(report, token)
        except Cancelled:
            return lambda: None
        except AppError as error:
            known = error
        except Exception as error:  # the door of a job: whatever it is becomes a sentence
            log.error("the errand %s failed", key, exc_info=error)
            known = AppError(f"Something unexpected went wrong ({type(error).__name__}).", "Help, Show log tells more.")
        else:
            return lambda: self.done.emit(key, result)
        return lambda: self.failed.emit(key, known)

    # On the main thread

    def _tell(self, key: str) -> None:
        if not self._closed:
            self.changed.emit(key)

    def _end(self, key: str, tell: Callable[[], None]) -> None:
        self._running.pop(key, None)
        if not self._closed:
            tell()
            self.changed.emit(key)
