"""Does the model know how sure to be? `python -m benchmarks.calibration` (some minutes); see README.md.

For every object, after 1, 3 and 5 clicks: the expected calibration error of the probabilities on the voxels that the
answer covers (Guo et al., arXiv 1706.04599, 15 bins), and how well the ensemble's deviation tells wrong voxels from
right ones (area under the ROC curve; 0.5 is chance).
"""

from __future__ import annotations

import argparse
import json
import statistics
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.engine import registry
from app.engine.evaluation.protocols import first_click, next_click
from app.engine.protocol import Estimate, Estimated, Prediction, Prior, Token
from app.engine.uncertainty import estimate
from app.prompts import Point
from benchmarks.objects import data_folder, each, targets
from benchmarks.runs import RESULTS

BINS = 15
AFTER = (1, 3, 5)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", help="folder with benchmark.json")
    parser.add_argument("--role", action="append", choices=("train", "develop"))
    parser.add_argument("--model", default="trial")
    args = parser.parse_args()
    folder = data_folder(args.data)
    predictor, rows = registry.load(args.model), []
    for target, volume, mask in each(folder, targets(folder, args.role or ["develop"])):
        prepared = predictor.prepare(volume, lambda done, what: None, Token())
        row = {"role": target.role, "case": target.case, "object": target.name}
        row |= measured(predictor, prepared, volume.geometry, mask)
        rows.append(row)
        print(target.title, *(f"{n}: {row[n]}" for n in map(str, AFTER) if n in row), flush=True)
    (RESULTS / f"calibration_{args.model}.json").write_text(
        json.dumps({"model": args.model, "objects": rows}, indent=1)
    )
    for n in map(str, AFTER):
        found = [row[n] for row in rows if n in row]
        means = {name: statistics.fmean(f[name] for f in found if f[name] is not None) for name in ("ece", "auroc")}
        print(f"{n} clicks, {len(found)} objects: ECE {means['ece']:.3f}, AUROC {means['auroc']:.3f}")


def measured(predictor: Any, prepared: Any, geometry: Any, reference: NDArray[np.bool_]) -> dict[str, Any]:
    """Figures after each number of clicks that is reported."""
    prompts: tuple[Point, ...] = (first_click(reference, geometry.spacing),)
    prior, found = None, {}
    for clicks in range(1, max(AFTER) + 1):
        answer = predictor.predict(prepared, prompts, prior)
        prior, mask = Prior(answer.region, answer.logits), np.zeros(reference.shape, bool)
        mask[answer.region.slices] = answer.logits > 0
        if clicks in AFTER and mask.any():
            found[str(clicks)] = _figures(predictor, prepared, geometry, reference, prompts, answer)
        point = next_click(mask, reference, geometry.spacing)
        if point is None:
            break
        prompts = (*prompts, point)
    return found


def _figures(
    predictor: Any, prepared: Any, geometry: Any, reference: NDArray[np.bool_], prompts: tuple[Point, ...], answer: Any
) -> dict[str, float | None]:
    def decode(asked: Any, prior: Prior | None) -> Prediction:
        return predictor.predict(prepared, asked, prior)

    wrong = (answer.logits > 0) != reference[answer.region.slices]
    figures: dict[str, float | None] = {"ece": calibration_error(answer.logits, reference[answer.region.slices])}
    for message in estimate(Estimate(1, 1, prompts), geometry, decode, Prior(answer.region, answer.logits), Token()):
        if isinstance(message, Estimated):
            deviation = np.zeros(answer.logits.shape, np.float32)
            common = message.region.intersection(answer.region)
            deviation[common.within(answer.region).slices] = message.deviation[common.within(message.region).slices]
            figures["auroc"] = area_under_roc(deviation, wrong)
    return figures


def calibration_error(logits: NDArray[np.float32], inside: NDArray[np.bool_]) -> float:
    """Mean distance between stated probability and frequency, weighted by the voxels in each of `BINS` bins."""
    probability = (1 / (1 + np.exp(-np.clip(logits, -30, 30)))).ravel()
    bins = np.minimum((probability * BINS).astype(int), BINS - 1)
    count = np.bincount(bins, minlength=BINS)
    gap = np.bincount(bins, probability - inside.ravel(), BINS)
    return float(np.abs(gap).sum() / max(1, count.sum()))


def area_under_roc(score: NDArray[np.float32], positive: NDArray[np.bool_]) -> float | None:
    """Chance that a wrong voxel has a higher score than a right one (ties count half); None without both kinds."""
    from scipy.stats import rankdata

    count = int(positive.sum())
    if not 0 < count < positive.size:
        return None
    ranks = rankdata(score.ravel())[positive.ravel()].sum()
    return float((ranks - count * (count + 1) / 2) / (count * (positive.size - count)))


if __name__ == "__main__":
    main()
