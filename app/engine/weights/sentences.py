"""What a user is told of a file that is no good."""

from __future__ import annotations

from pathlib import Path

from app.errors import BadInput


def damaged(path: Path) -> BadInput:
    """A file that is torn, or no weights at all."""
    return BadInput(f"{path.name} is damaged or is no weights file.", "Download it again from its official address.")


def asks_to_run_code(path: Path) -> BadInput:
    """A pickle that asks for more than tensors."""
    return BadInput(
        f"{path.name} asks to run code, so it was not opened.", "Weights hold numbers only: get the official file."
    )
