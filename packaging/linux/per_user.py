"""The file that installs itself for one user: a shell script (`setup.sh`) with the packed tree behind it."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import BinaryIO

HERE = Path(__file__).resolve().parent
_BLOCK = 1 << 20
PART = 1_900_000_000
"""Bytes of a file at most: a release's host takes less than 2 GiB. More goes on in NAME.part2, NAME.part3 beside it."""


def build(packed: Path, weight: int, flavour: str, version: str, out: Path) -> Path:
    """Write the file into `out`, and the parts that it goes on in.

    Args:
        packed: What `tree.pack` made; `weight` bytes when unpacked.
    """
    with packed.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    head = script(version, packed.stat().st_size, digest, weight)
    made = out / f"volumask-{version}-{flavour}-linux-x86_64.run"
    for old in parts(made):
        old.unlink(missing_ok=True)
    with packed.open("rb") as file:
        _write(made, head.encode(), file)
        number = 2
        while file.tell() < packed.stat().st_size:
            _write(made.with_name(f"{made.name}.part{number}"), b"", file)
            number += 1
    made.chmod(0o755)
    return made


def parts(made: Path) -> list[Path]:
    """The file and those that it goes on in."""
    return [made, *sorted(made.parent.glob(f"{made.name}.part*"))]


def _write(path: Path, head: bytes, file: BinaryIO) -> None:
    left = PART - len(head)
    with path.open("wb") as part:
        part.write(head)
        while left > 0 and (block := file.read(min(_BLOCK, left))):
            part.write(block)
            left -= len(block)


def script(version: str, size: int, digest: str, weight: int) -> str:
    """The script with the facts of what follows it: bytes and SHA-256 of the archive, bytes unpacked."""
    text = (HERE / "setup.sh").read_text("utf-8")
    facts = {
        "VERSION": version,
        "LINES": str(text.count("\n") + 1),
        "SIZE": str(size),
        "SUM": digest,
        "KILOBYTES": str(weight // 1024),
        "MEGABYTES": str(weight // 1_000_000),
    }
    for name, value in facts.items():
        text = text.replace(f"@{name}@", value)
    return text
