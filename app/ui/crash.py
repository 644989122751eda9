"""What happens when something breaks: a log on disk, the work saved, one dialog. No patient data in either."""

from __future__ import annotations

import faulthandler
import logging
import sys
import threading
from collections import deque
from collections.abc import Callable
from logging.handlers import RotatingFileHandler
from pathlib import Path
from types import TracebackType
from typing import TextIO

from PySide6.QtCore import QMessageLogContext, QtMsgType, qInstallMessageHandler

from app import self_test
from app.ui.discretion import DiscreetFormatter

log = logging.getLogger(__name__)
KEPT = 2000
_LEVELS = {
    QtMsgType.QtDebugMsg: logging.DEBUG,
    QtMsgType.QtInfoMsg: logging.INFO,
    QtMsgType.QtWarningMsg: logging.WARNING,
    QtMsgType.QtCriticalMsg: logging.ERROR,
    QtMsgType.QtFatalMsg: logging.CRITICAL,
}
_lines: deque[str] = deque(maxlen=KEPT)


class _Memory(logging.Handler):
    """The newest lines, for the crash dialog and the page of the log."""

    def emit(self, record: logging.LogRecord) -> None:
        _lines.append(self.format(record))


def recent_log() -> list[str]:
    """The newest log lines of this run."""
    return list(_lines)


class CrashGuard:
    """Hooks for errors that nobody caught. Install before Qt starts; `close` puts back what was there.

    Args:
        folder: For the log and the report of native crashes.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self.previous = _read(folder / "native-crash.txt")
        """What a native crash of the last run left, "" when there was none."""
        self._native: TextIO = (folder / "native-crash.txt").open("w", encoding="utf-8")
        self._handlers = _handlers(folder)
        self._keep: Callable[[], None] | None = None
        self._show: Callable[[str], object] | None = None
        self._busy = False

    def install(self) -> None:
        """Take the hooks."""
        faulthandler.enable(self._native)
        root = logging.getLogger()
        root.setLevel(logging.INFO)
        for handler in self._handlers:
            root.addHandler(handler)
        self._old = sys.excepthook, threading.excepthook, qInstallMessageHandler(self._on_qt_message)
        sys.excepthook = self._on_error
        threading.excepthook = self._on_thread_error

    def serve(self, keep: Callable[[], None], show: Callable[[str], object]) -> None:
        """From now on: `keep` saves the work, `show` tells the user, with the log and the last self-test."""
        self._keep, self._show = keep, show

    def close(self) -> None:
        """Give the hooks back; a run that ends here left no native crash."""
        sys.excepthook, threading.excepthook, handler = self._old
        qInstallMessageHandler(handler)
        faulthandler.disable()
        self._native.close()
        (self._folder / "native-crash.txt").unlink(missing_ok=True)
        for handler_ in self._handlers:
            logging.getLogger().removeHandler(handler_)
            handler_.close()

    def _on_error(self, kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if issubclass(kind, KeyboardInterrupt):
            sys.__excepthook__(kind, error, trace)
            return
        log.critical("an error that nobody caught", exc_info=(kind, error, trace))
        if self._busy:
            return  # an error while telling of an error: it is in the log
        self._busy = True
        try:
            for step in (self._keep, self._tell):
                if step:
                    _guarded(step)
        finally:
            self._busy = False

    def _tell(self) -> None:
        if self._show:
            self._show("\n".join([*recent_log(), *self_test.last_report().splitlines()]))

    def _on_thread_error(self, args: threading.ExceptHookArgs) -> None:
        name = args.thread.name if args.thread else "?"
        if args.exc_value is not None:
            log.error("an error in thread %s", name, exc_info=(args.exc_type, args.exc_value, args.exc_traceback))

    def _on_qt_message(self, kind: QtMsgType, context: QMessageLogContext, text: str) -> None:
        logging.getLogger("qt").log(_LEVELS[kind], text)


def _guarded(step: Callable[[], None]) -> None:
    try:
        step()
    except Exception:
        log.exception("could not be done after the error")


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""


def _handlers(folder: Path) -> list[logging.Handler]:
    handlers: list[logging.Handler] = [
        RotatingFileHandler(folder / "volumask.log", maxBytes=1_000_000, backupCount=2, encoding="utf-8"),
        _Memory(),
    ]
    for handler in handlers:
        handler.setFormatter(DiscreetFormatter())
    return handlers
