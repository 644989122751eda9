"""What samples of one mask say together: their mean and deviation, the doubt of a voxel, the surety of a slice.

Equations are those of FastSAM-3DSlicer (arXiv 2407.12658), as in `uncertainty`, which makes the samples.
All work goes slab by slab, so that what is needed at a time stays in a processor's cache, on a few threads.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from app.engine.blocks import Blocks
from app.engine.protocol import Logits, Prediction, Surety
from app.geometry import EMPTY_REGION, Region
from app.threads import on_threads

_SLAB = 250_000  # voxels a thread works on at a time
_SPREAD = np.float32(np.pi / 8)
_SPAN = 2.0
_TIP = 0.1  # of the mask's largest slice: smaller ones are its tips, whose Dice a voxel decides

Floats = NDArray[np.float64]
Planes = tuple[Floats, Floats, Floats]
Grid = tuple[Blocks, Region]
"""Blocks of voxels, and the box of them that arrays lie on."""
T = TypeVar("T")


class Moments:
    """Mean and deviation of logits that come one sample at a time, on different regions.

    Outside its region a sample counts with its own lowest logit: it says there, as surely as it says anywhere, that the
    object is absent. A constant of our own would show as uncertainty where regions end.

    What is added up is how far the samples lie from the first one, and the squares: the mean is as near to the first
    sample as the deviation allows, so that no digits are lost (Chan, Golub and LeVeque, 1983, on shifted data).

    Args:
        near: Where samples are looked at; what they say elsewhere does not count.
    """

    def __init__(self, near: Region) -> None:
        self._near = near
        self.region = EMPTY_REGION
        """What the samples so far covered of it."""
        self._lowest: list[float] = []
        self._first, self._sum, self._squares = (np.empty(near.shape, np.float32) for _ in range(3))
        self._outside = [0.0, 0.0, 0.0]  # the same three where no sample has looked yet

    @property
    def mean(self) -> Logits:
        """Equation 2."""
        return self._made(lambda first, sums, squares: first + sums / self._count)

    @property
    def deviation(self) -> Logits:
        """Equation 3, of the population (1/N)."""
        return self._made(
            lambda first, sums, squares: np.sqrt(np.maximum(squares / self._count - (sums / self._count) ** 2, 0))
        )

    def add(self, prediction: Prediction) -> None:
        """Count one more sample; one that says nothing here counts as what the others say where they do not look."""
        seen = self._near.intersection(prediction.region)
        seen = seen if seen.size else EMPTY_REGION
        values = prediction.logits[seen.within(prediction.region).slices] if seen.size else np.zeros(0, np.float32)
        lowest = float(values.min()) if values.size else float(np.mean(self._lowest or [0.0]))
        self._lowest.append(lowest)
        if len(self._lowest) == 1:
            self._outside[0] = lowest
        self._grow(self.region.union(seen))
        far = lowest - self._outside[0]
        self._outside = [self._outside[0], self._outside[1] + far, self._outside[2] + far * far]
        _by_slabs(self.region.shape, lambda slab: self._add_slab(slab, seen, values))

    def _add_slab(self, slab: slice, seen: Region, values: Logits) -> None:
        part = _part(self.region, slab)
        at = part.within(self._near).slices
        sample = np.full(part.shape, self._lowest[-1], np.float32)
        here = part.intersection(seen)
        if here.size:
            sample[here.within(part).slices] = values[here.within(seen).slices]
        if len(self._lowest) == 1:
            self._first[at] = sample
            return
        sample -= self._first[at]
        self._sum[at] += sample
        sample *= sample
        self._squares[at] += sample

    @property
    def _count(self) -> np.float32:
        return np.float32(max(1, len(self._lowest)))

    def _made(self, of: Callable[[Logits, Logits, Logits], Logits]) -> Logits:
        result = np.empty(self.region.shape, np.float32)

        def work(slab: slice) -> None:
            at = _part(self.region, slab).within(self._near).slices
            result[slab] = of(self._first[at], self._sum[at], self._squares[at])

        _by_slabs(result.shape, work)
        return result

    def _grow(self, region: Region) -> None:
        """Memory is taken only here: what has not been looked at of `near` was never written to."""
        for box in _beyond(self.region, region):
            at = box.within(self._near).slices
            self._first[at], self._sum[at], self._squares[at] = self._outside
        self.region = region


def doubt(mean: Logits, deviation: Logits) -> NDArray[np.float32]:
    """The chance that a voxel is on the other side of the border than its mean says, 0..0.5.

    The model's own probability, averaged over logits spread as the samples are: sigmoid(mean / sqrt(1 + pi deviation^2
    / 8)) (MacKay, 1992, The evidence framework applied to classification networks). The deviation alone is large deep
    inside, too, where all samples agree; and samples that agree tell nothing of what the model itself is unsure of. On
    the 28 train objects, with the weights of that day, it told wrong voxels from right ones with an area under the
    curve of 0.79 / 0.85 / 0.88 after 1 / 3 / 5 clicks (`classic`: 0.82 / 0.84 / 0.89), the share of samples on the
    other side with 0.66 / 0.68 / 0.72 (0.80 / 0.79 / 0.81).
    """
    from scipy import special  # wanted in the compute process only

    result = np.empty_like(mean)

    def of(slab: slice) -> None:
        special.expit(-np.abs(mean[slab]) / np.sqrt(1 + _SPREAD * deviation[slab] ** 2), out=result[slab])

    _by_slabs(mean.shape, of)
    return result


def interval(
    grid: Grid, mean: Logits, doubts: NDArray[np.float32], millilitres: float, volumes: tuple[float, ...]
) -> tuple[float, float]:
    """Millilitres between which the volume probably lies.

    Down from the mean's mask by `_SPAN` times what of it is expected to be wrong, up by `_SPAN` times what is expected
    to be missed: doubts go wrong together, which one expectation does not tell. Never narrower than nine tenths of the
    samples' volumes; these alone held the true volume of the 28 train objects in 18 / 18 / 29 % after 1 / 3 / 5 clicks,
    this does in 46 / 89 / 86 % (`classic`: 54 / 39 / 68 %, and 89 / 89 / 96 %).

    Args:
        grid: Blocks, and which of them the arrays lie on.
        doubts: See `doubt`.
        millilitres: Of a voxel.
        volumes: Millilitres of the samples' masks.
    """
    k, j, i = _held(grid)

    def of(slab: slice) -> tuple[float, float, float]:
        mask, wrong = mean[slab] > 0, doubts[slab]
        parts = mask, np.where(mask, wrong, 0), np.where(mask, 0, wrong)
        inside, taken, missed = (float(k[slab] @ ((values @ i) @ j)) for values in parts)
        return inside, taken, missed

    count, wrong, missed = np.sum(_by_slabs(mean.shape, of) or [(0.0, 0.0, 0.0)], axis=0) * millilitres
    low, high = np.percentile(volumes, (5, 95))
    return min(float(low), max(0.0, count - _SPAN * wrong)), max(float(high), count + _SPAN * missed)


def surety(grid: Grid, mean: Logits, doubts: NDArray[np.float32]) -> tuple[Surety, ...]:
    """Per axis and slice the expected Dice of the ensemble's mask, from the `doubt` of its voxels.

    With p the chance that a voxel is inside and m whether its mean says so, it is 2 sum(p m) / (sum(p) + sum(m)).
    """
    held = _held(grid)

    def of(slab: slice) -> tuple[Planes, Planes, Planes]:
        mask, wrong = mean[slab] > 0, doubts[slab]
        common = np.where(mask, 1 - wrong, np.float32(0))
        k, j, i = held
        inside, right, expected = (
            _sums(values, (k[slab], j, i)) for values in (mask, common, np.where(mask, common, wrong))
        )
        return inside, right, expected

    slabs = _by_slabs(mean.shape, of)
    if not slabs or not any(areas[0].any() for areas, _, _ in slabs):
        return ()
    areas, commons, chances = (_together([slab[n] for slab in slabs]) for n in range(3))
    return tuple(_along(grid, axis, *sums) for axis, sums in enumerate(zip(areas, commons, chances, strict=True)))


def _along(grid: Grid, axis: int, area: Floats, common: Floats, chance: Floats) -> Surety:
    """From the sums over each layer of blocks across an axis."""
    blocks, cells = grid
    first, factor = cells.start[axis], blocks.factors[axis]
    thick = blocks.held(cells)[axis].tolist()
    dice = {n: float(2 * common[n] / (chance[n] + area[n])) for n in np.flatnonzero(area).tolist()}
    slices = {(first + n) * factor + m: dice[n] for n in dice for m in range(thick[n])}
    worst = min(np.flatnonzero(area >= _TIP * area.max()).tolist(), key=lambda n: dice[n])
    return Surety(slices, (first + worst) * factor)


def _held(grid: Grid) -> tuple[Logits, Logits, Logits]:
    """Voxels along (k, j, i) that each layer of blocks holds; single precision, as what they are multiplied with."""
    k, j, i = (lengths.astype(np.float32) for lengths in grid[0].held(grid[1]))
    return k, j, i


def _sums(values: NDArray[Any], held: tuple[Logits, Logits, Logits]) -> Planes:
    """Over the slices across each axis."""
    k, j, i = held
    lines = (values @ i).astype(np.float64)  # at most some thousand voxels each
    columns = np.tensordot(k, values, 1).astype(np.float64)
    return lines @ j, k @ lines, j @ columns


def _together(slabs: list[Planes]) -> Planes:
    k, j, i = zip(*slabs, strict=True)
    return np.concatenate(k), np.sum(j, axis=0), np.sum(i, axis=0)


def _part(region: Region, slab: slice) -> Region:
    """The planes of a region that a slab holds."""
    (k, j, i), (_, jj, ii) = region.start, region.stop
    return Region((k + slab.start, j, i), (k + slab.stop, jj, ii))


def _beyond(inner: Region, outer: Region) -> Iterator[Region]:
    """Boxes without overlap that are the outer region without the inner one."""
    start, stop = list(outer.start), list(outer.stop)
    for axis in range(3) if inner.size else ():
        for low, high in ((start[axis], inner.start[axis]), (inner.stop[axis], stop[axis])):
            if low < high:
                yield _box((*start[:axis], low, *start[axis + 1 :]), (*stop[:axis], high, *stop[axis + 1 :]))
        start[axis], stop[axis] = inner.start[axis], inner.stop[axis]
    if not inner.size:
        yield outer


def _box(start: tuple[int, ...], stop: tuple[int, ...]) -> Region:
    return Region((start[0], start[1], start[2]), (stop[0], stop[1], stop[2]))


def _by_slabs(shape: tuple[int, ...], work: Callable[[slice], T]) -> list[T]:
    """What `work` gives for each slab of planes, in order."""
    planes = max(1, _SLAB // max(1, math.prod(shape[1:])))
    slabs = [slice(k, min(shape[0], k + planes)) for k in range(0, shape[0], planes)]
    return on_threads(work, slabs)
