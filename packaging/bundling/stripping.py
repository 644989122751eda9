"""Takes the symbols out of shared libraries that nobody looks up at run time; 245 MB of a CPU bundle on Linux."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

_AT_ONCE = 40


def strip(folder: Path) -> None:
    """Strip every library below `folder` that may be.

    Raises:
        subprocess.CalledProcessError: when `strip` (binutils) fails on one.
    """
    paths = [str(path) for path in may_be_stripped(folder)]
    for start in range(0, len(paths), _AT_ONCE):
        subprocess.run(["strip", "--strip-unneeded", *paths[start : start + _AT_ONCE]], check=True)


def may_be_stripped(folder: Path) -> Iterator[Path]:
    """The libraries, without two kinds.

    Those in `*.libs/` were patched by the maker of their wheel and no longer load once stripped (numpy's OpenBLAS:
    "ELF load command address/offset not page-aligned"); NVIDIA's licence allows their object code only as it is.
    """
    for path in sorted(folder.rglob("*.so*")):
        parts = path.relative_to(folder).parts
        if path.is_symlink() or any(part.endswith(".libs") or part == "nvidia" for part in parts):
            continue
        if not _is_nvidia(path.name) and path.read_bytes()[:4] == b"\x7fELF":
            yield path


def _is_nvidia(name: str) -> bool:
    return name.startswith(("libcu", "libnv", "libcaffe2_nvrtc"))
