"""From pieces to voxels: the border follows the image's own edges, and prompts hold on their very voxels."""

from __future__ import annotations

from functools import reduce

import numpy as np
from numpy.typing import NDArray

from app.engine.classic.cells import Cells
from app.engine.classic.features import Features
from app.engine.classic.seeds import Indices, Seeds
from app.engine.diffusion import settle
from app.engine.protocol import Prediction, Prior
from app.geometry import EMPTY_REGION, Index, Region
from app.threads import on_threads

Floats = NDArray[np.floating]

SURE = 8.0  # logit of a voxel that a prompt speaks of: 99.97 %

_MOST = (
    300_000  # cells that are settled one by one within the time of a click; larger objects keep their pieces' border
)
_TRUST = 1.0
_DOUBTED = 0.1  # of the trust, where the pieces do not know
_HALF = 2.0  # in units of the noise, the step at which two cells are half strangers
_ROUNDS = 15
_BALL = 2.0  # cells around a first click that it speaks for too, as nobody clicks on a border on purpose
_BALL_INSIDE = 3.0  # the same where an answer's border tells where to end
_MOST_IN_BALLS = 1_000_000  # cells: of a scribble all over the scan only those that it is on
_FIXED = 1e3
_SLAB = 8  # planes of cells that are looked at together


def cells_around(features: Features, seeds: Seeds, pieces: NDArray[np.float32], last: Prior | None = None) -> Cells:
    """From logits (n,) of the pieces, settled cell by cell where these are few enough; `last` was answered before."""
    labels = features.pieces.labels
    box = _around(labels, pieces > 0)
    if not box.size:
        return Cells(box, np.zeros((0, 0, 0), dtype=np.float32))
    box = box.grown(3, features.lattice.shape)
    crop = np.take(pieces, labels[box.slices])
    return Cells(box, _settled(features, seeds, box, crop, last) if crop.size <= _MOST else crop)


def refine(features: Features, seeds: Seeds, cells: Cells) -> Prediction:
    """Logits on the voxels around the object."""
    lattice = features.lattice
    region = lattice.voxels(cells.region)
    answer = bound(features, seeds, region, lattice.spread(cells.logits, cells.region, region))
    return answer if seeds.precise else Prediction(answer.region, answer.logits, lattice.factors)


def sketch(features: Features, cells: Cells) -> Prediction:
    """The same on the cells; what prompts say of single voxels is not written in."""
    return Prediction(cells.region, cells.logits, features.lattice.factors, coarse=True)


def _around(labels: NDArray[np.int32], inside: NDArray[np.bool_]) -> Region:
    """The tightest box around the cells of some pieces; slab by slab, as all cells at once took four times as long."""

    def of(first: int) -> Region:
        box = Region.around(np.take(inside, labels[first : first + _SLAB]))
        return EMPTY_REGION if box is None else box.placed((first, 0, 0))

    return reduce(Region.union, on_threads(of, range(0, labels.shape[0], _SLAB)), EMPTY_REGION)


def bound(features: Features, seeds: Seeds, region: Region, logits: NDArray[np.float32]) -> Prediction:
    """Logits with every prompt written in; the region grows where includes lie outside it."""
    wanted = region.union(_box(seeds.include)) if len(seeds.include) else region
    if wanted != region:
        grown = np.full(wanted.shape, -SURE, dtype=np.float32)
        if region.size:
            grown[region.within(wanted).slices] = logits
        region, logits = wanted, grown
    if seeds.boxes:
        _cut(logits, region, seeds)
    for voxels, value in ((seeds.exclude, -SURE), (seeds.include, SURE)):
        logits[_local(voxels, region)] = value
    return Prediction(region, logits)


