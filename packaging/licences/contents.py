"""What is really in a bundle: its files, and the Python modules packed into its executables."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

SHARED_LIBRARY = re.compile(r"\.(so(\.[\w.]+)?|dll|pyd|dylib)$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Contents:
    """Args:
    files: Paths relative to the bundle, with /; links left out, since what they lead to is there too.
    modules: Dotted names of the modules inside the executables.
    programs: Those of the files that are such executables.
    """

    files: tuple[str, ...]
    modules: frozenset[str]
    programs: tuple[str, ...] = ()


def is_library(path: str) -> bool:
    """Whether a file is a shared library; on macOS those of frameworks have no ending."""
    name = PurePosixPath(path)
    framework = ".framework/" in path and name.suffix == "" and name.name[0] != "."
    return framework or bool(SHARED_LIBRARY.search(name.name))


def contents(bundle: Path) -> Contents:
    """Look into a bundle, a folder made by PyInstaller (onedir) or a macOS .app."""
    files = [path for path in sorted(bundle.rglob("*")) if path.is_file() and not path.is_symlink()]
    names = tuple(path.relative_to(bundle).as_posix() for path in files)
    packed = {name: found for name, path in zip(names, files, strict=True) if (found := packed_modules(path, bundle))}
    return Contents(names, frozenset().union(*packed.values()), tuple(packed))


def packed_modules(path: Path, bundle: Path) -> frozenset[str]:
    """Modules of one executable; empty for any other file."""
    beside = path.parent == bundle or path.parent.name == "MacOS"
    if not beside or path.suffix not in ("", ".exe", ".com"):
        return frozenset()
    from PyInstaller.archive.readers import ArchiveReadError, CArchiveReader

    try:
        archive = CArchiveReader(str(path))
    except ArchiveReadError:
        return frozenset()
    names: set[str] = set()
    for name, entry in archive.toc.items():
        if entry[-1] == "z":
            names.update(archive.open_embedded_archive(name).toc)
        elif entry[-1] in ("m", "M", "s"):
            names.add(name)
    return frozenset(names)
