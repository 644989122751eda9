"""Takes out of ICU's tables on Linux what Qt Widgets never asks for: other languages' names, rules and character sets.

Qt is linked to ICU for sorting texts; its own tables say how numbers and dates are written. What is kept is what holds
for every language, so texts sort by Unicode's common order (29 MB of a bundle).
"""

from __future__ import annotations

import re
import struct
import subprocess
import tempfile
from pathlib import Path

_SOURCE = """.section .rodata
.balign 16
.globl {symbol}
.type {symbol}, @object
{symbol}: .incbin "{data}"
.size {symbol}, . - {symbol}
.section .note.GNU-stack,"",@progbits
"""
_FOLDERS = ("brkitr", "curr", "lang", "rbnf", "region", "translit", "unit", "zone", "coll")
_COMMON = ("root.res", "pool.res", "res_index.res", "ucadata.icu")
_LANGUAGE = re.compile(r"[a-z]{2,3}(_[A-Z][a-z]{3})?(_([A-Z]{2}|\d{3}))?(_[A-Z]+)?\.res")
_ALIGNMENT = 16


def shrink(folder: Path) -> None:
    """Replace the library of tables below `folder`, where there is one.

    Raises:
        subprocess.CalledProcessError: when a tool of binutils fails.
        ValueError: when the tables are not as ICU's format says.
    """
    for library in folder.rglob("libicudata.so.*"):
        if not library.is_symlink():
            _replace(library)


def _replace(library: Path) -> None:
    version = library.name.rpartition(".")[2]
    with tempfile.TemporaryDirectory() as place:
        work = Path(place)
        data = work / "tables"
        command = ["objcopy", "-O", "binary", "--only-section=.rodata", str(library), str(data)]
        subprocess.run(command, check=True)
        data.write_bytes(smaller(data.read_bytes()))
        (work / "tables.s").write_text(_SOURCE.format(symbol=f"icudt{version}_dat", data=data))
        subprocess.run(["as", "-o", str(work / "tables.o"), str(work / "tables.s")], check=True)
        link = ["ld", "-shared", "-z", "noexecstack", "--build-id=none", "-soname", library.name]
        subprocess.run([*link, "-o", str(work / library.name), str(work / "tables.o")], check=True)
        library.write_bytes((work / library.name).read_bytes())


def wanted(name: str) -> bool:
    """Whether a table is kept, by its name without the leading icudt73l/."""
    folder, _, base = name.rpartition("/")
    if folder in _FOLDERS:
        return base in _COMMON
    return base in _COMMON or not (base.endswith(".cnv") or _LANGUAGE.fullmatch(base))


def smaller(data: bytes) -> bytes:
    """The same collection of tables (ICU's "CmnD" format) without those that are not wanted.

    Raises:
        ValueError: when it is no such collection.
    """
    head, magic = struct.unpack_from("<HH", data)
    if magic != 0x27DA or data[12:16] != b"CmnD":
        raise ValueError("not a collection of ICU tables")
    (count,) = struct.unpack_from("<I", data, head)
    places = [struct.unpack_from("<II", data, head + 4 + 8 * n) for n in range(count)]
    names = [data[head + name : data.index(b"\0", head + name)] for name, _ in places]
    ends = [*(start for _, start in places[1:]), len(data) - head]
    kept = [
        (name, data[head + start : head + end])
        for name, (_, start), end in zip(names, places, ends, strict=True)
        if wanted(name.decode().partition("/")[2])
    ]
    return data[:head] + _collection(kept)


def _collection(tables: list[tuple[bytes, bytes]]) -> bytes:
    begin = 4 + 8 * len(tables)
    text, entries, at = b"", [], 0
    for name, _ in tables:
        entries.append(begin + len(text))
        text += name + b"\0"
    at = _aligned(begin + len(text))
    body, index = b"", struct.pack("<I", len(tables))
    for place, (_, table) in zip(entries, tables, strict=True):
        index += struct.pack("<II", place, at + len(body))
        body += table + bytes(_aligned(len(table)) - len(table))
    return index + text + bytes(at - begin - len(text)) + body


def _aligned(size: int) -> int:
    return -(-size // _ALIGNMENT) * _ALIGNMENT
