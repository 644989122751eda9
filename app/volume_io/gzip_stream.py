"""`GzipStream`: reads a gzip file forward, with its checksum verified and its growth bounded."""

from __future__ import annotations

import zlib
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from app.errors import BadInput
from app.volume_io.formats import GZIP_MAGIC
from app.volume_io.sentences import megabytes
from app.volume_io.series import ReportProgress, Stop

_READ = 1 << 20  # compressed bytes at a time
_EITHER = 47  # wbits for gzip or zlib, whichever it begins with
_WRITE = 1 << 22  # inflated bytes at a time; bounds what a bomb can do between two looks
_TRAILING = 64 << 20  # bytes after the voxels that are read to reach the checksum; more than that is no image


class GzipStream:
    """One pass over one or more gzip members.

    Args:
        size: Compressed bytes in all, for the fraction that `progress` is told.

    zlib itself compares checksum and length at the end of each member. Its messages become sentences.

    Raises:
        BadInput: from every method, when the stream is damaged or ends early.
    """

    def __init__(
        self,
        file: BinaryIO,
        name: str,
        size: int = 0,
        progress: ReportProgress | None = None,
        token: Stop | None = None,
    ) -> None:
        self._file, self._name, self._size = file, name, size
        self._progress, self._token = progress, token
        self._inflate = zlib.decompressobj(wbits=_EITHER)
        self._pending = b""
        self._ready = b""  # inflated and not yet taken
        self._ended = False

    def read(self, count: int) -> bytes:
        """The next `count` bytes; fewer only at the end of the stream."""
        parts, left = [], count
        while left and (part := self._take(left)):
            parts.append(part)
            left -= len(part)
        return b"".join(parts)

    def fill(self, target: NDArray[np.uint8]) -> int:
        """Write the next bytes into a flat array; the number written, fewer than asked only at the end."""
        done = 0
        while done < target.size and (part := self._take(target.size - done)):
            target[done : done + len(part)] = np.frombuffer(part, np.uint8)
            done += len(part)
        return done

    def skip(self, count: int) -> int:
        """Pass over bytes; the number passed, fewer than asked only at the end."""
        left = count
        while left and (part := self._take(left)):
            left -= len(part)
        return count - left

    def finish(self) -> None:
        """Read to the end, so that the checksum is compared."""
        if self.skip(_TRAILING) == _TRAILING:
            raise BadInput(
                f"{self._name} holds more than {megabytes(_TRAILING)} after its last voxel.",
                "It may be damaged or made to harm; get the image again from its source.",
            )

    def _take(self, limit: int) -> bytes:
        if not self._ready:
            self._ready = self._next()
        part, self._ready = self._ready[:limit], self._ready[limit:]
        return part

    def _next(self) -> bytes:
        """Some inflated bytes, b"" at the end."""
        if self._token is not None:
            self._token.raise_if_cancelled()
        while not self._ended:
            if not self._pending:
                self._pending = self._file.read(_READ)
                if self._progress is not None and self._size:
                    self._progress(min(1.0, self._file.tell() / self._size), "Reading the image")
                if not self._pending:
                    raise self._bad("its compressed data end too early")
            try:
                out = self._inflate.decompress(self._pending, _WRITE)
            except zlib.error as error:
                raise self._bad(_why(error)) from error
            self._pending = self._inflate.unconsumed_tail
            if self._inflate.eof:
                self._next_member()
            if out:
                return out
        return b""

    def _next_member(self) -> None:
        """Go on with a further gzip member; anything else behind the end is padding and ignored."""
        rest = self._inflate.unused_data or self._file.read(_READ)
        if rest[:2] == GZIP_MAGIC:
            self._inflate, self._pending = zlib.decompressobj(wbits=_EITHER), rest
        else:
            self._ended = True

    def _bad(self, why: str) -> BadInput:
        return BadInput(
            f"{self._name} is damaged: {why}.", "Copy or download it again; it was probably not transferred whole."
        )


def _why(error: zlib.error) -> str:
    text = str(error)
    if "incorrect data check" in text or "incorrect length check" in text:
        return "its checksum does not match its content"
    return "its compressed data cannot be unpacked"
