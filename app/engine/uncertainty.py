"""The ensemble of FastSAM-3DSlicer (arXiv 2407.12658, equations 1 to 3), and what to make of it.

The encoder has run once. The first mask comes from the user's prompts; each further decode gets prompts drawn from
that mask (equation 1). The mean of the logits is the ensemble's answer (equation 2), their standard deviation its
uncertainty (equation 3).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from app.engine.protocol import Estimate, Estimated, Logits, Prediction, Prior, Progress, Surety, Token
from app.errors import BadInput, EngineFailure
from app.geometry import Geometry, Index, Region
from app.prompts import Box, Point, Prompt

Decode = Callable[[tuple[Prompt, ...], Prior | None], Prediction]
BOX_JITTER = 0.05  # of its extent: a box drawn by a person is no surer than that

_MARGIN = 8  # voxels at least around the first mask that are looked at
_TIP = 0.1  # of the mask's largest slice: smaller ones are its tips, whose Dice a voxel decides
_DRAWN_FROM = 1_000_000  # voxels: of a larger region every second or third is enough to draw prompts from


def estimate(
    request: Estimate, geometry: Geometry, decode: Decode, prior: Prior | None, token: Token
) -> Iterator[Progress | Estimated]:
    """Run the ensemble: `Progress` after each decode but the last, then the `Estimated`.

    Args:
        decode: Logits for a list of prompts and a prior.
        prior: What the first mask is made from beside the prompts. The samples start from the first mask's logits, as
            in the paper's code, unless it is a seed.

    Raises:
        EngineFailure: when the first mask is empty.
        Cancelled: between decodes, when the token says so.
    """
    first = decode(request.prompts, prior)
    if not (first.logits > 0).any():
        raise EngineFailure("The segment is empty, so its uncertainty is unknown.", "Click on the structure first.")
    start = prior if prior is not None and prior.seed else Prior(first.region, first.logits)
    near = _around(first.logits > 0, first.region, geometry.shape)
    moments, volumes = Moments(), []
    for done, prompts in enumerate(sampled_prompts(request, first, geometry.shape), start=1):
        yield Progress("Estimating uncertainty", done / (request.samples + 1))
        token.raise_if_cancelled()
        prediction = decode(prompts, start)
        moments.add(_cut(prediction, near))
        volumes.append(int(np.count_nonzero(prediction.logits > 0)) * geometry.voxel_volume / 1000)
    mean, deviation = moments.mean, moments.deviation
    sure = surety(moments.region, mean, deviation)
    yield Estimated(request, moments.region, mean, deviation, tuple(volumes), sure, doubt(mean, deviation))


def _around(mask: NDArray[np.bool_], region: Region, shape: Index) -> Region:
    """The box around the first mask with a margin: where its border can be. A sample that floods the scan counts there
    and with its volume; all of 512 x 512 x 900 voxels in every sample took 23 s and 7 GB.
    """
    box = Region.around(mask)
    if box is None:
        return Region((0, 0, 0), (0, 0, 0))
    k, j, i = (max(_MARGIN, n // 4) for n in box.shape)
    return box.placed(region.start).grown((k, j, i), shape)


def _cut(prediction: Prediction, near: Region) -> Prediction:
    region = near.intersection(prediction.region)
    if region == prediction.region or not region.size:
        return prediction
    return Prediction(region, prediction.logits[region.within(prediction.region).slices])


def sampled_prompts(request: Estimate, first: Prediction, shape: Index) -> list[tuple[Prompt, ...]]:
    """`samples` lists: the user's prompts with every include point moved to a voxel drawn from the first mask.

    Voxels deeper inside are likelier, as a person clicks towards the middle. Boxes are drawn a little differently;
    exclude points, scribbles and slice masks stay, because what they say is known.
    """
    generator = np.random.default_rng(request.random_seed)
    step = max(1, int((first.logits.size / _DRAWN_FROM) ** (1 / 3)))
    mask = first.logits[::step, ::step, ::step] > 0
    if not mask.any():
        step, mask = 1, first.logits > 0
    depth = ndimage.distance_transform_edt(np.pad(mask, 1))[1:-1, 1:-1, 1:-1]
    inside = np.flatnonzero(depth)
    chance = depth.ravel()[inside]
    chance = chance / chance.sum()
    kept = tuple(prompt for prompt in request.prompts if not (isinstance(prompt, Point) and prompt.positive))
    axes = [prompt.axis for prompt in request.prompts if isinstance(prompt, Point) and prompt.positive] or [None]
    lists: list[tuple[Prompt, ...]] = []
    for _ in range(request.samples):
        drawn = np.stack(np.unravel_index(generator.choice(inside, len(axes), p=chance), depth.shape), axis=1)
        stay = (_jittered(prompt, shape, generator) if isinstance(prompt, Box) else prompt for prompt in kept)
        places = (drawn * step + first.region.start).tolist()
        moved = (Point(tuple(index), axis=axis) for index, axis in zip(places, axes, strict=True))
        lists.append((*stay, *moved))
    return lists


class Moments:
    """Running mean and deviation (Welford, 1962) of logits that come on different regions.

    Outside its region a sample counts with its own lowest logit: it says there, as surely as it says anywhere, that the
    object is absent. A constant of our own would show as uncertainty where regions end.
    """

    def __init__(self) -> None:
        self.region = Region((0, 0, 0), (0, 0, 0))
        self._count = 0
        self._mean = np.zeros((0, 0, 0), np.float32)
        self._squares = np.zeros((0, 0, 0), np.float32)
        self._outside = [0.0, 0.0]  # mean and squares where no sample has looked yet

    @property
    def mean(self) -> Logits:
        """Equation 2."""
        return self._mean

    @property
    def deviation(self) -> Logits:
        """Equation 3, of the population (1/N)."""
        return np.sqrt(self._squares / max(1, self._count), dtype=np.float32)

    def add(self, prediction: Prediction) -> None:
        """Count one more sample."""
        self._grow(self.region.union(prediction.region))
        lowest = float(prediction.logits.min()) if prediction.logits.size else self._outside[0]
        values = np.full(self.region.shape, lowest, np.float32)
        if prediction.region.size:
            values[prediction.region.within(self.region).slices] = prediction.logits
        self._count += 1
        step = values - self._mean
        self._mean += step / np.float32(self._count)
        self._squares += step * (values - self._mean)
        far = lowest - self._outside[0]
        self._outside[0] += far / self._count
        self._outside[1] += far * (lowest - self._outside[0])

    def _grow(self, region: Region) -> None:
        if region != self.region:
            at = self.region.within(region).slices if self.region.size else None
            wider = [np.full(region.shape, value, np.float32) for value in self._outside]
            if at is not None:
                wider[0][at], wider[1][at] = self._mean, self._squares
            self.region, (self._mean, self._squares) = region, wider


def surety(region: Region, mean: Logits, deviation: Logits) -> tuple[Surety, ...]:
    """Per axis and slice the expected Dice of the ensemble's mask, each voxel's logit taken as normally distributed.

    With p the chance that a logit is above 0 and m whether its mean is, it is 2 sum(p m) / (sum(p) + sum(m)).
    """
    from scipy import special  # wanted in the compute process only

    mask = mean > 0
    if not mask.any():
        return ()
    inside = special.ndtr(mean / np.maximum(deviation, np.float32(1e-6)))
    found = []
    for axis in range(3):
        across = tuple(other for other in range(3) if other != axis)
        area, chance = mask.sum(axis=across), inside.sum(axis=across, dtype=np.float64)
        common = np.where(mask, inside, 0).sum(axis=across, dtype=np.float64)
        slices = {
            region.start[axis] + n: float(2 * common[n] / (chance[n] + area[n])) for n in np.flatnonzero(area).tolist()
        }
        large = [region.start[axis] + n for n in np.flatnonzero(area >= _TIP * area.max()).tolist()]
        found.append(Surety(slices, min(large, key=lambda n: slices[n])))
    return tuple(found)


def doubt(mean: Logits, deviation: Logits) -> NDArray[np.float32]:
    """The chance that a voxel is on the other side of the border than its mean says, its logit normally distributed.

    The deviation alone is large deep inside, too, where all samples agree on which side they are.
    """
    from scipy import special  # as above

    return np.asarray(special.ndtr(-np.abs(mean) / np.maximum(deviation, np.float32(1e-6))), np.float32)


def interval(volumes: tuple[float, ...]) -> tuple[float, float]:
    """5th and 95th percentile of the samples' volumes, millilitres."""
    low, high = np.percentile(volumes, (5, 95))
    return float(low), float(high)


