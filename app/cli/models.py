"""`volumask models`: what is here, what can be had, and whether the weights are whole."""

from __future__ import annotations

import argparse
from typing import Any

from app.engine import registry

NAME = "models"
HELP = "list the models and whether they are installed"


def arguments(parser: argparse.ArgumentParser) -> None:
    """One verb."""
    parser.add_argument("verb", choices=("list",), nargs="?", default="list")


def run(args: argparse.Namespace) -> dict[str, Any]:
    """The models found, and which one answers by default."""
    return {
        "default": registry.default_id(),
        "models": [
            {
                "id": card.id,
                "name": card.name,
                "family": card.family,
                "dimensions": card.dimensions,
                "prompts": sorted(card.prompts),
                "licence": card.licence,
                "installed": registry.installed(card),
            }
            for card in registry.cards()
        ],
    }


def text(result: dict[str, Any]) -> str:
    """A line for each model."""
    rows = []
    for model in result["models"]:
        mark = "*" if model["id"] == result["default"] else " "
        state = "installed" if model["installed"] else "weights missing"
        rows.append(f"{mark} {model['id']:<12} {model['name']:<20} {model['dimensions']}D  {state}  {model['licence']}")
    return "\n".join(rows)
