"""Which libraries a bundle takes from the computer it runs on, and the Debian packages that have them."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

_LISTED = re.compile(r"\(NEEDED\).*\[(.+)\]")
_VERSION = re.compile(r"GLIBC_(\d+)\.(\d+)")
_AT_ONCE = 40

PACKAGES = {
    "libgcc_s.so.1": "libgcc-s1",
    "libstdc++.so.6": "libstdc++6",
    "libX11.so.6": "libx11-6",
    "libX11-xcb.so.1": "libx11-xcb1",
    "libXcursor.so.1": "libxcursor1",
    "libXext.so.6": "libxext6",
    "libXfixes.so.3": "libxfixes3",
    "libXrender.so.1": "libxrender1",
    "libSM.so.6": "libsm6",
    "libICE.so.6": "libice6",
    "libxcb.so.1": "libxcb1",
    "libEGL.so.1": "libegl1",
    "libGL.so.1": "libgl1",
    "libGLX.so.0": "libglx0",
    "libOpenGL.so.0": "libopengl0",
    "libdbus-1.so.3": "libdbus-1-3",
    "libfontconfig.so.1": "libfontconfig1",
    "libfreetype.so.6": "libfreetype6",
    "libglib-2.0.so.0": "libglib2.0-0 | libglib2.0-0t64",
    "libgthread-2.0.so.0": "libglib2.0-0 | libglib2.0-0t64",
}
"""By the name that the loader looks for; a t64 name is the same library on newer releases."""

LOADED_BY_NAME = ("libGL.so.1", "libEGL.so.1", "libXcursor.so.1", "libX11.so.6")
"""What VTK and Qt load without being linked to it."""

_LIBC = {
    "libc.so.6",
    "libm.so.6",
    "libpthread.so.0",
    "libdl.so.2",
    "librt.so.1",
    "libutil.so.1",
    "ld-linux-x86-64.so.2",
}


def depends(bundle: Path) -> list[str]:
    """The Debian packages, sorted; libc6 with the version that the bundle was linked to.

    Raises:
        KeyError: for a library that no package is known for.
    """
    wanted = {PACKAGES[name] for name in (*from_system(bundle), *LOADED_BY_NAME)}
    major, minor = libc_version(bundle)
    return [f"libc6 (>= {major}.{minor})", *sorted(wanted)]


def from_system(bundle: Path) -> list[str]:
    """Names of the libraries that are linked to and not inside, without those of libc."""
    inside = {path.name for path in bundle.rglob("*.so*")}
    wanted = {found for text in _readelf("-dW", bundle) for found in _LISTED.findall(text)}
    return sorted(wanted - inside - _LIBC)


def libc_version(bundle: Path) -> tuple[int, int]:
    """The newest glibc that something inside asks for: the bundle runs there and on anything newer."""
    versions = [_VERSION.findall(text) for text in _readelf("-VW", bundle)]
    return max((int(major), int(minor)) for found in versions for major, minor in found)


def _readelf(option: str, bundle: Path) -> Iterator[str]:
    programs = [path for path in bundle.iterdir() if path.is_file() and not path.is_symlink()]
    paths = [str(path) for path in (*programs, *bundle.rglob("*.so*")) if not path.is_symlink()]
    for start in range(0, len(paths), _AT_ONCE):
        command = ["readelf", option, *paths[start : start + _AT_ONCE]]
        yield subprocess.run(command, capture_output=True, text=True, check=False).stdout
