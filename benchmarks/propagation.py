"""Slices carried through real objects: `python -m benchmarks.propagation` (some minutes); see README.md."""

from __future__ import annotations

import json
import statistics
from typing import Any

from app.engine import registry
from app.engine.evaluation import PredictorClicker
from app.engine.evaluation.protocols import PROTOCOLS
from app.engine.protocol import Token
from benchmarks import runs
from benchmarks.objects import each

FIGURES = ("dice_2d", "dice_3d", "dice_3d_salient", "seconds_propagate")
MADE = ("clicks-propagate", "mask-propagate")


def main() -> None:
    parser = runs.parser(__doc__)
    parser.add_argument("--model", action="append", help="a model's id; ours without it")
    args = parser.parse_args()
    folder, chosen = runs.chosen(args)
    for model in args.model or ["builtin", "trial", "classic"]:
        predictor, rows = registry.load(model), []
        for target, volume, mask in each(folder, chosen):
            clicker = PredictorClicker(predictor, volume, predictor.prepare(volume, lambda done, what: None, Token()))
            row: dict[str, Any] = {"role": target.role, "case": target.case, "object": target.name}
            for name in MADE:
                row[name] = PROTOCOLS[name](clicker, mask, volume.geometry.spacing).figures
            rows.append(row)
            print(f"{model:10} {target.title:48}", *(_line(row[name]) for name in MADE), sep="  ", flush=True)
        if not args.only:
            runs.write(f"propagation_{model}", {"model": model}, rows)
    print(table())


def table() -> str:
    """Markdown: means over the objects of each role, seconds as medians."""
    lines = [
        "| model | protocol | objects | n | 2D Dice | 3D Dice | 3D Dice, salient slices | seconds |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for path in sorted(runs.RESULTS.glob("propagation_*.json")):
        made = json.loads(path.read_text())
        for name in MADE:
            for role in ("train", "develop"):
                rows = [row[name] for row in made["objects"] if row["role"] == role]
                if rows:
                    figures = " | ".join(_mean(rows, figure) for figure in FIGURES)
                    lines.append(f"| {made['model']} | {name} | {role} | {len(rows)} | {figures} |")
    return "\n".join(lines)


def _mean(rows: list[dict[str, float]], figure: str) -> str:
    values = [row[figure] for row in rows if figure in row]
    if not values:
        return ""
    return f"{statistics.median(values):.1f}" if figure.startswith("seconds") else f"{statistics.fmean(values):.2f}"


def _line(figures: dict[str, float]) -> str:
    return " ".join(f"{figures[figure]:.2f}" if figure in figures else "   -" for figure in FIGURES)


if __name__ == "__main__":
    main()
