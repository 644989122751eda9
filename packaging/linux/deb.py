"""The .deb: the bundle in /opt, a command, a menu entry, the kinds of files; nothing is left after its removal."""

from __future__ import annotations

import hashlib
import subprocess
import tempfile
from pathlib import Path

from bundling import freeze

from linux import needed, tree

RECOMMENDS = "shared-mime-info, desktop-file-utils, hicolor-icon-theme, fonts-dejavu-core, libgl1-mesa-dri"

POSTINST = """#!/bin/sh
# Tries the installed program and says what came of it; whatever that is, the installation stands.
set -e
if [ "$1" = configure ]; then
    home=$(mktemp -d)
    HOME=$home XDG_CONFIG_HOME=$home XDG_DATA_HOME=$home XDG_CACHE_HOME=$home XDG_STATE_HOME=$home \\
        /opt/volumask/volumask self-test || echo "Volumask is installed; to look again: volumask self-test"
    rm -rf "$home"
fi
"""


def build(root: Path, packed: Path, flavour: str, version: str, out: Path) -> Path:
    """Write the package into `out`.

    Put together here and not by dpkg-deb, whose xz knows no filter for machine code.

    Args:
        root: What `tree.laid_out` made.
        packed: What `tree.pack` made of it.

    Raises:
        subprocess.CalledProcessError: when a tool fails.
    """
    package = out / f"{_name(flavour)}_{version}_amd64.deb"
    package.unlink(missing_ok=True)
    with tempfile.TemporaryDirectory(dir=tree.build_folder()) as folder:
        work = Path(folder)
        about = work / "about"
        about.mkdir()
        _describe(about, root, flavour, version)
        tree.pack(about, work / "control.tar.xz", freeze.environment(flavour), "-6")
        (work / "debian-binary").write_text("2.0\n")
        (work / "data.tar.xz").symlink_to(packed.resolve())
        members = ["debian-binary", "control.tar.xz", "data.tar.xz"]  # in this order
        subprocess.run(["ar", "qcDS", str(package.resolve()), *members], check=True, cwd=work)
    return package


def _name(flavour: str) -> str:
    return "volumask" if flavour == "cpu" else f"volumask-{flavour}"


def _describe(about: Path, root: Path, flavour: str, version: str) -> None:
    """The package's own files: control, checksums, what runs after the installation."""
    files = sorted(path for path in root.rglob("*") if path.is_file() and not path.is_symlink())
    sums = "".join(f"{_md5(path)}  {path.relative_to(root).as_posix()}\n" for path in files)
    depends = needed.depends(root / tree.HOME)
    (about / "md5sums").write_text(sums, "utf-8")
    (about / "control").write_text(control(flavour, version, depends, tree.weight(root) // 1024), "utf-8")
    (about / "postinst").write_text(POSTINST, "utf-8")
    (about / "postinst").chmod(0o755)


def control(flavour: str, version: str, depends: list[str], size: int) -> str:
    """What dpkg is told; `size` in KiB."""
    other = "volumask-cuda" if flavour == "cpu" else "volumask"
    return f"""Package: {_name(flavour)}
Version: {version}
Architecture: amd64
Maintainer: Volumask developers <noreply@volumask.invalid>
Installed-Size: {size}
Depends: {", ".join(depends)}
Recommends: {RECOMMENDS}
Conflicts: {other}
Section: science
Priority: optional
Description: click on a structure in a scan, get its 3D mask
 Opens DICOM, NIfTI and NRRD scans, segments structures from a few clicks,
 and exports surfaces and label maps. Everything runs on this computer.
 .
 A research tool, not a medical device.
"""


def _md5(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "md5").hexdigest()
