"""`python -m bundling compare FIRST SECOND`: how two bundles differ, file by file, and whether that was expected."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

EXPECTED: dict[str, str] = {}
"""Pattern of a file that may differ between two builds of one commit -> why."""


@dataclass(frozen=True, slots=True, order=True)
class Difference:
    """One file or, inside an executable, one module.

    Args:
        name: Its place in the bundle; a module stands behind its executable and a colon.
        what: "only in the first", "only in the second", "content", "rights" or "link".
    """

    name: str
    what: str

    @property
    def expected(self) -> str:
        """Why it may be so, "" where it may not."""
        return next((why for pattern, why in EXPECTED.items() if fnmatchcase(self.name, pattern)), "")


def differences(first: Path, second: Path) -> list[Difference]:
    """All of them, by name."""
    return sorted(_found(first, second))


def report(first: Path, second: Path) -> tuple[str, bool]:
    """The list as text, and whether all of it is expected."""
    found = differences(first, second)
    lines = [f"{entry.name}: {entry.what}{f' ({entry.expected})' if entry.expected else ''}" for entry in found]
    return "\n".join([*lines, f"{len(found)} of {len(_files(first))} files differ"]), all(e.expected for e in found)


def _found(first: Path, second: Path) -> Iterator[Difference]:
    ours, theirs = _files(first), _files(second)
    for name in ours.keys() | theirs.keys():
        if name not in theirs or name not in ours:
            yield Difference(name, "only in the first" if name in ours else "only in the second")
            continue
        one, other = ours[name], theirs[name]
        if one.is_symlink() or other.is_symlink():
            if not (one.is_symlink() and other.is_symlink() and one.readlink() == other.readlink()):
                yield Difference(name, "link")
            continue
        if one.stat().st_mode != other.stat().st_mode:
            yield Difference(name, "rights")
        if _digest(one) != _digest(other):
            yield Difference(name, "content")
            yield from (Difference(f"{name}:{module}", "content") for module in _modules(one, other))


def _files(folder: Path) -> dict[str, Path]:
    return {
        path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_symlink() or path.is_file()
    }


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _modules(first: Path, second: Path) -> list[str]:
    """Names of the Python modules that differ inside two of PyInstaller's executables; none in other files."""
    one, other = _packed(first), _packed(second)
    return sorted(name for name in one.keys() | other.keys() if one.get(name) != other.get(name))


def _packed(path: Path) -> dict[str, str]:
    """Module -> digest of its code, of an executable with PyInstaller's archive."""
    from PyInstaller.archive.readers import ArchiveReadError, CArchiveReader

    try:
        archive = CArchiveReader(str(path)).open_embedded_archive("PYZ.pyz")
    except (ArchiveReadError, KeyError):
        return {}
    return {name: hashlib.sha256(archive.extract(name, raw=True) or b"").hexdigest() for name in archive.toc}
