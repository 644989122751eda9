"""Whether an image of a given size can be held, asked before anything is allocated."""

from __future__ import annotations

import psutil

from app.errors import BadInput
from app.volume_io.sentences import megabytes

DEFLATE_LIMIT = 1040
"""Deflate cannot shrink more than about 1032 : 1 (zlib's technical notes), so a header that says more lies."""

_SHARE = 0.8  # of the free memory; the rest is for the window and the engine


def require(name: str, count: int) -> None:
    """Check that `count` bytes fit in the free memory.

    Raises:
        BadInput: naming the file and both sizes.
    """
    free = psutil.virtual_memory().available
    if count > _SHARE * free:
        raise BadInput(
            f"{name} needs {megabytes(count)} of memory and this computer has {megabytes(free)} free.",
            "Close other programs, or use a smaller image.",
        )
