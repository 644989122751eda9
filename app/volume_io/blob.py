"""`Blob`: the bytes of one file, on the disk or inside an archive."""

from __future__ import annotations

import io
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from app.errors import BadInput


@dataclass(frozen=True, slots=True)
class Blob:
    """A named run of bytes that can be opened again and again, from any thread.

    Args:
        name: Path as the user knows it; inside an archive, the member's name.
        size: Bytes.
        path: Where it lies on the disk, None inside an archive.
    """

    name: str
    size: int
    path: Path | None
    opener: Callable[[], BinaryIO] = field(repr=False, compare=False)

    @property
    def label(self) -> str:
        """The last part of the name, for sentences."""
        return Path(self.name).name

    @contextmanager
    def open(self) -> Iterator[BinaryIO]:
        """The bytes, seekable; a read never asks for more than is left.

        Raises:
            BadInput: when the file cannot be opened or read.
        """
        try:
            with self.opener() as file:
                yield file
        except OSError as error:
            raise _unreadable(self.label, error) from error

    def head(self, count: int) -> bytes:
        """The first `count` bytes, fewer when there are fewer."""
        with self.open() as file:
            return file.read(count)

    @classmethod
    def on_disk(cls, path: Path) -> Blob:
        """A file.

        Raises:
            BadInput: when it is missing or no plain file (opening a pipe would wait for ever).
        """
        try:
            status = path.stat()
        except (OSError, ValueError) as error:
            raise _unreadable(path.name, error) from error
        if not stat.S_ISREG(status.st_mode):
            raise BadInput(f"{path.name} is not a file.", "Choose an image file or a folder.")
        size = status.st_size
        return cls(str(path), size, path, lambda: BoundedReader(path, size))

    @classmethod
    def in_memory(cls, name: str, content: bytes) -> Blob:
        """A member of an archive, already unpacked."""
        return cls(name, len(content), None, lambda: io.BytesIO(content))


class BoundedReader(io.BufferedReader):
    """A file whose `read(n)` never allocates more than what is left of it.

    A damaged length field asks for gigabytes; Python allocates what is asked before it looks at the file.
    """

    def __init__(self, path: Path, size: int) -> None:
        super().__init__(io.FileIO(path), buffer_size=1 << 16)
        self._size = size

    def read(self, size: int | None = -1, /) -> bytes:
        left = max(0, self._size - self.tell())
        return super().read(left if size is None or size < 0 else min(size, left))


def _unreadable(name: str, error: Exception) -> BadInput:
    why = getattr(error, "strerror", None) or str(error)
    return BadInput(f"{name} could not be read: {why}.", "Check that it still exists and that you may read it.")
