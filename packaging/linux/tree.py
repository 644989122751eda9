"""The files as they lie on a computer, bundle and desktop; packed once, for the .deb and the per-user file alike."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bundling import freeze

from linux import desktop

HOME = "opt/volumask"
_PACKING = ("--threads=2", "--x86", f"--lzma2=preset={os.environ.get('VOLUMASK_XZ', '9')}")
"""xz: jumps of x86 code are made alike first, which gains a tenth here; VOLUMASK_XZ=3 is quicker, for trying things."""


@contextmanager
def laid_out(bundle: Path) -> Iterator[Path]:
    """A folder with the whole tree; the bundle's files are linked, not copied. Gone at the end."""
    with tempfile.TemporaryDirectory(dir=build_folder()) as folder:
        root = Path(folder)
        _fill(root, bundle)
        yield root


def build_folder() -> Path:
    """Where folders for a while are made: beside dist/, so that files can be linked."""
    folder = freeze.ROOT / "build"
    folder.mkdir(exist_ok=True)
    return folder


def _linked(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:  # another disk
        shutil.copy2(source, target)


def _fill(root: Path, bundle: Path) -> None:
    shutil.copytree(bundle, root / HOME, symlinks=True, copy_function=_linked)
    share = root / "usr" / "share"
    for name, content in desktop.files("/usr/bin/volumask"):
        (share / name).parent.mkdir(parents=True, exist_ok=True)
        (share / name).write_bytes(content)
    command = root / "usr" / "bin" / "volumask"
    command.parent.mkdir(parents=True)
    command.symlink_to(f"/{HOME}/volumask")
    notices = share / "doc" / "volumask"
    notices.mkdir(parents=True)
    shutil.copyfile(freeze.ROOT / "LICENSE", notices / "copyright")


def pack(root: Path, packed: Path, environment: dict[str, str], *packing: str) -> Path:
    """One archive, the same for the same tree: by name, owned by root, as old as the commit, readable by all.

    Raises:
        subprocess.CalledProcessError: when tar or xz fails.
    """
    tar = ["tar", "--sort=name", "--format=gnu", "--owner=0", "--group=0", "--numeric-owner"]
    tar += ["--mode=u+rwX,go+rX,go-w", f"--mtime=@{environment['SOURCE_DATE_EPOCH']}", "-C", str(root), "-cf", "-", "."]
    with packed.open("wb") as file, subprocess.Popen(tar, stdout=subprocess.PIPE, env=environment) as writer:
        subprocess.run(["xz", *(packing or _PACKING), "-c"], stdin=writer.stdout, stdout=file, check=True)
    if writer.returncode:
        raise subprocess.CalledProcessError(writer.returncode, tar)
    return packed


def weight(root: Path) -> int:
    """Bytes of all files."""
    return sum(path.stat().st_size for path in root.rglob("*") if path.is_file() and not path.is_symlink())
