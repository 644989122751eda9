"""`StoredImage`: what the header of an NRRD, MetaImage or GIPL file says, and its voxels out of the data files."""

from __future__ import annotations

import bz2
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import prod
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from app.errors import BadInput
from app.volume_io import memory
from app.volume_io.blob import Blob
from app.volume_io.gzip_stream import GzipStream

_BZ2_LIMIT = 50_000
"""bzip2 packs a run of 45,899,235 equal bytes into some 32 at best; nobody's image reaches the thousandth of that."""
_BLANKS = frozenset(b" \t\r\n")


class DamagedHeader(ValueError):
    """A header that contradicts itself or asks for what is not read; the text says what."""


@dataclass(frozen=True, slots=True)
class DataFile:
    """A file with voxels.

    Args:
        begin: Bytes of the file before its data; a header's length where it is in the same file.
        lines: Lines of the data to pass over.
        skip: Bytes to pass over then, unpacked; -1 when the voxels are the last of the file.
    """

    path: Path
    begin: int = 0
    lines: int = 0
    skip: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class StoredImage:
    """One header.

    Args:
        sizes: Along i, j, k and time; 1 where there is none.
        components: Values in each voxel, which lie beside each other.
        affine: (i, j, k) to LPS millimetres, (4, 4).
        packing: "raw", "gzip" (zlib too), "bzip2", "text" or "hex".
        files: Equal shares of the voxels, in order.
        fields: Keys and values of the header that are not of the format itself.
    """

    path: Path
    sizes: tuple[int, int, int, int]
    components: int
    dtype: np.dtype[np.generic]
    affine: NDArray[np.float64]
    packing: str
    files: tuple[DataFile, ...]
    fields: Mapping[str, str] = field(default_factory=dict)

    @property
    def bytes_in_all(self) -> int:
        """Of the voxels, unpacked."""
        return prod(self.sizes) * self.components * self.dtype.itemsize

    @property
    def bytes_on_disk(self) -> int:
        """Of the files that hold the voxels."""
        return sum(Blob.on_disk(file.path).size for file in self.files)

    @property
    def growth(self) -> int:
        """How many times as many bytes the voxels can be as their files."""
        return {"gzip": memory.DEFLATE_LIMIT, "bzip2": _BZ2_LIMIT}.get(self.packing, 1) * (
            self.dtype.itemsize if self.packing == "text" else 1
        )

    def voxels(self, time: int) -> NDArray[np.generic]:
        """One time point, (k, j, i), or (k, j, i, component) of several; packed data are checked to their end.

        Raises:
            BadInput: when data are damaged or too few.
        """
        i, j, k, times = self.sizes
        one, share = self.bytes_in_all // times, self.bytes_in_all // len(self.files)
        out = np.empty(one, np.uint8)
        for number, file in enumerate(self.files):
            first, last = max(time * one, number * share), min((time + 1) * one, (number + 1) * share)
            if first < last:
                self._fill(file, first - number * share, share, out[first - time * one : last - time * one])
        shape = (k, j, i) if self.components == 1 else (k, j, i, self.components)
        return out.view(self.dtype).reshape(shape)

    def _fill(self, file: DataFile, offset: int, share: int, out: NDArray[np.uint8]) -> None:
        """Write the bytes from `offset` on of a file's `share` into `out`."""
        blob = Blob.on_disk(file.path)
        with blob.open() as stream:
            stream.seek(file.begin)
            for _ in range(file.lines):
                stream.readline()
            if self.packing == "gzip":
                _inflate(GzipStream(stream, blob.label), file.skip + offset, share - offset - out.size, out)
            elif self.packing == "raw":
                start = blob.size - share if file.skip < 0 else stream.tell() + file.skip
                stream.seek(start + offset)
                _take(stream, out)
            else:
                stream.seek(stream.tell() + max(0, file.skip))
                whole = self._unpacked(stream, blob, share)
                out[:] = whole[offset : offset + out.size]

    def _unpacked(self, stream: BinaryIO, blob: Blob, share: int) -> NDArray[np.uint8]:
        """A whole file of one of the rare packings."""
        try:
            if self.packing == "bzip2":
                content = bz2.BZ2Decompressor().decompress(stream.read(), share)
            elif self.packing == "hex":
                content = bytes.fromhex(stream.read().decode("ascii"))
            else:
                content = np.array(stream.read().split(), self.dtype).tobytes()
        except (OSError, ValueError, OverflowError) as error:
            raise BadInput(f"The voxels of {blob.label} could not be read.", "The file is damaged.") from error
        if len(content) < share:
            raise _short()
        return np.frombuffer(content, np.uint8)


def _inflate(stream: GzipStream, before: int, after: int, out: NDArray[np.uint8]) -> None:
    if stream.skip(before) < before or stream.fill(out) < out.size or stream.skip(after) < after:
        raise _short()
    stream.finish()


def _take(stream: BinaryIO, out: NDArray[np.uint8]) -> None:
    done = 0
    while done < out.size and (count := stream.readinto(out[done:])):  # type: ignore[attr-defined]
        done += count
    if done < out.size:
        raise _short()


def _short() -> BadInput:
    return BadInput("The voxels could not be read: the file ends before the last.", "Copy or download it again.")


def text_header(path: Path, ends: bytes, limit: int = 1 << 20) -> tuple[list[str], int]:
    """The lines of a header up to and with the first that begins with `ends` (or is empty, for b""), and its bytes.

    Raises:
        DamagedHeader: when no such line comes within `limit` bytes.
    """
    lines: list[str] = []
    with Blob.on_disk(path).open() as file:
        while line := file.readline(limit):
            text = line.decode("utf-8", "replace").rstrip("\r\n")
            lines.append(text)
            if (not text) if not ends else line.lstrip().startswith(ends):
                return lines, file.tell()
            if file.tell() > limit:
                raise DamagedHeader("the header does not end")
        return lines, file.tell()


def numbered(pattern: str, first: int, last: int, step: int) -> list[str]:
    """Names by a pattern with one printf-like place for a number (%d, %03d).

    Raises:
        DamagedHeader: when the pattern is another, or the numbers lead nowhere.
    """
    count = (last - first) // step + 1 if step else 0
    if not 0 < count <= 1 << 16:
        raise DamagedHeader("its list of files is not understood")
    try:
        return [pattern % (first + n * step) for n in range(count)]
    except (TypeError, ValueError) as error:
        raise DamagedHeader("its list of files is not understood") from error
