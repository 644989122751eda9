"""The file that installs itself for one user: a shell script (`setup.sh`) with the packed tree behind it."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

HERE = Path(__file__).resolve().parent
_BLOCK = 1 << 20


def build(packed: Path, weight: int, flavour: str, version: str, out: Path) -> Path:
    """Write the file into `out`.

    Args:
        packed: What `tree.pack` made; `weight` bytes when unpacked.
    """
    with packed.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    head = script(version, packed.stat().st_size, digest, weight)
    made = out / f"volumask-{version}-{flavour}-linux-x86_64.run"
    with made.open("wb") as whole, packed.open("rb") as file:
        whole.write(head.encode())
        shutil.copyfileobj(file, whole, _BLOCK)
    made.chmod(0o755)
    return made


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
