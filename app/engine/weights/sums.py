"""Checksums of files."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from app.engine.protocol import ReportProgress, Token

BLOCK = 1 << 20


@dataclass(frozen=True, slots=True)
class Sums:
    """SHA-256 of a file, and the SHA-1 under which git would keep it, both in hexadecimal digits."""

    sha256: str
    git_blob: str


def sums(path: Path, progress: ReportProgress, token: Token) -> Sums:
    """Both sums of a file, read once.

    Raises:
        Cancelled: when the token was cancelled.
    """
    size, done = path.stat().st_size, 0
    sha256, blob = hashlib.sha256(), hashlib.sha1(f"blob {size}\0".encode(), usedforsecurity=False)
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            sha256.update(block)
            blob.update(block)
            done += len(block)
            progress(done / size, f"Checking {path.name.removesuffix('.part')}")
            token.raise_if_cancelled()
    return Sums(sha256.hexdigest(), blob.hexdigest())
