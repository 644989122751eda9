"""`bundle`: runs PyInstaller on the spec, takes out what the program does not need, and looks at what came of it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from bundling import dicom_tables, icu, recipe, stripping

PACKAGING = Path(__file__).resolve().parents[1]
ROOT = PACKAGING.parent


def bundle(flavour: str) -> Path:
    """Build dist/volumask-<flavour> anew.

    Raises:
        subprocess.CalledProcessError: when PyInstaller fails; its own words are on stderr.
    """
    folder = ROOT / "dist" / recipe.folder_name(flavour)
    work = ROOT / "build" / f"freeze-{flavour}"
    command = [sys.executable, "-m", "PyInstaller", "--noconfirm", "--log-level", "WARN"]
    command += ["--distpath", str(folder.parent), "--workpath", str(work), str(PACKAGING / "volumask.spec")]
    subprocess.run(command, check=True, env=environment(flavour), cwd=ROOT)
    finish(folder)
    return folder


def finish(folder: Path) -> None:
    """What PyInstaller leaves to do: links, symbols of libraries, tables too large, a second name."""
    for path in folder.rglob("*"):
        if path.is_symlink() and not path.exists():
            path.unlink()
    if sys.platform == "linux":
        link_copies(folder)
        stripping.strip(folder)
        icu.shrink(folder)
    for highdicom in folder.rglob("highdicom/_standard"):
        dicom_tables.shorten(highdicom.parent)
    if sys.platform == "win32":
        shutil.move(folder / "volumask.com.exe", folder / "volumask.com")
    elif sys.platform == "linux":
        (folder / "volumask").unlink(missing_ok=True)
        (folder / "volumask").symlink_to("Volumask")


def link_copies(folder: Path) -> None:
    """A library that two wheels bring in `*.libs/`, with the same name and bytes, is kept once (libgfortran: 3 MB)."""
    first: dict[str, Path] = {}
    for path in sorted(folder.rglob("*.libs/*")):
        kept = first.setdefault(path.name, path) if path.is_file() and not path.is_symlink() else path
        if kept != path and kept.read_bytes() == path.read_bytes():
            path.unlink()
            path.symlink_to(os.path.relpath(kept, path.parent))


def environment(flavour: str) -> dict[str, str]:
    """For PyInstaller: the flavour, and what makes two builds of one commit alike."""
    when = subprocess.run(
        ["git", "log", "-1", "--format=%ct"], cwd=ROOT, capture_output=True, text=True, check=False
    ).stdout.strip()
    return os.environ | {
        "VOLUMASK_FLAVOUR": flavour,
        "PYTHONHASHSEED": "0",
        "SOURCE_DATE_EPOCH": os.environ.get("SOURCE_DATE_EPOCH") or when or "0",
        "OMP_NUM_THREADS": "1",
    }
