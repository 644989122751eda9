"""`DiscreetFormatter`: log lines without patient data.

Folders and files are often called after the patient, and what a library says of a file may quote its header. So paths
are cut; sentences meant for the user, which name files, are left out, and so is whatever was said while reading a file.
"""

from __future__ import annotations

import logging
import re
import traceback
from collections.abc import Iterator
from types import TracebackType

from app.errors import AppError

OURS = ("app", "qt", "root")
CUT = "…"
_READERS = ("/app/volume_io/", "/app/exchange/", "/pydicom/", "/highdicom/", "/nibabel/")
_QUOTED = re.compile(r"""(['"])(?:[A-Za-z]:)?[\\/][^\n]*?\1""")
_BARE = re.compile(r"""(?<![\w/\\])(?:[A-Za-z]:[\\/]|\\\\|/)(?=[^\s/])(?:[^\n'"]*[\\/])?[^\s'",;:)]*""")
_FRAME = re.compile(
    r'^(\s*File ")([^"]*[\\/])?((?:app|site-packages|lib)[\\/][^"]*|[^"\\/]*)(", line \d+)', re.MULTILINE
)


class DiscreetFormatter(logging.Formatter):
    """Time, level, logger and message; of libraries only that they said something."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802  # logging's name
        """The line; the words of a library are left out."""
        if record.name.split(".")[0] not in OURS:
            record.message = f"(words left out: {CUT})"
        else:
            record.message = without_paths(record.message)
        return super().formatMessage(record)

    def formatException(self, ei: object) -> str:  # noqa: N802  # logging's name
        """Frames, and what may be told of each exception."""
        error = ei[1] if isinstance(ei, tuple) else None
        return "\n".join(_told(one) for one in _chain(error)) if error else ""


def without_paths(text: str) -> str:
    """Words with every absolute path cut."""
    return _BARE.sub(CUT, _QUOTED.sub(rf"\1{CUT}\1", text))


def _told(error: BaseException) -> str:
    frames = "".join(traceback.format_tb(error.__traceback__))
    frames = _FRAME.sub(lambda found: f"{found[1]}{found[2]}{found[3]}", frames)
    name = type(error).__qualname__
    if isinstance(error, AppError) or _read(error.__traceback__):
        return f"{frames}{name}: {CUT}"
    return f"{frames}{name}: {without_paths(str(error))}"


def _chain(error: BaseException) -> Iterator[BaseException]:
    """An exception and what led to it, the first cause first."""
    seen: list[BaseException] = []
    following: BaseException | None = error
    while following is not None and following not in seen:
        seen.append(following)
        following = following.__cause__ or (None if following.__suppress_context__ else following.__context__)
    return reversed(seen)


def _read(trace: TracebackType | None) -> bool:
    """Whether the error came while a file was read or written, so that it may quote it."""
    files = [frame.f_code.co_filename.replace("\\", "/") for frame, _ in traceback.walk_tb(trace)]
    return any(reader in file for file in files for reader in _READERS)
