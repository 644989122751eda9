"""`transfer`: one file from a server into a .part file, going on where it stopped the last time."""

from __future__ import annotations

import errno
import http.client
import json
import shutil
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from http.client import HTTPResponse
from pathlib import Path

from app.engine.protocol import ReportProgress, Token
from app.engine.registry import megabytes
from app.engine.weights import drive, web
from app.engine.weights.web import Refused, Unreachable
from app.errors import AppError

BLOCK = 1 << 18  # bytes between two looks at the token: some tens of milliseconds on a slow line
FRUITLESS = 4  # attempts in a row that bring nothing before the user is told
PAUSE_S = 1.0  # before the second attempt; doubled before each further one
DISK_FULL = (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC))
SPARE = 100_000_000  # bytes that a disk keeps free for everything else


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to fetch.

    Args:
        name: For the user.
        size: Bytes as far as known, 0 where not; the server's word counts.
        page: Where a person may get the file, for sentences.
    """

    url: str
    name: str
    size: int = 0
    page: str = ""


def transfer(wanted: Wanted, part: Path, progress: ReportProgress, token: Token, proxy: str = "") -> None:
    """Bring the whole file to `part`; a broken connection is taken up again, also in a later run.

    Raises:
        Cancelled: asked to end; what came is kept.
        AppError: the server refuses, cannot be reached, or the disk is full; what came is kept.
    """
    download = _Download(wanted, part, progress, token, web.opener(proxy))
    fruitless = 0
    while fruitless < FRUITLESS:
        before = download.have
        try:
            if download.attempt():
                return
        except Unreachable as error:
            trouble: AppError = error
        except OSError as error:  # of the disk: those of the connection are told by then
            raise _disk_trouble(error, wanted, part) from error
        else:
            trouble = Unreachable(
                f"The connection broke while {wanted.name} was loading.", "Try again; it goes on there."
            )
        fruitless = 0 if download.have > before else fruitless + 1
        _pause(PAUSE_S * 2 ** max(0, fruitless - 1), token)
    raise trouble


def forget(part: Path) -> None:
    """Remove what came so far."""
    part.unlink(missing_ok=True)
    _notes(part).unlink(missing_ok=True)


class _Download:
    """State of one transfer; each `attempt` is one connection."""

    def __init__(
        self, wanted: Wanted, part: Path, progress: ReportProgress, token: Token, way: urllib.request.OpenerDirector
    ) -> None:
        self._wanted, self._part, self._progress, self._token, self._way = wanted, part, progress, token, way
        self._url = wanted.url
        self._total = 0

    @property
    def have(self) -> int:
        """Bytes on the disk."""
        return self._part.stat().st_size if self._part.exists() else 0

    def attempt(self) -> bool:
        """Fetch what is missing over one connection; whether the file is complete."""
        self._token.raise_if_cancelled()
        with web.get(self._way, self._url, self._conditions()) as answer:
            if answer.status == 416:
                return self._judge_unsatisfiable(answer)
            if _is_page(answer):
                self._confirm(answer)
                return False
            start = self._start(answer)
            if start is None:
                forget(self._part)
                return False
            length = _length(answer)
            self._total = 0 if length is None else start + length
            self._check_room(start)
            self._note(answer)
            return self._receive(answer, start)

    def _conditions(self) -> dict[str, str]:
        """Ask for the rest, if the server still has the very file that began to come."""
        notes = _read_notes(self._part)
        have = self.have
        if not have or not notes.get("validator") or notes.get("url") != self._wanted.url:
            return {}
        return {"Range": f"bytes={have}-", "If-Range": notes["validator"]}

    def _start(self, answer: HTTPResponse) -> int | None:
        """Where the answer's bytes belong in the file; None where they do not fit what is here."""
        if answer.status != 206:
            return 0  # the whole file: the server knows no ranges, or the file has changed
        unit, _, place = (answer.headers.get("Content-Range") or "").partition(" ")
        first = place.partition("-")[0]
        return int(first) if unit == "bytes" and first.isdigit() and int(first) == self.have else None

    def _judge_unsatisfiable(self, answer: HTTPResponse) -> bool:
        """There is nothing beyond what is here: complete if it is as long as the server's file."""
        total = (answer.headers.get("Content-Range") or "").rpartition("/")[2]
        if total.isdigit() and int(total) == self.have:
            return True
        forget(self._part)
        return False

    def _confirm(self, answer: HTTPResponse) -> None:
        try:
            page = answer.read(drive.LONGEST_PAGE).decode("utf-8", "replace")
        except (OSError, http.client.HTTPException) as error:
            raise Unreachable("The connection broke before the file began to come.", "Try again.") from error
        beyond = drive.confirmed(page, answer.url) if self._url == self._wanted.url else None
        if beyond is None:
            place = self._wanted.page or self._wanted.url
            hint = f"Open {place} in a browser, download {self._wanted.name} there and import the file."
            raise Refused("The server sent a web page in place of the file.", hint)
        self._url = beyond

    def _check_room(self, start: int) -> None:
        needed = (self._total or self._wanted.size) - start
        if needed + SPARE > shutil.disk_usage(self._part.parent).free:
            raise _disk_full(self._wanted, self._part)

    def _note(self, answer: HTTPResponse) -> None:
        etag = answer.headers.get("ETag", "")
        strong = etag if etag and not etag.startswith("W/") else ""
        notes = {"url": self._wanted.url, "validator": strong or answer.headers.get("Last-Modified", "")}
        _notes(self._part).write_text(json.dumps(notes), encoding="utf-8")

    def _receive(self, answer: HTTPResponse, start: int) -> bool:
        done = start
        try:
            with self._part.open("r+b" if start else "wb") as file:
                file.seek(start)
                for block in _blocks(answer):
                    file.write(block)
                    done += len(block)
                    self._progress(self._fraction(done), f"Downloading {self._wanted.name}")
                    self._token.raise_if_cancelled()
        except _BrokenError:
            return False
        return done >= self._total  # an answer that ends early ends without an error

    def _fraction(self, done: int) -> float:
        whole = self._total or self._wanted.size
        return min(1.0, done / whole) if whole else 0.0


class _BrokenError(Exception):
    """The connection ended before the answer did."""


def _blocks(answer: HTTPResponse) -> Iterator[bytes]:
    while True:
        try:
            block = answer.read1(BLOCK)
        except (OSError, http.client.HTTPException) as error:
            raise _BrokenError from error
        if not block:
            return
        yield block


def _is_page(answer: HTTPResponse) -> bool:
    return answer.headers.get_content_type() in ("text/html", "application/xhtml+xml")


def _length(answer: HTTPResponse) -> int | None:
    length = answer.headers.get("Content-Length", "")
    return int(length) if length.isdigit() else None


def _disk_trouble(error: OSError, wanted: Wanted, part: Path) -> AppError:
    if error.errno in DISK_FULL:
        return _disk_full(wanted, part)
    return AppError(f"{part} could not be written: {error.strerror or error}.", "Close what uses it, and try again.")


def _disk_full(wanted: Wanted, part: Path) -> AppError:
    room = f"{megabytes(wanted.size)} and some room to work" if wanted.size else "more room"
    return AppError(f"The disk of {part.parent} is too full for {wanted.name}.", f"It needs {room}; what came is kept.")


def _notes(part: Path) -> Path:
    return part.with_name(f"{part.name}.json")


def _read_notes(part: Path) -> dict[str, str]:
    try:
        notes = json.loads(_notes(part).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return notes if isinstance(notes, dict) else {}


def _pause(seconds: float, token: Token) -> None:
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        token.raise_if_cancelled()
        time.sleep(min(0.1, left))
