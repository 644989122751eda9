"""`volumask self-test`: does this installation work on this computer? One line for each part."""

from __future__ import annotations

import argparse
from typing import Any

from app import self_test
from app.self_test import Part

NAME = "self-test"
HELP = "try the main job, the codecs, the backends and OpenGL on this computer"


def arguments(parser: argparse.ArgumentParser) -> None:
    """None of its own."""


def run(args: argparse.Namespace) -> dict[str, Any]:
    """Try all parts; without --json each line is printed when its part is done."""
    parts = self_test.run(_quiet if args.json else _say)
    return {"works": all(part.works for part in parts), "parts": [_row(part) for part in parts]}


def text(result: dict[str, Any]) -> str:
    """One sentence below the lines."""
    failed = [part["name"] for part in result["parts"] if not part["works"]]
    return f"Volumask does not work fully here: {', '.join(failed)}." if failed else "Volumask works on this computer."


def status(result: dict[str, Any]) -> int:
    """0, or 1 when a part failed."""
    return 0 if result["works"] else 1


def _say(part: Part) -> None:
    print(part.line(), flush=True)


def _quiet(_part: Part) -> None:
    """Says nothing: the object comes at the end."""


def _row(part: Part) -> dict[str, Any]:
    return {"name": part.name, "works": part.works, "words": part.words, "seconds": round(part.seconds, 2)}
