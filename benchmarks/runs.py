"""What every benchmark has: arguments that choose objects, and a file of results that names the machine."""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
from pathlib import Path
from typing import Any

from benchmarks.objects import Target, data_folder, targets

RESULTS = Path(__file__).parent / "results"


def parser(words: str | None) -> argparse.ArgumentParser:
    """Arguments that choose objects; further ones may be added."""
    made = argparse.ArgumentParser(description=words)
    made.add_argument("--data", help="folder with benchmark.json")
    made.add_argument("--role", action="append", choices=("train", "develop"))
    made.add_argument("--only", default="", help="objects whose title holds this text")
    return made


def chosen(args: argparse.Namespace) -> tuple[Path, list[Target]]:
    """The data folder and the objects that the arguments choose."""
    folder = data_folder(args.data)
    return folder, [t for t in targets(folder, args.role or ["train", "develop"]) if args.only in t.title]


def write(name: str, about: dict[str, Any], rows: list[dict[str, Any]]) -> None:
    """`results/name.json`: what was run, on which machine, a row for every object."""
    machine = {"processor": platform.processor() or platform.machine(), "cores": os.cpu_count()}
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{name}.json").write_text(json.dumps({**about, "machine": machine, "objects": rows}, indent=1) + "\n")


def means(rows: list[list[float]]) -> list[float]:
    """Over the objects, of each round or prompt."""
    return [statistics.fmean(values) for values in zip(*rows, strict=True)]


def digits(found: list[float]) -> str:
    """As figures are shown."""
    return " / ".join(f"{value:.2f}" for value in found)
