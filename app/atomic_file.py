"""`replacing(path)`: write a file whole or not at all; the old one stays until the new one is on the disk."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from app.errors import AppError


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
    except OSError as error:
        why = error.strerror or str(error)
        raise AppError(
            f"{target.name} could not be written: {why}.", "Choose another folder or free some space."
        ) from error
    finally:
        temporary.unlink(missing_ok=True)


def _sync(path: Path) -> None:
    with path.open("rb+") as file:
        os.fsync(file.fileno())
