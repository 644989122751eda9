"""`volumask models`: what is here, what can be had, and whether the weights are whole."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import Any

from app.cli import progress
from app.engine import registry
from app.engine.protocol import ModelCard, Token
from app.errors import AppError, BadInput

NAME = "models"
HELP = "list, download, import or verify the models"
VERBS = ("list", "download", "import", "verify")
NEEDS = {"download": "an ID", "import": "a FILE"}


def arguments(parser: argparse.ArgumentParser) -> None:
    """One verb and what it is about."""
    parser.add_argument("verb", choices=VERBS, nargs="?", default="list")
    parser.add_argument("target", metavar="ID|FILE", nargs="?", default="")
    parser.add_argument("--as", dest="as_model", metavar="ID", default="", help="which model an imported file is of")
    parser.add_argument("--proxy", metavar="ADDRESS", default="", help="HTTP proxy; else HTTPS_PROXY or the system's")
    parser.set_defaults(wrong=parser.error)


def run(args: argparse.Namespace) -> dict[str, Any]:
    """Do the verb.

    Raises:
        AppError: an unknown model, a file or server that is no good, a model that is not as it should be.
    """
    if args.verb in NEEDS and not args.target:
        args.wrong(f"models {args.verb} needs {NEEDS[args.verb]}")
    if args.verb == "download":
        return _download(args)
    if args.verb == "import":
        return _import(args)
    return _verify(args) if args.verb == "verify" else _list()


def text(result: dict[str, Any]) -> str:
    """A line for each model."""
    if "verified" in result:
        return "\n".join(_verified_line(row) for row in result["verified"]) or "No model with weights is installed."
    if "models" not in result:
        return f"{result['name']}: {result['path']}"
    width = max(len(row["id"]) for row in result["models"])
    return "\n".join(_line(row, width, row["id"] == result["default"]) for row in result["models"])


def _list() -> dict[str, Any]:
    return {"default": registry.default_id(), "models": [_row(card) for card in registry.cards()]}


def _row(card: ModelCard) -> dict[str, Any]:
    path = registry.weights_path(card) if card.weights else None
    return {
        "id": card.id,
        "name": card.name,
        "family": card.family,
        "dimensions": card.dimensions,
        "prompts": sorted(card.prompts),
        "licence": card.licence,
        "commercial": card.commercial,
        "description": card.description,
        "size": card.size,
        "parameters": card.parameters,
        "url": card.url,
        "page": card.page,
        "sha256": card.sha256,
        "installed": registry.installed(card),
        "path": str(path) if path else "",
    }


def _line(row: dict[str, Any], width: int, default: bool) -> str:
    state = "installed" if row["installed"] else "download" if row["url"] else "import a file"
    size = registry.megabytes(row["size"]) if row["size"] else "-"
    rights = row["licence"] if row["commercial"] else f"{row['licence']} (non-commercial)"
    prompts = ", ".join(row["prompts"])
    mark = "*" if default else " "
    return f"{mark} {row['id']:<{width}}  {row['dimensions']}D  {state:<13}  {size:>8}  {prompts:<27}  {rights}"


def _download(args: argparse.Namespace) -> dict[str, Any]:
    from app.engine.weights import store

    card = registry.card(args.target)
    try:
        path = store.download(card, progress.report, Token(), args.proxy)
    except KeyboardInterrupt as error:
        raise AppError("The download was stopped.", "What came is kept: the same command goes on there.") from error
    return {"id": card.id, "name": card.name, "path": str(path)}


def _import(args: argparse.Namespace) -> dict[str, Any]:
    from app.engine.weights import store

    card = store.import_file(Path(args.target), progress.report, Token(), args.as_model)
    return {"id": card.id, "name": card.name, "path": str(registry.weights_path(card))}


def _verify(args: argparse.Namespace) -> dict[str, Any]:
    from app.engine.weights import store

    if args.target:
        wanted = [registry.card(args.target)]
    else:
        here = [card for card in registry.cards() if card.weights and registry.installed(card)]
        wanted = [card for card in here if not card.weights_of]
    verdicts = [store.verify(card, progress.report, Token()) for card in wanted]
    problems = [verdict for verdict in verdicts if verdict.problem]
    if problems:
        raise BadInput(
            " ".join(f"{verdict.model}: {verdict.problem}" for verdict in problems),
            f"Delete {' and '.join(os.fspath(verdict.path) for verdict in problems)} and get it again.",
        )
    rows = [{"id": v.model, "path": str(v.path), "sha256": v.sha256, "known": v.known} for v in verdicts]
    return {"verified": rows}


def _verified_line(row: dict[str, Any]) -> str:
    against = {
        "published": "as published",
        "first seen": "as when it came",
        "": "parameters as they should be, no checksum known",
    }
    return f"{row['id']}: {against[row['known']]}  {row['sha256']}"