def _settled(
    features: Features, seeds: Seeds, box: Region, crop: NDArray[np.float32], last: Prior | None
) -> NDArray[np.float32]:
    belief = (1.0 / (1.0 + np.exp(-np.clip(crop, -SURE, SURE)))).astype(np.float32)
    trust = (_TRUST * (_DOUBTED + (2.0 * belief - 1.0) ** 2)).astype(np.float32)
    for voxels, value in ((seeds.clicked_in, 1.0), (seeds.clicked_out, 0.0)):
        at = _local(balls(features, features.lattice.cells(voxels), last), box)
        belief[at], trust[at] = value, _FIXED
    for voxels, value in ((seeds.include, 1.0), (seeds.exclude, 0.0)):  # a prompt is stronger than another one's ball
        at = _local(features.lattice.cells(voxels), box)
        belief[at], trust[at] = value, _FIXED
    tone, steps = features.cells[box.slices], features.lattice.steps
    p = settle(tone, belief, trust, _HALF * features.graph.noise, steps, _ROUNDS)
    p = np.clip(p, 1e-3, 1.0 - 1e-3)
    return np.log(p / (1.0 - p)).astype(np.float32)


def balls(features: Features, cells: Indices, last: Prior | None) -> Indices:
    """The cells that clicks speak for: a ball around each, which ends before the last answer's border.

    A correction lies about as far from that border as what was wrong is wide. With two cells whatever the border, a
    click into a rim of one cell undid as much as it mended (`training/REPORT.md`).
    """
    steps = np.array(features.lattice.steps)
    widest = _BALL if last is None else _BALL_INSIDE
    reach = int(widest)
    offsets = np.mgrid[-reach : reach + 1, -reach : reach + 1, -reach : reach + 1].reshape(3, -1).T
    away = np.linalg.norm(offsets * steps, axis=1)
    near = away <= widest * steps.min() + 1e-6
    if len(cells) * int(near.sum()) > _MOST_IN_BALLS:
        return cells
    around = np.asarray(cells[:, None] + offsets[near][None])
    if last is None:
        return around.reshape(-1, 3)
    return np.asarray(around[away[near] < _to_border(features, around, away[near], last)[:, None]])


def _to_border(features: Features, around: Indices, away: Floats, last: Prior) -> Floats:
    """(n,) millimetres from each click to the nearest cell (n, m, 3) around it on the other side of the last answer.

    Args:
        away: (m,) millimetres of these cells from their click, which is the one at 0.
    """
    region, logits = last.on(features.lattice)
    seen = ((around >= np.array(region.start)) & (around < np.array(region.stop))).all(axis=2)
    inside = np.zeros(seen.shape, dtype=bool)
    inside[seen] = logits[tuple((around[seen] - np.array(region.start)).T)] > 0
    other = inside != inside[:, [int(np.argmin(away))]]
    return np.asarray(np.where(other, away, np.inf).min(axis=1))


def _cut(logits: NDArray[np.float32], region: Region, seeds: Seeds) -> None:
    """Nothing outside the bounds, nor beside a flat box on its own slice."""
    outside = np.ones(logits.shape, dtype=bool)
    inner = seeds.bounds.intersection(region)
    if inner.size:
        outside[inner.within(region).slices] = False
    for box in seeds.boxes:
        flat = [a for a, n in enumerate(box.shape) if n == 1]
        if len(flat) == 1 and region.start[flat[0]] <= box.start[flat[0]] < region.stop[flat[0]]:
            plane = np.moveaxis(outside, flat[0], 0)[box.start[flat[0]] - region.start[flat[0]]]
            kept = plane.copy()
            plane[...] = True
            inner = box.intersection(region)
            if inner.size:
                here = tuple(s for a, s in enumerate(inner.within(region).slices) if a != flat[0])
                plane[here] = kept[here]
    logits[outside] = np.minimum(logits[outside], -SURE)


def _box(indices: Indices) -> Region:
    return Region(_index(indices.min(axis=0)), _index(indices.max(axis=0) + 1))


def _local(indices: Indices, region: Region) -> tuple[NDArray[np.int64], ...]:
    """For indexing a crop: those of the voxels or cells that lie in it."""
    inside = ((indices >= np.array(region.start)) & (indices < np.array(region.stop))).all(axis=1)
    return tuple((indices[inside] - np.array(region.start)).T)


def _index(values: NDArray[np.int64]) -> Index:
    k, j, i = (int(v) for v in values)
    return k, j, i
