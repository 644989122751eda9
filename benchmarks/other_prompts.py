"""Prompts that are not clicks: `python -m benchmarks.other_prompts` (six minutes).

A box around the object, one voxel away from it on every side; the box around its largest slice; each of them again
after three clicks in the middle of what is most wrong; then slices drawn exactly: the largest, the one half way from it
to the last, the one half way to the first. What is judged is always the whole object, drawn slices included.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from app.engine import registry
from app.engine.evaluation import PredictorClicker, dice
from app.engine.evaluation.metrics import Spacing
from app.engine.evaluation.protocols import largest_slice, next_click, slicing_axis
from app.engine.protocol import Token
from app.geometry import Region
from app.prompts import Box, Prompt, SliceMask
from benchmarks import runs
from benchmarks.objects import each
from benchmarks.runs import digits, means

Mask = NDArray[np.bool_]

KINDS = ("box", "and three clicks", "flat box", "and three clicks", "one drawn slice", "two", "three")
_CORRECTIONS = 3


def main() -> None:
    parser = runs.parser(__doc__)
    parser.add_argument("--model", action="append", help="a model's id; builtin and classic without it")
    args = parser.parse_args()
    folder, chosen = runs.chosen(args)
    for model in args.model or ["builtin", "classic"]:
        predictor, rows = registry.load(model), []
        for target, volume, mask in each(folder, chosen):
            prepared = predictor.prepare(volume, lambda done, what: None, Token())
            found = answered(PredictorClicker(predictor, volume, prepared), mask, volume.geometry.spacing)
            rows.append({"role": target.role, "case": target.case, "object": target.name, "dice": found})
            print(f"{model:10} {target.title:48} {digits(found)}", flush=True)
        if not args.only:
            runs.write(f"other_prompts_{model}", {"model": model, "prompts": KINDS}, rows)
        for role in ("train", "develop"):
            if made := [row["dice"] for row in rows if row["role"] == role]:
                print(f"{model:10} {role} ({len(made)})  {digits(means(made))}")


def answered(clicker: PredictorClicker, mask: Mask, spacing: Spacing) -> list[float]:
    """Dice after each of `KINDS`; an object of few slices is drawn whole."""
    axis = slicing_axis(spacing)
    first = largest_slice(mask, axis)
    there = np.flatnonzero(mask.any(axis=tuple(a for a in range(3) if a != axis)))
    on_slice = np.zeros_like(mask)
    np.moveaxis(on_slice, axis, 0)[first] = np.take(mask, first, axis)
    found = [d for box in (_box(mask, 1), _box(on_slice, 0)) for d in _corrected(clicker, box, mask, spacing)]
    drawn: tuple[SliceMask, ...] = ()
    for index in (first, (first + int(there[-1]) + 1) // 2, (first + int(there[0])) // 2):
        drawn = (*drawn, SliceMask(axis, index, np.take(mask, index, axis)))
        found.append(dice(clicker.answer(drawn), mask))
    return found


def _corrected(clicker: PredictorClicker, box: Box, mask: Mask, spacing: Spacing) -> tuple[float, float]:
    """Dice after a box, and after some corrections."""
    prompts: tuple[Prompt, ...] = (box,)
    first = last = clicker.answer(prompts)
    for _ in range(_CORRECTIONS):
        if (click := next_click(last, mask, spacing)) is None:
            break
        prompts = (*prompts, click)
        last = clicker.answer(prompts)
    return dice(first, mask), dice(last, mask)


def _box(mask: Mask, margin: int) -> Box:
    region = Region.around(mask)
    if region is None:
        raise ValueError("the mask is empty")
    wide = region.grown(margin, mask.shape)
    k, j, i = (n - 1 for n in wide.stop)
    return Box(wide.start, (k, j, i))


if __name__ == "__main__":
    main()
