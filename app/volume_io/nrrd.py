"""Reads the header of NRRD (.nrrd, .nhdr), Gordon Kindlmann's "nearly raw raster data"."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from app.errors import BadInput
from app.volume_io.blob import Blob
from app.volume_io.stored_image import StoredImage
from app.volume_io.voxel_bytes import Packing, VoxelBytes, beside, numbered, words

_USUAL, _MOST = 1 << 16, 16 << 20
"""Bytes of a header; those of segmentations say much of each segment."""
_MOST_DIMENSIONS = 16
_TYPES = {
    "i1": "signedchar int8 int8_t", "u1": "uchar unsignedchar uint8 uint8_t",
    "i2": "short shortint signedshort signedshortint int16 int16_t",
    "u2": "ushort unsignedshort unsignedshortint uint16 uint16_t",
    "i4": "int signedint int32 int32_t", "u4": "uint unsignedint uint32 uint32_t",
    "i8": "longlong longlongint signedlonglong signedlonglongint int64 int64_t",
    "u8": "ulonglong unsignedlonglong unsignedlonglongint uint64 uint64_t",
    "f4": "float", "f8": "double",
}  # fmt: skip
_TYPE = {name: code for code, names in _TYPES.items() for name in names.split()}
_PACKINGS: dict[str, Packing] = {
    "raw": "raw", "gz": "zlib", "gzip": "zlib", "bz2": "bzip2", "bzip2": "bzip2", "hex": "hex",
    "txt": "text", "text": "text", "ascii": "text",
}  # fmt: skip
_SPACES = {
    "rightanteriorsuperior": (3, "RA"), "ras": (3, "RA"), "leftanteriorsuperior": (3, "LA"), "las": (3, "LA"),
    "leftposteriorsuperior": (3, "LP"), "lps": (3, "LP"),
    "rightanteriorsuperiortime": (4, "RA"), "rast": (4, "RA"), "leftanteriorsuperiortime": (4, "LA"),
    "last": (4, "LA"), "leftposteriorsuperiortime": (4, "LP"), "lpst": (4, "LP"),
    "scannerxyz": (3, "LP"), "scannerxyztime": (4, "LP"), "3drighthanded": (3, "LP"), "3dlefthanded": (3, "LP"),
    "3drighthandedtime": (4, "LP"), "3dlefthandedtime": (4, "LP"),
}  # fmt: skip
"""Dimensions of each space, and where its first two axes point to. Those that say nothing of the patient are taken for
LPS, as ITK does."""
_DOMAIN = ("domain", "space", "time", "none", "???")
"""Kinds of axes along which voxels lie; along the others one voxel holds several values."""
_ALIASES = {"centers": "centerings"}
_PATTERN = re.compile(r"(.*%.*?)\s+(-?\d{1,9})\s+(-?\d{1,9})\s+(-?\d{1,9})(?:\s+\d+)?")

Fields = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class _Header:
    """Fields by their names, small and without blanks; pairs as they are; names of a LIST; where the rest begins."""

    fields: dict[str, str]
    pairs: dict[str, str]
    listed: tuple[str, ...]
    end: int


def pairs(path: Path) -> Mapping[str, str]:
    """The key and value pairs of a header; none of a file that is no NRRD."""
    try:
        return _parsed(path).pairs
    except BadInput:
        return {}


def header(path: Path) -> StoredImage:
    """What the fields say, as the format's definition (teem, "Definition of NRRD File Format", NRRD0005) has them.

    Raises:
        BadInput: when it is none, makes no sense, or promises more than the files hold.
    """
    parsed = _parsed(path)
    missing = [name for name in ("type", "dimension", "sizes", "encoding") if name not in parsed.fields]
    if missing:
        raise BadInput(f"{path.name} is damaged: its header says nothing of {' or '.join(missing)}.")
    try:
        with np.errstate(over="ignore", invalid="ignore"):  # what is not finite is refused later
            return _image(path, parsed)
    except (ValueError, OverflowError) as error:
        raise BadInput(f"{path.name} is damaged: a number in its header makes no sense.") from error


def _parsed(path: Path) -> _Header:
    blob = Blob.on_disk(path)
    head = blob.head(_USUAL)
    if len(head) == _USUAL and not re.search(rb"\n\r?\n", head):
        head = blob.head(_MOST)
    if not re.match(rb"NRRD\d", head):
        raise BadInput(f"{path.name} could not be understood.", "It may be damaged or of another format.")
    fields: dict[str, str] = {}
    found: dict[str, str] = {}
    place = head.find(b"\n") + 1 or len(head)
    while place < len(head):
        stop = head.find(b"\n", place)
        stop = stop if stop >= 0 else len(head)
        line, place = words(head[place:stop].rstrip(b"\r")), stop + 1
        if not line.strip():
            break
        name, colon, value = line.partition(":")
        if line.startswith("#") or not colon:
            continue
        if value.startswith("="):
            found[_unescaped(name)] = _unescaped(value[1:])
            continue
        name = re.sub(r"\s", "", name).lower()
        name = _ALIASES.get(name, name)
        if name in fields:
            raise BadInput(f"{path.name} contradicts itself: its header says its {name} twice.")
        fields[name] = value.strip()
        if name == "datafile" and value.split()[:1] == ["LIST"]:
            return _Header(fields, found, tuple(words(n.strip()) for n in head[place:].split(b"\n") if n.strip()), 0)
    return _Header(fields, found, (), place)


def _unescaped(text: str) -> str:
    return re.sub(r"\\([n\\])", lambda match: "\n" if match[1] == "n" else "\\", text)


def _image(path: Path, parsed: _Header) -> StoredImage:
    fields = parsed.fields
    count, sizes = int(fields["dimension"]), [int(word) for word in fields["sizes"].split()]
    if not 1 <= count <= _MOST_DIMENSIONS or len(sizes) != count:
        raise BadInput(f"{path.name} contradicts itself: it has {count} dimensions and {len(sizes)} sizes.")
    kinds = fields.get("kinds", "").lower().split() or ["domain"] * count
    if len(kinds) != count:
        raise BadInput(f"{path.name} contradicts itself: it has {count} dimensions and {len(kinds)} kinds.")
    domain = [axis for axis in range(count) if kinds[axis] in _DOMAIN]
    ranges = [axis for axis in range(count) if axis not in domain]
    if len(ranges) > 1:
        raise BadInput(f"{path.name} holds several values in each voxel (colour, vectors or complex numbers).")
    steps, origin = _grid(path, fields, domain, sizes)
    return StoredImage(
        path.name,
        tuple(sizes[axis] for axis in domain),
        steps,
        origin,
        _voxels(path, parsed, math.prod(sizes)),
        sizes[ranges[0]] if ranges else 1,
        ranges[0] if ranges else 0,
        parsed.pairs,
    )


def _grid(
    path: Path, fields: Fields, domain: Sequence[int], sizes: Sequence[int]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Steps and origin of the axes along which voxels lie."""
    space = re.sub(r"[\s\-_]", "", fields.get("space", "")).lower()
    if space and space not in _SPACES:
        raise BadInput(f"{path.name} lies in a space that is not known ({fields['space']}).")
    dimensions, letters = _SPACES.get(space, (int(fields.get("spacedimension", "0")), "LP"))
    if not dimensions:
        return _without_space(fields, domain, sizes)
    timed = len(domain) == dimensions + 1
    vectors = _vectors(fields.get("spacedirections", ""))
    if "spacings" in fields and not vectors:
        raise BadInput(f"{path.name} says how far its voxels are apart, and not in which direction.")
    if vectors and len(vectors) != len(sizes):
        raise BadInput(f"{path.name} contradicts itself: it has {len(sizes)} dimensions, {len(vectors)} directions.")
    if len(domain) != dimensions and not (timed and vectors and vectors[domain[-1]] is None):
        raise BadInput(f"{path.name} has {len(domain)} dimensions in a space of {dimensions}; this cannot be opened.")
    flip = np.ones(dimensions)
    flip[: len(letters)] = [-1 if letter in "RA" else 1 for letter in letters][:dimensions]
    steps, origin = np.eye(len(domain)), np.zeros(len(domain))
    for column, axis in enumerate(domain):
        vector = vectors[axis] if vectors else None
        if vector is not None and not np.isnan(vector).any():
            steps[:, column] = 0
            steps[:dimensions, column] = _of_length(vector, dimensions) * flip
    first = (_vectors(fields.get("spaceorigin", "")) or [None])[0]
    if first is not None and not np.isnan(first).any():
        origin[:dimensions] = _of_length(first, dimensions) * flip
    return steps, origin


