"""The headers of NRRD files (teem.sourceforge.net/nrrd/format.html), attached and detached."""

from __future__ import annotations

import re
from collections.abc import Mapping
from math import prod
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from app.volume_io.stored_image import DamagedHeader, DataFile, StoredImage, numbered, text_header

_TYPES = {
    "i1": ("signed char", "int8", "int8_t"),
    "u1": ("uchar", "unsigned char", "uint8", "uint8_t"),
    "i2": ("short", "short int", "signed short", "signed short int", "int16", "int16_t"),
    "u2": ("ushort", "unsigned short", "unsigned short int", "uint16", "uint16_t"),
    "i4": ("int", "signed int", "int32", "int32_t"),
    "u4": ("uint", "unsigned int", "uint32", "uint32_t"),
    "i8": ("longlong", "long long", "long long int", "signed long long", "signed long long int", "int64", "int64_t"),
    "u8": ("ulonglong", "unsigned long long", "unsigned long long int", "uint64", "uint64_t"),
    "f4": ("float",),
    "f8": ("double",),
}
_CODES = {name: code for code, names in _TYPES.items() for name in names}
_PACKINGS = {"raw": "raw", "gz": "gzip", "gzip": "gzip", "bz2": "bzip2", "bzip2": "bzip2", "hex": "hex"}
_PACKINGS |= {"txt": "text", "text": "text", "ascii": "text"}
_TURNED = {"right-anterior-superior": (-1, -1, 1), "left-anterior-superior": (1, -1, 1)}
_TURNED |= {"ras": (-1, -1, 1), "las": (1, -1, 1)}
"""Spaces other than LPS: which of their axes point the other way."""
_DOMAIN = ("domain", "space", "time", "none", "???")
_FIELD = re.compile(r"([^:]+): (.*)")
_PAIR = re.compile(r"([^:]+?):=(.*)")


def read_header(path: Path) -> StoredImage:
    """What it says.

    Raises:
        DamagedHeader: when it is no NRRD header, or of a kind that is not read.
    """
    lines, length = text_header(path, b"")
    if not lines or not lines[0].startswith("NRRD000"):
        raise DamagedHeader("it does not begin like an NRRD file")
    given, pairs, names = _parsed(lines[1:])
    sizes = [int(n) for n in _wanted(given, "sizes").split()]
    if len(sizes) != int(_wanted(given, "dimension")) or not sizes or min(sizes) < 1:
        raise DamagedHeader("its sizes make no sense")
    code = _CODES.get(_wanted(given, "type").lower())
    packing = _PACKINGS.get(_wanted(given, "encoding").lower())
    if code is None or packing is None:
        raise DamagedHeader("its type or its encoding is not known")
    big = given.get("endian", "little").lower() == "big" and packing != "text"
    components, used = _components(given, sizes)
    shape = [sizes[axis] for axis in used]
    if not 2 <= len(shape) <= 4:
        raise DamagedHeader(f"it has {len(shape)} dimensions")
    i, j, k, times = (*shape, 1, 1)[:4]
    return StoredImage(
        path=path,
        sizes=(i, j, k, times),
        components=components,
        dtype=np.dtype((">" if big else "<") + code),
        affine=_affine(given, used),
        packing=packing,
        files=_files(path, given, names, (len(sizes), length)),
        fields=pairs,
    )


def _parsed(lines: list[str]) -> tuple[dict[str, str], dict[str, str], list[str]]:
    """The format's own fields by their names in small letters, the key and value pairs, the files of a list."""
    given: dict[str, str] = {}
    pairs: dict[str, str] = {}
    for number, line in enumerate(lines):
        if not line or line.startswith("#"):
            continue
        if pair := _PAIR.match(line):
            pairs[pair[1]] = pair[2].replace("\\n", "\n").replace("\\\\", "\\")
        elif found := _FIELD.match(line):
            name = found[1].strip().lower()
            given[name.replace(" ", "") if name in ("data file", "line skip", "byte skip") else name] = found[2].strip()
            if name in ("data file", "datafile") and found[2].split()[0] == "LIST":
                return given, pairs, [name for name in lines[number + 1 :] if name]
        else:
            raise DamagedHeader("a line of its header is not understood")
    return given, pairs, []


def _wanted(given: Mapping[str, str], name: str) -> str:
    if name not in given:
        raise DamagedHeader(f"its header says nothing of its {name}")
    return given[name]


def _components(given: Mapping[str, str], sizes: list[int]) -> tuple[int, list[int]]:
    """Values in each voxel, and the axes that are axes of space or time."""
    kinds = given.get("kinds", "").split()
    if not kinds and "space directions" in given:
        kinds = ["list" if vector is None else "domain" for vector in _vectors(given["space directions"])]
    kinds += ["domain"] * (len(sizes) - len(kinds))
    inside = [axis for axis, kind in enumerate(kinds) if kind.lower() not in _DOMAIN]
    count = prod(sizes[axis] for axis in inside)
    if inside not in ([], [0]) and count > 1:
        raise DamagedHeader("the values of a voxel do not lie beside each other")
    return count, [axis for axis in range(len(sizes)) if axis not in inside]


def _vectors(text: str) -> list[NDArray[np.float64] | None]:
    found = re.findall(r"none|\([^)]*\)", text)
    return [None if part == "none" else np.array([float(n) for n in part[1:-1].split(",")]) for part in found]


def _affine(given: Mapping[str, str], used: list[int]) -> NDArray[np.float64]:
    affine = np.eye(4)
    axes = used[:3]
    if "space directions" in given:
        vectors = _vectors(given["space directions"])
        for column, axis in enumerate(axes):
            vector = vectors[axis]
            if vector is not None:
                affine[:3, column] = 0
                affine[: min(3, len(vector)), column] = vector[:3]
    elif "spacings" in given:
        spacings = [float(n) for n in given["spacings"].split()]
        for column, axis in enumerate(axes):
            affine[column, column] = spacings[axis] if np.isfinite(spacings[axis]) else 1.0
    if "space origin" in given:
        origin = _vectors(given["space origin"])[0]
        if origin is not None:
            affine[: min(3, len(origin)), 3] = origin[:3]
    turned = _TURNED.get(given.get("space", "").lower().removesuffix("-time").removesuffix("t"), (1, 1, 1))
    return np.asarray(np.diag([*turned, 1.0]) @ affine)


def _files(path: Path, given: Mapping[str, str], names: list[str], counts: tuple[int, int]) -> tuple[DataFile, ...]:
    dimension, length = counts
    lines, skip = int(given.get("lineskip", "0")), int(given.get("byteskip", "0"))
    where = given.get("datafile", "")
    if not where:
        return (DataFile(path, length, lines, skip),)
    words = where.split()
    if words[0] == "LIST":
        share = int(words[1]) if len(words) > 1 else dimension - 1
    elif len(words) in (4, 5) and "%" in words[0]:
        names = numbered(words[0], *(int(n) for n in words[1:4]))
        share = int(words[4]) if len(words) == 5 else dimension - 1
    else:
        names, share = [where], dimension
    if share not in (dimension, dimension - 1) or not names:
        raise DamagedHeader("its list of files is not understood")
    return tuple(DataFile(path.parent / name, 0, lines, skip) for name in names)
