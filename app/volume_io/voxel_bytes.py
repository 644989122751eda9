"""`VoxelBytes`: where a header says that its voxels lie, in which packing, and the way to read a stretch of them."""

from __future__ import annotations

import binascii
import bz2
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from app.errors import BadInput
from app.volume_io import memory
from app.volume_io.blob import Blob
from app.volume_io.gzip_stream import GzipStream

Bytes = NDArray[np.uint8]
Packing = Literal["raw", "zlib", "bzip2", "hex", "text"]

_GROWTH = {"raw": 1, "zlib": memory.DEFLATE_LIMIT, "bzip2": 1 << 15, "hex": 1, "text": 4}
"""How many bytes of voxels one byte of a file can make at most. bzip2: 45 bytes for a block of 900 kB of one value;
text: a digit and a blank for eight bytes."""
_READ = 1 << 20
_PLAIN = 1 << 24  # bytes that need no unpacking
_MOST_FILES = 100_000
_NUMBER = re.compile(r"%(0?)(\d{0,2})[di]")


@dataclass(frozen=True, slots=True)
class VoxelBytes:
    """The voxels of one image, in equal shares in one or more files.

    Args:
        name: Of the header, for sentences.
        dtype: Of one number, which text is turned into.
        start: The byte of each file where its share begins.
        lines: How many lines of it are passed over then.
        skip: How many bytes after that, once unpacked; -1 - n where the voxels end n bytes before the end.
    """

    name: str
    files: tuple[Path, ...]
    dtype: np.dtype[np.generic]
    packing: Packing = "raw"
    start: int = 0
    lines: int = 0
    skip: int = 0

    def most(self) -> int:
        """Bytes of voxels that the files can hold at most.

        Raises:
            BadInput: when one of them is missing.
        """
        return sum(self._blob(file).size for file in self.files) * _GROWTH[self.packing]

    def read(self, target: Bytes, begin: int, total: int) -> None:
        """Fill a flat array with the bytes from `begin` on, of `total` in all files; what is packed is read to its end.

        Raises:
            BadInput: when a file is missing, damaged, or holds less than its share.
        """
        share, end = total // len(self.files), begin + target.size
        for number, file in enumerate(self.files):
            first, last = max(begin, number * share), min(end, (number + 1) * share)
            if first < last:
                with self._opened(file, share) as stream:
                    stream.skip(first - number * share)
                    found = stream.fill(target[first - begin : last - begin])
                    rest = (number + 1) * share - last
                    if found < last - first or stream.skip(rest) < rest:
                        raise BadInput(f"{file.name} ends before its last voxel.", "Copy or download it again.")
                    stream.finish()

    @contextmanager
    def _opened(self, path: Path, share: int) -> Iterator[_Stream]:
        """At the first voxel."""
        blob = self._blob(path)
        with blob.open() as file:
            file.seek(min(self.start, blob.size))
            for _ in range(self.lines):
                if not file.readline():
                    raise BadInput(f"{path.name} ends before its first voxel.", "Copy or download it again.")
            place = file.tell()
            skip = self.skip
            if skip < 0:
                skip += 1 + self._length(file, blob) - share
                file.seek(place)
            if skip < 0:
                raise BadInput(f"{path.name} holds less than {self.name} promises.", "Copy or download it again.")
            if self.packing in ("hex", "text"):  # here the bytes are counted as they lie in the file
                file.seek(min(skip, blob.size), os.SEEK_CUR)
                skip = 0
            stream = self._stream(file, blob)
            stream.skip(skip)
            yield stream

    def _length(self, file: BinaryIO, blob: Blob) -> int:
        """Bytes from here to the end, once unpacked."""
        if self.packing == "raw":
            return blob.size - file.tell()
        stream, length = self._stream(file, blob), 0
        while passed := stream.skip(_READ):
            length += passed
            memory.require(self.name, length)  # a stream of air has an end only when it is said to have one
        return length

    def _stream(self, file: BinaryIO, blob: Blob) -> _Stream:
        match self.packing:
            case "raw":
                return _Plain(file, blob.size)
            case "zlib":
                return GzipStream(file, blob.label)
            case "bzip2":
                return _Decoded(_unpacked_bzip2(file, blob.label), blob.label)
            case "hex":
                return _Decoded(_bytes_of_hex(file, blob.label))
            case "text":
                return _Decoded(_bytes_of_text(file, blob.label, self.dtype))

    def _blob(self, file: Path) -> Blob:
        try:
            return Blob.on_disk(file)
        except BadInput as error:
            hint = "Put it back, or move the two of them together."
            raise BadInput(f"{self.name} has its voxels in {file.name}, which could not be read.", hint) from error


def beside(header: Path, name: str) -> Path:
    """The file that a detached header names.

    Raises:
        BadInput: when it lies neither in the header's folder nor below it: a header from elsewhere may not have any
            file of this computer read.
    """
    folder = Path(os.path.normpath(header.parent.absolute()))
    path = Path(os.path.normpath(folder / name))  # without "..", which Path itself keeps, also beyond the folder
    if not name or "\0" in name or not path.is_relative_to(folder):
        raise BadInput(
            f"{header.name} has its voxels in a file outside of its folder.",
            "Put the two into one folder, and name it so.",
        )
    return path