def _without_space(
    fields: Fields, domain: Sequence[int], sizes: Sequence[int]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Spacings and smallest positions along the axes alone, those of the patient; without them steps of 1 mm."""
    spacings, low, high = (_per_axis(fields, name, sizes) for name in ("spacings", "axismins", "axismaxs"))
    centres = fields.get("centerings", "").lower().split()
    cells = np.array([centres[axis : axis + 1] != ["node"] for axis in range(len(sizes))])
    span = (high - low) / np.maximum(1, np.array(sizes, np.float64) - ~cells)
    apart = np.where(np.isnan(spacings), span, spacings)
    first = low + np.where(cells, apart / 2, 0)  # a position is that of a cell's lower edge
    chosen = list(domain)
    origin = first[chosen] if np.isfinite(first[chosen]).all() else np.zeros(len(chosen))
    return np.diag(np.where(np.isnan(spacings), 1.0, spacings)[chosen]), origin


def _per_axis(fields: Fields, name: str, sizes: Sequence[int]) -> NDArray[np.float64]:
    """A number for each axis; NaN where none is said."""
    values = [float(word) for word in fields.get(name, "").split()] or [math.nan] * len(sizes)
    if len(values) != len(sizes):
        raise ValueError(name)
    return np.array(values)


def _vectors(text: str) -> list[NDArray[np.float64] | None]:
    """Of "(1,0,0) none (0,0,2.5)"."""
    found = re.findall(r"none|\(([^)]*)\)", text)
    return [np.array([float(part) for part in inside.split(",")]) if inside else None for inside in found]


def _of_length(vector: NDArray[np.float64], length: int) -> NDArray[np.float64]:
    if len(vector) != length:
        raise ValueError(vector)
    return vector


def _voxels(path: Path, parsed: _Header, count: int) -> VoxelBytes:
    fields = parsed.fields
    packing = _PACKINGS.get(fields["encoding"].lower())
    kind = _TYPE.get(re.sub(r"\s", "", fields["type"]).lower())
    if packing is None or kind is None:
        what = f"packed in a way that is not read ({fields['encoding']})" if packing is None else "of a type not shown"
        raise BadInput(f"The voxels of {path.name} are {what}.", "Convert it to NIfTI.")
    order = {"little": "<", "big": ">"}.get(fields.get("endian", "").lower(), "")
    dtype: np.dtype[np.generic] = np.dtype((order or "<") + kind)
    if not order and dtype.itemsize > 1 and packing != "text":
        raise BadInput(f"{path.name} is damaged: it does not say the order of its bytes.")
    files = _files(path, parsed, count)
    lines, skip = int(fields.get("lineskip", "0")), int(fields.get("byteskip", "0"))
    return VoxelBytes(path.name, files, dtype, packing, parsed.end if files == (path,) else 0, lines, skip)


def _files(path: Path, parsed: _Header, count: int) -> tuple[Path, ...]:
    """LIST and names below, a pattern with first, last and step, one name, or the header's own file."""
    named = parsed.fields.get("datafile")
    if named is None:
        return (path,)
    if named.split()[:1] == ["LIST"]:
        if not parsed.listed:
            raise BadInput(f"{path.name} is not complete: it lists no file of voxels.")
        return tuple(beside(path, name) for name in parsed.listed[: max(1, count)])
    pattern = _PATTERN.fullmatch(named)
    if pattern:
        first, last, step = int(pattern[2]), int(pattern[3]), int(pattern[4])
        span = range(first, last + (1 if step > 0 else -1), step)
        if not span:
            raise ValueError(named)
        return numbered(path, pattern[1], span)
    return (beside(path, named),)
