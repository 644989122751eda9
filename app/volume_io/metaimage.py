"""Reads the header of MetaImage (.mha, .mhd), the format of MetaIO and ITK."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from app.errors import BadInput
from app.volume_io.blob import Blob
from app.volume_io.stored_image import StoredImage
from app.volume_io.voxel_bytes import Packing, VoxelBytes, beside, numbered, words

_MOST = 1 << 20
_MOST_DIMENSIONS = 10
_FIELD = re.compile(rb"[ \t]*([^=:\r\n]*?)[ \t]*[=:][ \t]*(.*)")
_PATTERN = re.compile(r"(.*%.*?)(?:\s+(-?\d{1,9}))?(?:\s+(-?\d{1,9}))?(?:\s+(-?\d{1,9}))?")
_TYPES = {
    "CHAR": "i1", "ASCII_CHAR": "i1", "UCHAR": "u1", "SHORT": "i2", "USHORT": "u2", "INT": "i4", "UINT": "u4",
    "LONG": "i4", "ULONG": "u4", "LONG_LONG": "i8", "ULONG_LONG": "u8", "FLOAT": "f4", "DOUBLE": "f8",
}  # fmt: skip
"""What follows MET_. A long has four bytes in every file, whatever the computer."""
_MATRICES = ("TransformMatrix", "Rotation", "Orientation")
_POSITIONS = ("ImagePosition", "Origin", "Offset", "Position")
"""Names that older and newer MetaIO have for the same, first the one that counts where there are several."""

Fields = Mapping[str, str]


def header(path: Path) -> StoredImage:
    """What the fields say, as MetaIO's documentation has them and ITK takes them.

    Raises:
        BadInput: when it is none, makes no sense, or promises more than the files hold.
    """
    head = Blob.on_disk(path).head(_MOST)
    fields, start = _fields(head)
    if "NDims" not in fields or "ElementDataFile" not in fields:
        raise BadInput(f"{path.name} could not be understood.", "It may be damaged or of another format.")
    try:
        with np.errstate(over="ignore", invalid="ignore"):  # what is not finite is refused later
            return _image(path, fields, start, head[start:])
    except (ValueError, OverflowError) as error:
        raise BadInput(f"{path.name} is damaged: a number in its header makes no sense.") from error


def _fields(head: bytes) -> tuple[dict[str, str], int]:
    """All up to the one that says where the voxels are, which is the last; and the byte where what follows begins."""
    fields: dict[str, str] = {}
    place = 0
    for line in head.split(b"\n"):
        found = _FIELD.match(line)
        place += len(line) + 1
        if found:
            name = words(found[1])
            fields[name] = words(found[2].strip())
            if name == "ElementDataFile":
                break
    return fields, place


def _image(path: Path, fields: Fields, start: int, rest: bytes) -> StoredImage:
    count = int(float(fields["NDims"]))
    if not 1 <= count <= _MOST_DIMENSIONS:
        raise BadInput(f"{path.name} has {count} dimensions; images of 2, 3 or 4 can be opened.")
    sizes = tuple(int(n) for n in _numbers(fields, ("DimSize",), count, [0.0] * count))
    channels = int(float(fields.get("ElementNumberOfChannels", "1")))
    matrix = _numbers(fields, _MATRICES, count * count, np.eye(count).ravel().tolist())
    spacing = _numbers(fields, ("ElementSpacing", "ElementSize"), count, [1.0] * count)
    return StoredImage(
        path.name,
        sizes,
        matrix.reshape(count, count).T * spacing,  # a row of the matrix is the direction of an axis
        _numbers(fields, _POSITIONS, count, [0.0] * count),
        _voxels(path, fields, start, rest, sizes),
        channels,
    )


def _numbers(fields: Fields, names: tuple[str, ...], count: int, default: list[float]) -> NDArray[np.float64]:
    """Of the first of the names that is there."""
    text = next((fields[name] for name in names if name in fields), None)
    values = default if text is None else [float(word) for word in text.split()[:count]]
    if len(values) < count:
        raise ValueError(text)
    return np.array(values, np.float64)


def _voxels(path: Path, fields: Fields, start: int, rest: bytes, sizes: tuple[int, ...]) -> VoxelBytes:
    kind = fields.get("ElementType", "").removeprefix("MET_").removesuffix("_ARRAY")
    if kind not in _TYPES:
        raise BadInput(f"{path.name} holds numbers of a type that is not shown ({kind or 'none is said'}).")
    swapped = fields.get("BinaryDataByteOrderMSB", fields.get("ElementByteOrderMSB", ""))
    dtype: np.dtype[np.generic] = np.dtype((">" if _true(swapped) else "<") + _TYPES[kind])
    files = _files(path, fields["ElementDataFile"], rest, sizes)
    packing: Packing = "text"
    if _true(fields.get("BinaryData", "True")):
        packing = "zlib" if _true(fields.get("CompressedData", "")) else "raw"
    if len(files) == 1 and not files[0].exists() and (other := _packed_instead(files[0])):
        files, packing = (other,), "zlib"
    size = int(float(fields.get("HeaderSize", "0")))
    begin = size if size > 0 else start if files == (path,) else 0
    from_end = size == -1 and packing == "raw"
    return VoxelBytes(path.name, files, dtype, packing, begin, skip=-1 if from_end else 0)


def _true(text: str) -> bool:
    return text[:1] in ("T", "t", "1")


def _packed_instead(file: Path) -> Path | None:
    """MetaIO also takes a packed file whose name has an ending more."""
    return next((other for end in (".gz", ".Z") if (other := file.with_name(file.name + end)).is_file()), None)


def _files(path: Path, named: str, rest: bytes, sizes: tuple[int, ...]) -> tuple[Path, ...]:
    """LOCAL; LIST and the number of dimensions of each file; a pattern with first, last and step; or one name."""
    if named in ("LOCAL", "Local", "local"):
        return (path,)
    if named.split()[:1] == ["LIST"]:
        inner = int(re.sub(r"\D", "", named)[:2] or 0)
        inner = inner if 0 < inner <= len(sizes) else len(sizes) - 1
        count = math.prod(sizes[inner:])
        names = [words(line.strip()) for line in rest.split(b"\n") if line.strip()][:count]
        if len(names) < count:
            raise BadInput(f"{path.name} is not complete: it lists {len(names)} files of {count}.")
        return tuple(beside(path, name) for name in names)
    pattern = _PATTERN.fullmatch(named)
    if pattern:
        return numbered(path, pattern[1], _span(path, pattern, sizes[-1]))
    return (beside(path, named),)


def _span(path: Path, pattern: re.Match[str], count: int) -> range:
    """As many numbers as the image has slices, from the first and by the step that the pattern is followed by."""
    first = int(pattern[2] or 1)
    step = int(pattern[4]) if pattern[4] else (int(pattern[3]) - first) // max(1, count) if pattern[3] else 1
    step = step or 1
    if pattern[3] and (int(pattern[3]) - first) // step + 1 < count:
        raise BadInput(f"{path.name} contradicts itself: its pattern names fewer files than it has slices.")
    return range(first, first + count * step, step)
