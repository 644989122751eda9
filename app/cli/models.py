"""`volumask models`: what is here, what can be had, and whether the weights are whole."""

from __future__ import annotations

import argparse
import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

from app.cli import progress
from app.engine import registry
from app.engine.model_card import ModelCard
from app.engine.protocol import Token
from app.engine.reckoning import reckoned
from app.engine.speeds import Speeds
from app.errors import AppError, BadInput

NAME = "models"
HELP = "list, download, import, verify or test the models"
VERBS = ("list", "download", "import", "verify", "test")
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
    if args.verb == "test":
        return _test(args)
    return _verify(args) if args.verb == "verify" else _list()


def text(result: dict[str, Any]) -> str:
    """A line for each model."""
    if "verified" in result:
        return "\n".join(_verified_line(row) for row in result["verified"]) or "No model with weights is installed."
    if "computer" in result:
        return _tested_lines(result)
    if "models" not in result:
        return f"{result['name']}: {result['path']}"
    width = max(len(row["id"]) for row in result["models"])
    return "\n".join(_line(row, width, row["id"] == result["default"]) for row in result["models"])


def _list() -> dict[str, Any]:
    speeds = Speeds()
    return {"default": registry.default_id(), "models": [_row(card, speeds) for card in registry.cards()]}


def _row(card: ModelCard, speeds: Speeds) -> dict[str, Any]:
    here = speeds.of(card.id)
    path = registry.weights_path(card) if card.weights else None
    first = reckoned(card)
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
        "here": asdict(here) if here else None,
        "reckoned_s": round(first, 3) if first else None,
    }


def _line(row: dict[str, Any], width: int, default: bool) -> str:
    state = "installed" if row["installed"] else "download" if row["url"] else "import a file"
    size = registry.megabytes(row["size"]) if row["size"] else "-"
    rights = row["licence"] if row["commercial"] else f"{row['licence']} (non-commercial)"
    prompts = ", ".join(row["prompts"])
    mark = "*" if default else " "
    reckoned_s = f"~{row['reckoned_s']:.1f} s" if row["reckoned_s"] else "-"
    here = f"{row['here']['typical']:.2f} s" if row["here"] else reckoned_s
    facts = f"{row['dimensions']}D  {state:<13}  {size:>8}  {here:>7}  {prompts:<27}  {rights}"
    return f"{mark} {row['id']:<{width}}  {facts}"


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


def _test(args: argparse.Namespace) -> dict[str, Any]:
    """This computer, and one model on it."""
    from app.engine import trying
    from app.engine.backends import machine_test

    if args.target:
        registry.card(args.target)
    tested = machine_test.find_fastest(progress.report, Token())
    found = trying.try_models([args.target] if args.target else [], progress.report, Token())
    return {"computer": asdict(tested), "tried": [asdict(rehearsed) for rehearsed in found]}


def _tested_lines(result: dict[str, Any]) -> str:
    lines = [
        f"{'*' if run is result['computer']['runs'][0] else ' '} {run['backend']:<9} {run['threads']:>3} threads  "
        f"{run['seconds']:.4f} s"
        for run in result["computer"]["runs"]
    ]
    for row in result["tried"]:
        first, following = row["first"], row["following"]
        weights = "" if row["trained"] else " (random numbers for weights)"
        lines.append(
            f"{row['model']}: a first click on a {row['unit']} {first['seconds']:.2f} s ({first['cpu_seconds']:.2f} s "
            f"of processor), the next {following['seconds']:.2f} s ({following['cpu_seconds']:.2f} s){weights}"
        )
    return "\n".join(lines)