def numbered(header: Path, pattern: str, numbers: range) -> tuple[Path, ...]:
    """The files that a pattern names, such as slice%03d.raw; only %d is filled in, with a width or without.

    Raises:
        BadInput: when it is none, names too many files, or one that lies outside of the header's folder.
    """
    found = _NUMBER.search(pattern)
    if found is None or pattern.count("%") > 1 or len(numbers) > _MOST_FILES:
        raise BadInput(f"{header.name} names its files in a way that is not understood.", "Convert it to one file.")
    before, after, width = pattern[: found.start()], pattern[found.end() :], f"{found[1]}{found[2]}d"
    return tuple(beside(header, f"{before}{number:{width}}{after}") for number in numbers)


def words(content: bytes) -> str:
    """A text of a header: UTF-8, or what Windows made of it where it is none."""
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return content.decode("latin-1")


class _Stream(Protocol):
    def skip(self, count: int) -> int:
        """Pass over bytes; the number passed, fewer only at the end."""

    def fill(self, target: Bytes) -> int:
        """Write the next bytes into a flat array; the number written, fewer only at the end."""

    def finish(self) -> None:
        """Compare the checksum, where there is one."""


class _Plain:
    """Bytes as they lie in a file."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self._file, self._size = file, size

    def skip(self, count: int) -> int:
        passed = max(0, min(count, self._size - self._file.tell()))
        self._file.seek(passed, os.SEEK_CUR)
        return passed

    def fill(self, target: Bytes) -> int:
        done = 0
        while done < target.size and (part := self._file.read(min(_PLAIN, target.size - done))):
            target[done : done + len(part)] = np.frombuffer(part, np.uint8)
            done += len(part)
        return done

    def finish(self) -> None:
        """There is none."""


class _Decoded:
    """Bytes that come in pieces from a decoder; one with a checksum compares it at its end.

    Args:
        checked: The name of the file, for a sentence, where it has a checksum.
    """

    def __init__(self, pieces: Iterator[bytes], checked: str = "") -> None:
        self._pieces, self._ready, self._checked = pieces, b"", checked

    def skip(self, count: int) -> int:
        left = count
        while left and (part := self._take(left)):
            left -= len(part)
        return count - left

    def fill(self, target: Bytes) -> int:
        done = 0
        while done < target.size and (part := self._take(target.size - done)):
            target[done : done + len(part)] = np.frombuffer(part, np.uint8)
            done += len(part)
        return done

    def finish(self) -> None:
        """Behind numbers written as text there may be anything."""
        if self._checked and self.skip(_PLAIN) == _PLAIN:
            raise BadInput(f"{self._checked} goes on and on after its last voxel.", "Get it again from its source.")

    def _take(self, limit: int) -> bytes:
        while not self._ready:
            piece = next(self._pieces, None)
            if piece is None:
                return b""
            self._ready = piece
        part, self._ready = self._ready[:limit], self._ready[limit:]
        return part


def _unpacked_bzip2(file: BinaryIO, name: str) -> Iterator[bytes]:
    unpacker = bz2.BZ2Decompressor()
    try:
        while not unpacker.eof:
            content = file.read(_READ) if unpacker.needs_input else b""
            if unpacker.needs_input and not content:
                raise BadInput(f"{name} is damaged: its compressed data end too early.", "Copy or download it again.")
            yield unpacker.decompress(content, _READ)
    except OSError as error:
        raise BadInput(
            f"{name} is damaged: its compressed data make no sense.", "Copy or download it again."
        ) from error


def _bytes_of_hex(file: BinaryIO, name: str) -> Iterator[bytes]:
    half = b""
    while content := file.read(_READ):
        digits = half + b"".join(content.split())
        whole = len(digits) & ~1
        half = digits[whole:]
        try:
            yield binascii.unhexlify(digits[:whole])
        except binascii.Error as error:
            raise BadInput(f"{name} holds something that is no hexadecimal number.", "It is damaged.") from error


def _bytes_of_text(file: BinaryIO, name: str, dtype: np.dtype[np.generic]) -> Iterator[bytes]:
    rest = b""
    while True:
        content = file.read(_READ)
        text = (rest + content).replace(b",", b" ")
        tokens = text.split()
        rest = tokens.pop() if content and tokens and not text[-1:].isspace() else b""  # it may go on in the next piece
        if len(rest) > 100:
            raise _no_number(name)
        try:
            yield _numbers(tokens, dtype).tobytes()
        except (ValueError, OverflowError) as error:
            raise _no_number(name) from error
        if not content:
            return


def _numbers(tokens: list[bytes], dtype: np.dtype[np.generic]) -> NDArray[np.generic]:
    """Whole numbers exactly, also those of 64 bits; 3.0 or 3.7 for a whole number is 3, as for ITK."""
    if dtype.kind == "f":
        with np.errstate(over="ignore"):  # too large for a float32 is infinite, and said so later
            return np.array([float(word) for word in tokens], dtype)
    return np.array([int(word) if word.lstrip(b"+-").isdigit() else int(float(word)) for word in tokens], dtype)


def _no_number(name: str) -> BadInput:
    return BadInput(f"{name} holds something that is no number, or none of its type.", "It is damaged.")
