"""`Autosave`: the open case in a recovery file within 3 s of a change, offered at the next start after a crash."""

from __future__ import annotations

import contextlib
import logging
import os
import time
from concurrent.futures import Future, ThreadPoolExecutor, wait
from pathlib import Path

import psutil

from app import project, user_folders
from app.atomic_file import sweep
from app.errors import AppError
from app.session import Session

log = logging.getLogger(__name__)
INTERVAL = 1.5  # seconds between two recovery files; half a second to the next tick and one to write make three


def recovery_folder() -> Path:
    """Where recovery files lie: in the user's data folder, on every system."""
    return user_folders.data_folder() / "recovery"


class Autosave:
    """Writes `case-<process>-<start>.volumask` in the background; belongs to the session's thread.

    Args:
        folder: For recovery files; made when the first one is written.
    """

    def __init__(self, session: Session, folder: Path) -> None:
        self._session = session
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="autosave")
        self._writing: Future[None] | None = None
        self._written: project.Edition | None = None
        self._document: object = None
        self._next = 0.0
        self._warned = False
        self.path = folder / f"case-{os.getpid()}-{_started(os.getpid())}{project.SUFFIX}"

    def tick(self) -> None:
        """Write if something changed and the last file is `INTERVAL` old; call it about twice a second."""
        document = self._session.document
        if self._writing and self._writing.done():
            self._judge(self._writing)
            self._writing = None
        if document is not self._document:
            self._document, self._written = document, None
            if document and not self._session.modified:
                self._written = self._session.edition
        if document is None or self._writing or time.monotonic() < self._next or self._session.edition == self._written:
            return
        self._begin()

    def flush(self) -> None:
        """Write what is not written yet and wait for it: something broke. Autosaving goes on afterwards."""
        if self._writing:
            self._judge(self._writing)
            self._writing = None
        document = self._session.document
        if document is not None and (document is not self._document or self._session.edition != self._written):
            self._document = document
            self._begin()
            wait([self._writing] if self._writing else [])

    def take_over(self, path: Path) -> None:
        """Make the file that was just recovered this case's own: until the next one is written, it is all there is."""
        with contextlib.suppress(OSError):  # then it stays where it is and is offered again; nothing is lost
            _make(self.path.parent)
            path.replace(self.path)

    def close(self, keep: bool = False) -> None:
        """Stop. The recovery file goes, unless `keep`: its case was saved, or given up on purpose."""
        self._writer.shutdown()
        if not keep:
            with contextlib.suppress(OSError):  # the folder may be gone or unwritable: nothing is there then
                self.path.unlink(missing_ok=True)

    def _begin(self) -> None:
        case = self._session.snapshot()
        self._written = case.edition
        self._next = time.monotonic() + INTERVAL
        self._writing = self._writer.submit(_write, self.path, case)

    def _judge(self, writing: Future[None]) -> None:
        error = writing.exception()
        if error is None:
            self._warned = False
            return
        self._written = None
        log.warning("autosave failed", exc_info=error)
        if not self._warned:
            self._warned = True
            reason = error.message if isinstance(error, AppError) else str(error)
            self._session.noticed.emit(f"Autosave does not work: {reason} Save the case yourself.")


def recoverable(folder: Path) -> tuple[Path, ...]:
    """Recovery files whose process is gone, newest first."""
    files = [path for path in folder.glob(f"case-*{project.SUFFIX}") if not _running(path)]
    return tuple(sorted(files, key=_modified, reverse=True))


def _write(path: Path, case: project.Snapshot) -> None:
    try:
        _make(path.parent)
    except OSError as error:
        raise AppError(f"The folder for recovery files cannot be made: {error.strerror}.") from error
    project.write(path, case, compress=False)
    sweep(path.parent, project.SUFFIX)


def _make(folder: Path) -> None:
    """For the user's eyes only: a recovery file names the scan."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)


def _modified(path: Path) -> float:
    """When it was written; 0 when another window has just taken it."""
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def _started(process: int) -> int:
    return int(psutil.Process(process).create_time())


def _running(path: Path) -> bool:
    """Whether the process that writes this file still runs; its start time tells it from a later one of that number."""
    try:
        process, started = (int(part) for part in path.stem.split("-")[1:3])
        return abs(_started(process) - started) <= 1
    except (ValueError, psutil.Error):
        return False
