"""The ensemble of FastSAM-3DSlicer (arXiv 2407.12658, equations 1 to 3), and what to make of it.

The encoder has run once. The first mask comes from the user's prompts; each further decode gets prompts drawn from
that mask (equation 1). The mean of the logits is the ensemble's answer (equation 2), their standard deviation its
uncertainty (equation 3).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from app.engine.blocks import Blocks
from app.engine.ensemble import Moments, doubt, interval, surety
from app.engine.protocol import Estimate, Estimated, Prediction, Prior, Progress, Token
from app.errors import BadInput, EngineFailure
from app.geometry import EMPTY_REGION, Geometry, Index, Region
from app.prompts import Box, Point, Prompt
from app.threads import on_threads, width

Decode = Callable[[tuple[Prompt, ...], Prior | None], Prediction]
BOX_JITTER = 0.05  # of its extent: a box drawn by a person is no surer than that

_MARGIN = 8  # voxels at least around the first mask that are looked at
_DRAWN_FROM = 300_000  # voxels: of a larger region every second or third is enough to draw prompts from


def estimate(
    request: Estimate,
    geometry: Geometry,
    decode: Decode,
    prior: Prior | None,
    token: Token,
    first: Prediction | None = None,
    sketch: Decode | None = None,
) -> Iterator[Progress | Estimated]:
    """Run the ensemble: `Progress` before each round of decodes, then the `Estimated`.

    Args:
        decode: Logits for a list of prompts and a prior.
        prior: What the first mask is made from beside the prompts. The samples start from the first mask's logits, as
            in the paper's code. Of a seed too they are told as of an answer: as a seed every model would keep it,
            since all points are drawn from inside it, and a mask that was carried would look perfectly sure.
        first: The first mask where it is known already; else it is decoded.
        sketch: A decode that may answer on blocks, for the samples, several at a time (`Sketcher`).

    Raises:
        EngineFailure: when the first mask is empty.
        Cancelled: between rounds, when the token says so.
    """
    first = decode(request.prompts, prior) if first is None else first
    if not (first.logits > 0).any():
        raise EngineFailure("The segment is empty, so its uncertainty is unknown.", "Click on the structure first.")
    start = Prior(first.region, first.logits)
    samples = Samples(Blocks(geometry.shape, first.blocks), _around(first.logits > 0, first.region, geometry.shape))
    lists = sampled_prompts(request, first, geometry.shape)
    ask, at_once = (sketch, width()) if sketch else (decode, 1)
    yield from _decoded(lists, lambda prompts: ask(prompts, start), at_once, samples, token)
    yield samples.estimated(request, geometry.voxel_volume)


class Samples:
    """What the decodes say together, on the blocks in which they say it: `Prediction.blocks`.

    Voxels of a block share a logit, so that it is counted once: 0.1 instead of 0.6 s for a liver of 3,000,000 voxels.
    """

    def __init__(self, blocks: Blocks, near: Region) -> None:
        self._blocks = blocks
        self._moments = Moments(blocks.touched(near))
        self._voxels: list[int] = []

    def add(self, prediction: Prediction) -> None:
        """Count one more decode."""
        if prediction.coarse:
            self._moments.add(prediction)
            self._voxels.append(self._blocks.covered(prediction.region, prediction.logits > 0))
            return
        self._moments.add(Prediction(*self._blocks.sampled(prediction.region, prediction.logits)))
        self._voxels.append(int(np.count_nonzero(prediction.logits > 0)))

    def estimated(self, request: Estimate, voxel_volume: float) -> Estimated:
        """What they say together."""
        grid = self._blocks, self._moments.region
        mean, deviation = self._moments.mean, self._moments.deviation
        unsure = doubt(mean, deviation)
        volumes = tuple(count * voxel_volume / 1000 for count in self._voxels)
        span = interval(grid, mean, unsure, voxel_volume / 1000, volumes)
        return Estimated(request, *grid, mean, deviation, volumes, span, surety(grid, mean, unsure), unsure)


def _decoded(
    lists: list[tuple[Prompt, ...]],
    decode: Callable[[tuple[Prompt, ...]], Prediction],
    at_once: int,
    samples: Samples,
    token: Token,
) -> Iterator[Progress]:
    """Count a sample for each list of prompts, in their order; nothing is decoded between two rounds."""
    with ThreadPoolExecutor(1) as beside:  # samples are counted while the next are decoded
        counting: Iterator[None] = iter(())
        for first in range(0, len(lists), at_once):
            yield Progress("Estimating uncertainty", (first + 1) / (len(lists) + 1))
            token.raise_if_cancelled()
            some = lists[first : first + at_once]
            decoded = on_threads(decode, some) if len(some) > 1 else [decode(some[0])]  # one thread but for `sketch`
            list(counting)
            counting = beside.map(samples.add, decoded)
        list(counting)


def _around(mask: NDArray[np.bool_], region: Region, shape: Index) -> Region:
    """The box around the first mask with a margin: where its border can be. A sample that floods the scan counts there
    and with its volume; all of 512 x 512 x 900 voxels in every sample took 23 s and 7 GB.
    """
    box = Region.around(mask)
    if box is None:
        return EMPTY_REGION
    k, j, i = (max(_MARGIN, n // 4) for n in box.shape)
    return box.placed(region.start).grown((k, j, i), shape)


def sampled_prompts(request: Estimate, first: Prediction, shape: Index) -> list[tuple[Prompt, ...]]:
    """`samples` lists: the user's prompts with every include point moved to a voxel drawn from the first mask.

    Voxels deeper inside are likelier, as a person clicks towards the middle. Boxes are drawn a little differently;
    exclude points, scribbles and slice masks stay, because what they say is known.
    """
    generator = np.random.default_rng(request.random_seed)
    step = max(1, math.ceil((first.logits.size / _DRAWN_FROM) ** (1 / 3)))
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


def suggest(estimated: Estimated, prompts: tuple[Prompt, ...]) -> tuple[Index, bool]:
    """The voxel where a click would settle most, and whether the ensemble thinks that it is inside.

    It is the middle of the most uncertain block: the largest deviation after smoothing over some voxels, weighted by
    how near the mean logit is to the border (sigmoid's slope), away from voxels that already have a prompt. Where the
    samples agree everywhere, nearness to the border alone decides.

    Raises:
        BadInput: when the estimate covers no voxel.
    """
    if not estimated.mean.size:
        raise BadInput("The estimate is empty.", "Click on the structure first.")
    probability = 1 / (1 + np.exp(-np.clip(estimated.mean, -30, 30)))
    undecided = probability * (1 - probability)
    blocks, cells = estimated.blocks, estimated.cells
    weight = estimated.deviation * undecided if estimated.deviation.any() else undecided
    weight = ndimage.gaussian_filter(weight, [1 / voxels for voxels in blocks.factors])
    for prompt in prompts:
        if not isinstance(prompt, Box):  # a box says nothing of the voxels in it
            _clear(weight, blocks.touched(prompt.region().grown(2, blocks.full)).intersection(cells).within(cells))
    index = np.unravel_index(int(weight.argmax()), weight.shape)
    k, j, i = (int(a) + b for a, b in zip(index, cells.start, strict=True))
    return blocks.middle((k, j, i)), bool(estimated.mean[index] > 0)


def _clear(weight: NDArray[np.float32], inside: Region) -> None:
    if inside.size and inside.size < weight.size / 8:
        weight[inside.slices] = -1


def _jittered(box: Box, shape: Index, generator: np.random.Generator) -> Box:
    extent = np.subtract(box.stop, box.start)
    start, stop = (
        np.clip(np.rint(corner + generator.uniform(-BOX_JITTER, BOX_JITTER, 3) * extent), 0, np.array(shape) - 1)
        for corner in (box.start, box.stop)
    )
    return Box(tuple(start.astype(int)), tuple(stop.astype(int)))
