"""Parts of no distribution: CPython, PyInstaller's starter, libraries of the system that the bundle was built on."""

from __future__ import annotations

import platform
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath
from typing import Any

from licences.component import Component
from licences.contents import is_library


def is_python(path: str) -> bool:
    """Whether a file of the bundle is the interpreter's: its library, its extension modules, its own modules."""
    name = PurePosixPath(path).name
    if name == "base_library.zip":
        return True
    if name.endswith((".py", ".pyc")):
        return any(part in sys.stdlib_module_names for part in PurePosixPath(path).parts[:-1])
    return is_library(path) and name.split(".")[0] in sys.stdlib_module_names


def is_python_module(name: str) -> bool:
    """Whether a packed module is the standard library's."""
    top = name.partition(".")[0]
    return top in sys.stdlib_module_names or top.startswith("_sysconfigdata")


def is_starter_module(name: str) -> bool:
    """Whether a packed module is PyInstaller's own."""
    return name.startswith(("pyimod", "pyiboot", "pyi_rth", "_pyi_rth")) or name == "struct"


def python(files: Iterable[str]) -> Component:
    """The interpreter that this runs with, which is the one that is frozen."""
    version = platform.python_version()
    places = (Path(sysconfig.get_path("stdlib")), Path(sys.base_prefix), Path("/usr/share/doc/python3"))
    found = (place / name for place in places for name in ("LICENSE.txt", "LICENSE", "copyright"))
    text = next((path.read_text("utf-8", "replace") for path in found if path.is_file()), "")
    return Component(
        name="CPython",
        version=version,
        licence="Python-2.0",
        purl=f"pkg:generic/cpython@{version}",
        files=tuple(sorted(files)),
        texts=(("LICENSE", text),) if text else (),
        authors="Python Software Foundation",
        page="https://www.python.org/",
    )


def known_library(path: str, known: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The row of known.toml that fits a library's name."""
    name = PurePosixPath(path).name
    rows: Sequence[Mapping[str, Any]] = known["library"]
    return next((row for row in rows if any(fnmatch(name, pattern) for pattern in row["files"])), None)


def libraries(row: Mapping[str, Any], files: Sequence[str]) -> Component:
    """One row's libraries in the bundle; with Debian's or Ubuntu's version and copyright file where dpkg knows them."""
    package, version = debian_package(PurePosixPath(files[0]).name)
    text = Path("/usr/share/doc") / package / "copyright"
    return Component(
        name=row["name"],
        version=version,
        licence=row["licence"],
        purl=f"pkg:deb/debian/{package}@{version}" if package else f"pkg:generic/{_slug(row['name'])}",
        files=tuple(sorted(files)),
        texts=((f"copyright ({package})", text.read_text("utf-8", "replace")),) if package and text.is_file() else (),
        page=row.get("page", ""),
        note=f"From the package {package} of the system that the bundle was built on." if package else "",
    )


def debian_package(library: str) -> tuple[str, str]:
    """Name and version of the package that holds a library; two empty strings where dpkg is not, or knows none."""
    if not shutil.which("dpkg-query"):
        return "", ""
    found = _asked("dpkg-query", "--search", f"*/{library}").splitlines()
    owners = sorted({line.split(":")[0] for line in found if line.endswith(f"/{library}")})
    if not owners:
        return "", ""
    return owners[0], _asked("dpkg-query", "--show", "--showformat=${Version}", owners[0])


def _asked(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()


def _slug(name: str) -> str:
    return "-".join("".join(c if c.isalnum() else " " for c in name.lower()).split())