def suggest(estimated: Estimated, prompts: tuple[Prompt, ...]) -> tuple[Index, bool]:
    """The voxel where a click would settle most, and whether the ensemble thinks that it is inside.

    It is the middle of the most uncertain place: the largest deviation after smoothing over some voxels, weighted by
    how near the mean logit is to the border (sigmoid's slope), away from voxels that already have a prompt. Where the
    samples agree everywhere, nearness to the border alone decides.

    Raises:
        BadInput: when the estimate covers no voxel.
    """
    if not estimated.mean.size:
        raise BadInput("The estimate is empty.", "Click on the structure first.")
    probability = 1 / (1 + np.exp(-np.clip(estimated.mean, -30, 30)))
    undecided = probability * (1 - probability)
    weight = ndimage.gaussian_filter(estimated.deviation * undecided if estimated.deviation.any() else undecided, 1.0)
    for prompt in prompts:
        if not isinstance(prompt, Box):  # a box says nothing of the voxels in it
            _clear(weight, prompt.region().within(estimated.region))
    index = np.unravel_index(int(weight.argmax()), weight.shape)
    k, j, i = (int(a) + b for a, b in zip(index, estimated.region.start, strict=True))
    return (k, j, i), bool(estimated.mean[index] > 0)


def _clear(weight: NDArray[np.float32], region: Region) -> None:
    k, j, i = weight.shape
    inside = region.grown(2, (k, j, i)).intersection(Region.whole((k, j, i)))
    if inside.size and inside.size < weight.size / 8:
        weight[inside.slices] = -1


def _jittered(box: Box, shape: Index, generator: np.random.Generator) -> Box:
    extent = np.subtract(box.stop, box.start)
    start, stop = (
        np.clip(np.rint(corner + generator.uniform(-BOX_JITTER, BOX_JITTER, 3) * extent), 0, np.array(shape) - 1)
        for corner in (box.start, box.stop)
    )
    return Box(tuple(start.astype(int)), tuple(stop.astype(int)))
