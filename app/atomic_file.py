"""`replacing(path)`: write a file whole or not at all; the old one stays until the new one is on the disk."""

from __future__ import annotations

import os
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from app.errors import AppError

ABANDONED = 600.0  # seconds; no file takes this long to write


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """A temporary path beside `path`, renamed onto it when the block ends well and removed when it does not.

    The temporary name ends like the target's, because some writers choose their format by it.

    Raises:
        AppError: when the folder is missing or read-only, or the disk is full; the old file is untouched.
    """
    target = Path(path)
    temporary = target.with_name(f".{uuid.uuid4().hex[:12]}{''.join(target.suffixes[-2:])}")
    try:
        yield temporary
        _sync(temporary)
        temporary.replace(target)
        _sync_folder(target.parent)
    except OSError as error:
        why = error.strerror or str(error)
        raise AppError(
            f"{target.name} could not be written: {why}.", "Choose another folder or free some space."
        ) from error
    finally:
        with suppress(OSError):  # the folder may be gone, or no folder any more: the reason is told already
            temporary.unlink(missing_ok=True)


def sweep(folder: Path, suffix: str) -> None:
    """Remove what `replacing` left of files ending in `suffix` when its process was killed while it wrote them."""
    for path in folder.glob(f".{'[0-9a-f]' * 12}{suffix}"):
        with suppress(OSError):  # another process may be quicker
            if time.time() - path.stat().st_mtime > ABANDONED:
                path.unlink()


def _sync(path: Path) -> None:
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    """Without this the new name, though not the file, could be lost with the power. Windows has no such call."""
    if sys.platform == "win32":
        return
    with suppress(OSError):  # some network folders refuse; the file itself is whole
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
