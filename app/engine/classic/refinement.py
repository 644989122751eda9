"""From pieces to voxels: the border follows the image's own edges, and prompts hold on their very voxels."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from app.engine.classic.features import Features
from app.engine.classic.seeds import Seeds
from app.engine.protocol import Prediction, Prior
from app.geometry import Index, Region

_SURE = 8.0


def refine(features: Features, seeds: Seeds, pieces: NDArray[np.float32], prior: Prior | None) -> Prediction:
    """Logits on the voxels around the object."""
    cells = pieces[features.pieces.labels]
    box = Region.around(cells > 0)
    box = box.grown(2, features.lattice.shape) if box else Region((0, 0, 0), (1, 1, 1))
    region = features.lattice.voxels(box)
    region = _with_includes(region, seeds)
    crop = _upsampled(cells, features, region)
    _bind(crop, region, seeds)
    return Prediction(region, crop)


def _upsampled(cells: NDArray[np.float32], features: Features, region: Region) -> NDArray[np.float32]:
    lines = [np.arange(a, b) // f for a, b, f in zip(region.start, region.stop, features.lattice.factors, strict=True)]
    return np.ascontiguousarray(cells[np.ix_(*lines)])


def _with_includes(region: Region, seeds: Seeds) -> Region:
    if len(seeds.include):
        low, high = seeds.include.min(axis=0).tolist(), (seeds.include.max(axis=0) + 1).tolist()
        region = region.union(Region((low[0], low[1], low[2]), (high[0], high[1], high[2])))
    return region


def _bind(crop: NDArray[np.float32], region: Region, seeds: Seeds) -> None:
    """Write what is known into logits on `region`."""
    if seeds.boxed:
        outside = np.ones(crop.shape, dtype=bool)
        outside[seeds.bounds.intersection(region).within(region).slices] = False
        crop[outside] = np.minimum(crop[outside], -_SURE)
    for voxels, value in ((seeds.exclude, -_SURE), (seeds.include, _SURE)):
        local = voxels - np.array(region.start)
        inside = ((local >= 0) & (local < np.array(_shape(crop)))).all(axis=1)
        crop[tuple(local[inside].T)] = value


def _shape(crop: NDArray[np.float32]) -> Index:
    k, j, i = crop.shape
    return k, j, i
