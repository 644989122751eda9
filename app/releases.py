"""`newest`: asks, only when a user does, whether there is a newer version. Nothing about the user is sent."""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app import __version__
from app.errors import AppError

VARIABLE = "VOLUMASK_RELEASES"
ADDRESS_FILE = Path(__file__).resolve().parents[1] / "resources" / "releases.txt"
LONGEST = 1_000_000  # bytes of an answer
NOWHERE = "This copy of Volumask knows no address where new versions are announced."


@dataclass(frozen=True, slots=True)
class Release:
    """The newest version, and the page to get it from ("" when the answer names none)."""

    version: str
    page: str

    @property
    def newer(self) -> bool:
        """Whether it is newer than this program."""
        return numbers(self.version) > numbers(__version__)


def address() -> str:
    """Where to ask: VOLUMASK_RELEASES, or what whoever built the bundle wrote into resources/releases.txt; else ""."""
    if told := os.environ.get(VARIABLE):
        return told.strip()
    try:
        return ADDRESS_FILE.read_text(encoding="utf-8").strip()
    except OSError:
        return ""


def newest(where: str) -> Release:
    """Ask; takes as long as the server does.

    Args:
        where: Address of a JSON object with `tag_name` or `version`, and `html_url` or `page`.

    Raises:
        AppError: no answer, or none that names a version.
    """
    if not where:
        raise AppError(NOWHERE, "Ask whoever gave it to you.")
    answer = _asked(where)
    version = str(answer.get("tag_name") or answer.get("version") or "").removeprefix("v")
    if not numbers(version):
        raise _unreadable()
    page = str(answer.get("html_url") or answer.get("page") or "")
    return Release(version, page if page.startswith("https://") else "")


def numbers(version: str) -> tuple[int, ...]:
    """A version for comparison: its leading numbers; empty when it begins with none."""
    found = re.match(r"\d+(\.\d+)*", version)
    return tuple(int(part) for part in found[0].split(".")) if found else ()


def _asked(where: str) -> dict[str, Any]:
    from app.engine.weights import web  # the network's code comes when the user asks for it

    try:
        with web.get(web.opener(), where, {"Accept": "application/json"}) as answer:
            value = json.loads(answer.read(LONGEST))
    except AppError as error:
        raise AppError(
            error.message, "Check the connection, or look at the page that you got Volumask from."
        ) from error
    except OSError as error:
        raise AppError("The connection broke while asking for new versions.", "Try again later.") from error
    except ValueError as error:  # no JSON, or no text
        raise _unreadable() from error
    if not isinstance(value, dict):
        raise _unreadable()
    return value


def _unreadable() -> AppError:
    return AppError(
        "The answer about new versions could not be understood.", "Look at the page that you got Volumask from."
    )
