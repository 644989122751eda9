"""The objects of shared/data/benchmark.json: a real scan and one structure of its reference segmentation each."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from app import volume_io
from app.volume import Volume


@dataclass(frozen=True)
class Target:
    role: str  # "train": may be tuned on; "develop": figures only
    case: str
    name: str
    labels: tuple[int, ...]  # empty: every label

    @property
    def title(self) -> str:
        return f"{self.case}: {self.name}"


def data_folder(named: str | None) -> Path:
    """`named`, else VOLUMASK_DATA, else shared/data beside the checkout."""
    beside = Path(__file__).resolve().parents[2] / "shared" / "data"
    folder = Path(named or os.environ.get("VOLUMASK_DATA") or beside)
    if not (folder / "benchmark.json").is_file():
        raise SystemExit(f"{folder} holds no benchmark.json: name the folder with --data or VOLUMASK_DATA")
    return folder


def targets(folder: Path, roles: list[str]) -> list[Target]:
    rows = json.loads((folder / "benchmark.json").read_text())
    listed = [
        Target(r["role"], r["case"], r["object"], () if r["labels"] == "all" else tuple(r["labels"])) for r in rows
    ]
    return [target for target in listed if target.role in roles]


def load(folder: Path, target: Target) -> tuple[Volume, NDArray[np.bool_]]:
    volume, labels = _case(folder, target.case)
    return volume, np.isin(labels, target.labels) if target.labels else labels > 0


@lru_cache(maxsize=1)
def _case(folder: Path, case: str) -> tuple[Volume, NDArray[np.unsignedinteger]]:
    where = folder / "gt" / case
    return volume_io.read_volume(where / "image.nii.gz"), volume_io.read_labels(where / "label.nii.gz").labels


def each(folder: Path, chosen: list[Target]) -> Iterator[tuple[Target, Volume, NDArray[np.bool_]]]:
    for target in chosen:
        volume, mask = load(folder, target)
        yield target, volume, mask
