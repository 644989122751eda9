"""The headers of MetaImage files (.mha, .mhd; itk.org/Wiki/ITK/MetaIO/Documentation)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from app.volume_io.stored_image import DamagedHeader, DataFile, StoredImage, numbered, text_header

_CODES = {
    "MET_CHAR": "i1",
    "MET_UCHAR": "u1",
    "MET_SHORT": "i2",
    "MET_USHORT": "u2",
    "MET_INT": "i4",
    "MET_UINT": "u4",
    "MET_LONG": "i4",
    "MET_ULONG": "u4",
    "MET_LONG_LONG": "i8",
    "MET_ULONG_LONG": "u8",
    "MET_FLOAT": "f4",
    "MET_DOUBLE": "f8",
}
_SAME = {
    "Position": "Offset",
    "Origin": "Offset",
    "Rotation": "TransformMatrix",
    "Orientation": "TransformMatrix",
    "ElementByteOrderMSB": "BinaryDataByteOrderMSB",
}
"""Other names of a field."""
_END = b"ElementDataFile"


def read_header(path: Path) -> StoredImage:
    """What it says.

    Raises:
        DamagedHeader: when it is no MetaImage header, or of a kind that is not read.
    """
    lines, length = text_header(path, _END)
    given: dict[str, str] = {}
    for line in lines:
        name, equals, value = line.partition("=")
        if equals:
            given[_SAME.get(name.strip(), name.strip())] = value.strip()
    sizes = [int(n) for n in given.get("DimSize", "").split()]
    code = _CODES.get(given.get("ElementType", "").removesuffix("_ARRAY"))
    if code is None or "ElementDataFile" not in given:
        raise DamagedHeader("its type or its data file is not known")
    if len(sizes) != int(given.get("NDims", "0")) or not sizes or min(sizes) < 1:
        raise DamagedHeader("its sizes make no sense")
    if not 2 <= len(sizes) <= 4:
        raise DamagedHeader(f"it has {len(sizes)} dimensions")
    i, j, k, times = (*sizes, 1, 1)[:4]
    text = "BinaryData" in given and not _true(given, "BinaryData")
    packed = _true(given, "CompressedData")
    return StoredImage(
        path=path,
        sizes=(i, j, k, times),
        components=int(given.get("ElementNumberOfChannels", "1")),
        dtype=np.dtype((">" if _true(given, "BinaryDataByteOrderMSB") and not text else "<") + code),
        affine=_affine(given, len(sizes)),
        packing="gzip" if packed else "text" if text else "raw",
        files=_files(path, given, lines, length),
        fields={},
    )


def _true(given: dict[str, str], name: str) -> bool:
    return given.get(name, "")[:1] in ("T", "t", "1")


def _affine(given: dict[str, str], count: int) -> NDArray[np.float64]:
    """Each row of the matrix is the direction of one axis."""
    spacing = _numbers(given, "ElementSpacing", count) or _numbers(given, "ElementSize", count) or [1.0] * count
    offset = _numbers(given, "Offset", count) or [0.0] * count
    matrix = np.reshape(_numbers(given, "TransformMatrix", count * count) or np.eye(count), (count, count))
    used = min(3, count)
    affine = np.eye(4)
    affine[:used, :used] = matrix[:used, :used].T * spacing[:used]
    affine[:used, 3] = offset[:used]
    return affine


def _numbers(given: dict[str, str], name: str, count: int) -> list[float]:
    found = [float(n) for n in given.get(name, "").split()]
    if found and len(found) != count:
        raise DamagedHeader(f"its {name} makes no sense")
    return found


def _files(path: Path, given: dict[str, str], lines: list[str], length: int) -> tuple[DataFile, ...]:
    skip = int(given.get("HeaderSize", "0"))
    where = given["ElementDataFile"]
    words = where.split()
    if where.upper() == "LOCAL":
        return (DataFile(path, length, skip=skip),)
    if words and words[0].upper() == "LIST":
        names = _rest(path, length)
    elif len(words) == 4 and "%" in where:
        names = numbered(words[0], *(int(n) for n in words[1:]))
    else:
        names = [where]
    if not where or not names:
        raise DamagedHeader("its data file is not named")
    return tuple(DataFile(path.parent / name, skip=skip) for name in names)


def _rest(path: Path, length: int) -> list[str]:
    """The lines behind the header: names of files."""
    text = path.read_bytes()[length : length + (1 << 20)].decode("utf-8", "replace")
    return [line.strip() for line in text.splitlines() if line.strip()]
