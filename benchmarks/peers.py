"""Clicks on real objects: ours against two peers. `python -m benchmarks.peers` (about an hour); see README.md."""

from __future__ import annotations

import json
import statistics
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.engine import registry
from app.engine.evaluation import Clicker, PredictorClicker, clicks_3d
from app.engine.evaluation.protocols import REPORTED
from app.engine.protocol import Predictor, Token
from app.volume import Volume
from benchmarks import runs
from benchmarks.clickers import LARGEST, GrowCut, RandomWalker, peer_region
from benchmarks.objects import Target, each

PEERS = {"random-walker": RandomWalker, "growcut": GrowCut}


def main() -> None:
    parser = runs.parser(__doc__)
    parser.add_argument("--method", action="append", help="a model's id, random-walker or growcut")
    args = parser.parse_args()
    folder, chosen = runs.chosen(args)
    for method in args.method or ["builtin", "trial", "classic", *PEERS]:
        rows = measure(method, folder, chosen)
        if not args.only:
            runs.write(f"clicks_{method}", {"method": method, "protocol": "clicks-3d"}, rows)
    print(table())


def measure(method: str, folder: Path, chosen: list[Target]) -> list[dict[str, Any]]:
    predictor = None if method in PEERS else registry.load(method)
    rows: list[dict[str, Any]] = []
    prepared: tuple[Volume | None, Any, float] = (None, None, 0.0)
    for target, volume, mask in each(folder, chosen):
        size = peer_region(volume, mask).size
        row = {"role": target.role, "case": target.case, "object": target.name, "comparable": size <= LARGEST}
        if predictor is not None and prepared[0] is not volume:
            begun = time.perf_counter()
            features = predictor.prepare(volume, lambda fraction, what: None, Token())
            prepared = (volume, features, time.perf_counter() - begun)
        if predictor is None and size > LARGEST:
            rows.append(row)
            continue
        clicker = _clicker(method, predictor, volume, mask, prepared[1])
        report = clicks_3d(clicker, mask, volume.geometry.spacing, max(REPORTED))
        payload = report.payload()
        seconds = statistics.median(r.seconds for r in report.rounds)
        row |= {"dice": payload["dice"], "nsd": payload["nsd"], "seconds_per_click": seconds}
        row |= {"prepare_seconds": prepared[2]} if predictor is not None else {}
        rows.append(row)
        print(f"{method:14} {target.title:48} {_digits(payload['dice'])}  {seconds:.3f} s", flush=True)
    return rows


def table() -> str:
    """Markdown: mean Dice and NSD over the objects that every method was run on, then over all."""
    lines = [
        "| method | objects | n | Dice 1 / 3 / 5 / 10 clicks | NSD (2 mm) | seconds a click |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for path in sorted(runs.RESULTS.glob("clicks_*.json")):
        made = json.loads(path.read_text())
        rows = [row for row in made["objects"] if "dice" in row]
        groups = {
            "comparable": [r for r in rows if r["comparable"]],
            "train": [r for r in rows if r["role"] == "train"],
            "develop": [r for r in rows if r["role"] == "develop"],
            "all": rows,
        }
        for name, group in groups.items():
            if group:
                seconds = statistics.median(r["seconds_per_click"] for r in group)
                figures = f"{_digits(_mean(group, 'dice'))} | {_digits(_mean(group, 'nsd'))} | {seconds:.3f}"
                lines.append(f"| {made['method']} | {name} | {len(group)} | {figures} |")
    return "\n".join(lines)


def _clicker(
    method: str, predictor: Predictor | None, volume: Volume, mask: NDArray[np.bool_], prepared: Any
) -> Clicker:
    if predictor is not None:
        return PredictorClicker(predictor, volume, prepared)
    return PEERS[method](volume, mask)


def _mean(rows: list[dict[str, Any]], figure: str) -> dict[str, float]:
    return {str(n): statistics.fmean(row[figure][str(n)] for row in rows) for n in REPORTED}


def _digits(figures: dict[str, float]) -> str:
    return " / ".join(f"{figures[str(n)]:.2f}" for n in REPORTED)


if __name__ == "__main__":
    main()
