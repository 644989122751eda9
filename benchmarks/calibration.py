"""Does the model know how sure to be? `python -m benchmarks.calibration` (some minutes); see README.md.

For every object, after 1, 3 and 5 clicks: the expected calibration error of the probabilities on the voxels that the
answer covers (Guo et al., arXiv 1706.04599, 15 bins; kept for a diagram), how well the doubt that is shown, and the
ensemble's deviation alone, tell wrong voxels from right ones (area under the ROC curve; 0.5 is chance), how many wrong
voxels are among the most doubtful ones, and whether the true volume lies in the stated interval. The page in Help
draws the file of results.
"""

from __future__ import annotations

import statistics
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.engine import registry
from app.engine.evaluation.protocols import first_click, next_click
from app.engine.protocol import Estimate, Estimated, Prediction, Prior, Token
from app.engine.uncertainty import estimate
from app.prompts import Point
from benchmarks.objects import each
from benchmarks.runs import chosen, parser, write

BINS = 15
AFTER = (1, 3, 5)
SHARES = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5)
"""Of the voxels that were looked at, the most uncertain first."""


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("--model", default="builtin")
    arguments.add_argument("--every", type=int, default=1, metavar="N", help="only every N-th object")
    args = arguments.parse_args()
    args.role = args.role or ["develop"]
    folder, wanted = chosen(args)
    predictor, rows = registry.load(args.model), []
    about = {"model": args.model, "roles": args.role, "every": args.every, "shares": SHARES}
    for target, volume, mask in each(folder, wanted[:: args.every]):
        prepared = predictor.prepare(volume, lambda done, what: None, Token())
        row = {"role": target.role, "case": target.case, "object": target.name}
        row |= measured(predictor, prepared, volume.geometry, mask)
        rows.append(row)
        write(f"calibration_{args.model}", about, rows)
        print(target.title, *(f"{n}: {_short(row[n])}" for n in map(str, AFTER) if n in row), flush=True)
    for n in map(str, AFTER):
        found = [row[n] for row in rows if n in row]
        ece, shown, deviation = (_mean(found, name) for name in ("ece", "auroc", "auroc_deviation"))
        inside = statistics.fmean(f["volume"][1] <= f["volume"][0] <= f["volume"][2] for f in found)
        print(
            f"{n} clicks, {len(found)}: ECE {ece:.3f}, AUROC {shown:.3f} (deviation {deviation:.3f}),",
            f"in interval {inside:.2f}",
        )


def _short(figures: dict[str, Any]) -> str:
    return f"ECE {figures['ece']:.3f} AUROC {figures['auroc'] or float('nan'):.3f}"


def _mean(found: list[dict[str, Any]], name: str) -> float:
    return statistics.fmean(f[name] for f in found if f[name] is not None)


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
) -> dict[str, Any]:
    def decode(asked: Any, prior: Prior | None) -> Prediction:
        return predictor.predict(prepared, asked, prior)

    inside = reference[answer.region.slices]
    wrong = (answer.logits > 0) != inside
    bins = reliability(answer.logits, inside)
    figures: dict[str, Any] = {"ece": calibration_error(bins), "bins": bins}
    for message in estimate(Estimate(1, 1, prompts), geometry, decode, Prior(answer.region, answer.logits), Token()):
        if isinstance(message, Estimated):
            shown, deviation = (_on(answer, message, v) for v in (message.doubt, message.deviation))
            figures["auroc"] = area_under_roc(shown, wrong)
            figures["found"] = found_among_uncertain(shown, wrong)
            figures["auroc_deviation"] = area_under_roc(deviation, wrong)
            millilitres = int(np.count_nonzero(reference)) * geometry.voxel_volume / 1000
            figures["volume"] = [round(v, 3) for v in (millilitres, *message.interval)]
    return figures


def _on(answer: Prediction, estimated: Estimated, values: NDArray[np.float32] | None) -> NDArray[np.float32]:
    """An array of the estimate on the region of the answer; 0 where it says nothing."""
    result = np.zeros(answer.logits.shape, np.float32)
    if values is not None:
        common = estimated.region.intersection(answer.region)
        result[common.within(answer.region).slices] = estimated.blocks.spread(values, estimated.cells, common)
    return result


def reliability(logits: NDArray[np.float32], inside: NDArray[np.bool_]) -> list[list[float]]:
    """For each of `BINS` equal bins of probability: voxels, their mean probability, how many of them are inside."""
    probability = (1 / (1 + np.exp(-np.clip(logits, -30, 30)))).ravel()
    bins = np.minimum((probability * BINS).astype(int), BINS - 1)
    count = np.bincount(bins, minlength=BINS)
    stated, hits = np.bincount(bins, probability, BINS), np.bincount(bins, inside.ravel(), BINS)
    rows = zip(count.tolist(), stated.tolist(), hits.tolist(), strict=True)
    return [[n, round(p / n, 5) if n else 0.0, int(h)] for n, p, h in rows]


def calibration_error(bins: list[list[float]]) -> float:
    """Mean distance between stated probability and frequency, weighted by the voxels in each bin."""
    total = sum(n for n, _, _ in bins)
    return sum(abs(n * stated - hits) for n, stated, hits in bins) / max(1, total)


def found_among_uncertain(deviation: NDArray[np.float32], wrong: NDArray[np.bool_]) -> list[float] | None:
    """Which share of the wrong voxels is among the most uncertain `SHARES` of all; None without a wrong one."""
    count = int(wrong.sum())
    if not count:
        return None
    order = np.argsort(-deviation.ravel(), kind="stable")
    among = np.cumsum(wrong.ravel()[order])
    return [round(float(among[max(1, round(share * wrong.size)) - 1]) / count, 4) for share in SHARES]


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
