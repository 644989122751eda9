"""Clicks as people make them: the first anywhere in the object. `python -m benchmarks.off_centre` (two minutes).

The protocol's first click is the deepest point of the reference, which nobody finds on a screen. Here it is drawn from
the whole object, deeper places likelier; the corrections after it are those of the protocol. Lessons draw clicks in
their own way (`training/clicks.py`), so that changing them does not change what is measured here.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from app.engine import registry
from app.engine.evaluation import PredictorClicker, clicks_3d
from app.engine.evaluation.metrics import Spacing
from app.engine.protocol import Token
from app.prompts import Point
from benchmarks import runs
from benchmarks.objects import each
from benchmarks.runs import digits, means

_DRAWS = 3  # first clicks of each object
_ROUNDS = 5
_DEEPER = 1.5  # power of the depth in millimetres by which a place is likelier


def main() -> None:
    parser = runs.parser(__doc__)
    parser.add_argument("--model", action="append", help="a model's id; builtin without it")
    args = parser.parse_args()
    folder, chosen = runs.chosen(args)
    for model in args.model or ["builtin"]:
        predictor, rows = registry.load(model), []
        for number, (target, volume, mask) in enumerate(each(folder, chosen)):
            prepared, spacing = predictor.prepare(volume, lambda done, what: None, Token()), volume.geometry.spacing
            for draw in range(_DRAWS):
                clicker, first = PredictorClicker(predictor, volume, prepared), anywhere(mask, spacing, (number, draw))
                report = clicks_3d(clicker, mask, spacing, _ROUNDS, first)
                dice = [after.dice for n in range(_ROUNDS) if (after := report.after(n + 1))]
                rows.append({"role": target.role, "case": target.case, "object": target.name, "dice": dice})
                print(f"{model:10} {target.title:48} {digits(dice)}", flush=True)
        if not args.only:
            runs.write(f"off_centre_{model}", {"model": model}, rows)
        for role in ("train", "develop"):
            if found := [row["dice"] for row in rows if row["role"] == role]:
                print(f"{model:10} {role} ({len(found)})  {digits(means(found))}")


def anywhere(mask: NDArray[np.bool_], spacing: Spacing, seed: tuple[int, ...]) -> Point:
    """A voxel of the mask, deeper ones likelier."""
    depth = ndimage.distance_transform_edt(np.pad(mask, 1), sampling=spacing)[1:-1, 1:-1, 1:-1]
    voxels = np.flatnonzero(mask)
    chance = depth.ravel()[voxels] ** _DEEPER
    drawn = int(np.random.default_rng(seed).choice(voxels, p=chance / chance.sum()))
    k, j, i = (int(n) for n in np.unravel_index(drawn, mask.shape))
    return Point((k, j, i))


if __name__ == "__main__":
    main()
