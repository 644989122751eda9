"""What is tried in a process of its own: drawing, since a driver may end it; networks, since they are large."""

from __future__ import annotations

import json
import subprocess
from typing import Any

from app.child_process import launch
from app.errors import AppError

_PATIENCE = 180.0  # seconds


def backends() -> str:
    """Every backend computes the same."""
    found = _answer("app.engine.backends.comparison", "--compare")
    return str(found["words"])


def networks() -> str:
    """Every family of networks answers a click; weights are not needed for that."""
    found = _answer("app.engine.first_click", "--first-click")
    return str(found["words"])


def drawing() -> str:
    """Qt starts, VTK draws a picture off the screen."""
    found = _answer("app.render.first_picture", "--draw")
    return str(found["words"])


def _answer(module: str, flag: str) -> dict[str, Any]:
    """The JSON object that a program of ours prints.

    Raises:
        AppError: what the program says, or that it ended.
    """
    process = launch(module, flag, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        said, complaint = process.communicate(timeout=_PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        raise AppError(f"It gave no answer within {_PATIENCE:.0f} s.") from None
    try:
        found: dict[str, Any] = json.loads(said.decode(errors="replace").strip().splitlines()[-1])
    except (ValueError, IndexError):
        last = (complaint.decode(errors="replace").strip().splitlines() or ["it said nothing"])[-1]
        raise AppError(f"Its process ended with status {process.returncode}: {last}") from None
    if "failed" in found:
        raise AppError(str(found["failed"]))
    return found
