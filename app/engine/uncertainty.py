"""The ensemble of FastSAM-3DSlicer (arXiv 2407.12658, equations 1 to 3), and what to make of it.

The encoder has run once. The first mask comes from the user's prompts; each further decode gets prompts drawn from
that mask (equation 1). The mean of the logits is the ensemble's answer (equation 2), their standard deviation its
uncertainty (equation 3).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from app.engine.protocol import Estimate, Estimated, Logits, Prediction
from app.errors import EngineFailure
from app.geometry import Geometry, Index, Region
from app.prompts import Point, Prompt

Decode = Callable[[tuple[Prompt, ...]], Prediction]
ABSENT = -4.0  # logit taken for voxels that a sample did not decode: 2 % probability


def estimate(request: Estimate, geometry: Geometry, decode: Decode, check: Callable[[], None]) -> Estimated:
    """Run the ensemble.

    Args:
        decode: Logits for a list of prompts.
        check: Called between decodes; raises `Cancelled`.

    Raises:
        EngineFailure: when the first mask is empty.
    """
    first = decode(request.prompts)
    if not (first.logits > 0).any():
        raise EngineFailure("The segment is empty, so its uncertainty is unknown.", "Click on the structure first.")
    predictions = []
    for prompts in sampled_prompts(request, first):
        check()
        predictions.append(decode(prompts))
    region = predictions[0].region
    for prediction in predictions[1:]:
        region = region.union(prediction.region)
    mean, deviation, counts = _moments(predictions, region)
    ml = geometry.voxel_volume / 1000
    return Estimated(request, region, mean, deviation, tuple(count * ml for count in counts))


def sampled_prompts(request: Estimate, first: Prediction) -> list[tuple[Prompt, ...]]:
    """`samples` lists: the user's prompts with every include point moved to a voxel drawn from the first mask.

    Voxels deeper inside are likelier, as a person clicks towards the middle; exclude points and drawn prompts stay.
    """
    generator = np.random.default_rng(request.random_seed)
    depth = ndimage.distance_transform_edt(np.pad(first.logits > 0, 1))[1:-1, 1:-1, 1:-1]
    inside = np.flatnonzero(depth)
    chance = depth.ravel()[inside]
    chance = chance / chance.sum()
    kept = tuple(prompt for prompt in request.prompts if not (isinstance(prompt, Point) and prompt.positive))
    moving = max(1, len(request.prompts) - len(kept))
    lists: list[tuple[Prompt, ...]] = []
    for _ in range(request.samples):
        drawn = np.stack(np.unravel_index(generator.choice(inside, moving, p=chance), depth.shape), axis=1)
        lists.append((*kept, *(Point(tuple(index)) for index in (drawn + first.region.start).tolist())))
    return lists


def interval(volumes: tuple[float, ...]) -> tuple[float, float]:
    """5th and 95th percentile of the samples' volumes, millilitres."""
    low, high = np.percentile(volumes, (5, 95))
    return float(low), float(high)


def suggest(estimated: Estimated, prompts: tuple[Prompt, ...]) -> tuple[Index, bool]:
    """The voxel where a click would settle most, and whether the ensemble thinks that it is inside.

    It is the middle of the most uncertain place: the largest deviation after smoothing over some voxels, weighted by
    how near the mean logit is to the border (sigmoid's slope), away from voxels that already have a prompt.
    """
    probability = 1 / (1 + np.exp(-np.clip(estimated.mean, -30, 30)))
    weight = ndimage.gaussian_filter(estimated.deviation * probability * (1 - probability), 1.0)
    for prompt in prompts:
        _clear(weight, prompt.region().within(estimated.region))
    index = np.unravel_index(int(weight.argmax()), weight.shape)
    k, j, i = (int(a) + b for a, b in zip(index, estimated.region.start, strict=True))
    return (k, j, i), bool(estimated.mean[index] > 0)


def _clear(weight: NDArray[np.float32], region: Region) -> None:
    k, j, i = weight.shape
    inside = region.grown(2, (k, j, i)).intersection(Region.whole((k, j, i)))
    if inside.size and inside.size < weight.size / 8:
        weight[inside.slices] = -1


def _moments(predictions: list[Prediction], region: Region) -> tuple[Logits, Logits, list[int]]:
    total = np.zeros(region.shape, np.float32)
    squares = np.zeros(region.shape, np.float32)
    for prediction in predictions:
        logits = np.full(region.shape, ABSENT, np.float32)
        logits[prediction.region.within(region).slices] = prediction.logits
        total += logits
        squares += logits * logits
    number = len(predictions)
    mean: Logits = np.divide(total, number, dtype=np.float32)
    deviation: Logits = np.sqrt(np.maximum(squares / number - mean * mean, 0), dtype=np.float32)
    return mean, deviation, [int((prediction.logits > 0).sum()) for prediction in predictions]
