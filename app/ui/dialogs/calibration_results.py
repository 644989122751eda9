"""`Calibration`: what `python -m benchmarks.calibration` found for one model, read from its file of results."""

from __future__ import annotations

import json
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parents[3] / "benchmarks" / "results"


@dataclass(frozen=True, slots=True)
class Point:
    """Of a curve; both from 0 to 1. `weight` is the share of all voxels behind it."""

    x: float
    y: float
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class AfterClicks:
    """All objects after the same number of clicks.

    Args:
        ece: Expected calibration error, mean over objects.
        auroc: Area under the ROC curve of the doubt that is shown as a detector of wrong voxels, mean over objects.
        in_interval: Share of objects whose true volume lies in the stated interval.
        reliability: Stated probability against the share of voxels that are inside; voxels of all objects together.
        found: Share of the voxels looked at, most uncertain first, against the share of wrong ones among them.
    """

    clicks: int
    objects: int
    ece: float
    auroc: float
    in_interval: float
    reliability: tuple[Point, ...]
    found: tuple[Point, ...]


@dataclass(frozen=True, slots=True)
class Calibration:
    """One model on the objects of one run."""

    model: str
    roles: tuple[str, ...]
    objects: int
    cases: int
    after: tuple[AfterClicks, ...]


def measured(model: str, folder: Path = FOLDER) -> Calibration | None:
    """What is stored of a model; None where nothing is, or nothing that can be read."""
    try:
        value = json.loads((folder / f"calibration_{model}.json").read_text(encoding="utf-8"))
        rows, shares = value["objects"], value["shares"]
        clicks = sorted({int(key) for row in rows for key in row if key.isdigit()})
        after = tuple(
            _after(number, [row[str(number)] for row in rows if str(number) in row], shares) for number in clicks
        )
        cases = len({row["case"] for row in rows})
        return Calibration(value["model"], tuple(value["roles"]), len(rows), cases, after)
    except (OSError, ValueError, LookupError, TypeError):
        return None


def _after(clicks: int, rows: Sequence[dict[str, Any]], shares: Sequence[float]) -> AfterClicks:
    sure = [row["auroc"] for row in rows if row["auroc"] is not None]
    found = [row["found"] for row in rows if row["found"]]
    inside = [row["volume"][1] <= row["volume"][0] <= row["volume"][2] for row in rows]
    return AfterClicks(
        clicks,
        len(rows),
        statistics.fmean(row["ece"] for row in rows),
        statistics.fmean(sure) if sure else float("nan"),
        statistics.fmean(inside),
        _reliability([row["bins"] for row in rows]),
        tuple(Point(x, statistics.fmean(column)) for x, column in zip(shares, zip(*found, strict=True), strict=True)),
    )


def _reliability(bins: Sequence[Sequence[Sequence[float]]]) -> tuple[Point, ...]:
    total = sum(count for rows in bins for count, _, _ in rows)
    points = []
    for same in zip(*bins, strict=True):
        count = sum(n for n, _, _ in same)
        if count:
            stated, hits = sum(n * p for n, p, _ in same), sum(h for _, _, h in same)
            points.append(Point(stated / count, hits / count, count / total))
    return tuple(points)
