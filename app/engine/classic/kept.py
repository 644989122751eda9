"""Prompts on top of a mask that they alone do not explain (painted, propagated): it stays, save where they object."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from app.engine.classic.features import Features
from app.engine.classic.graph import distances
from app.engine.classic.refinement import bound
from app.engine.classic.seeds import Indices, Seeds
from app.engine.protocol import Prediction, Prior
from app.geometry import EMPTY_REGION, Index, Region

_WINDOW = 24  # cells to every side of a prompt in which the nearest border is looked for
_REACH = 2.0  # times a prompt's distance from the border: how far around it the mask may change
_STEEPNESS = 6.0

Mask = NDArray[np.bool_]


def keep(features: Features, seeds: Seeds, prior: Prior) -> Prediction:
    """The prior's mask, changed near the prompts that contradict it; all prompts hold on their voxels."""
    inner = Region.around(prior.logits > 0)
    region = _moved(inner, prior.region.start) if inner else EMPTY_REGION
    logits = np.array(prior.logits[inner.slices] if inner else np.zeros((0, 0, 0)), dtype=np.float32)
    missed, wrong = _contradicted(seeds.include, prior, inside=False), _contradicted(seeds.exclude, prior, inside=True)
    if not len(missed) and not len(wrong):
        return bound(features, seeds, region, logits)
    cells, sampled = prior.on(features.lattice)
    mask = np.zeros(features.lattice.shape, dtype=bool)
    mask[cells.slices] = sampled > 0
    near, change = _changed(features, seeds, mask, missed, wrong)
    return bound(features, seeds, *_merged(features, region, logits, near, change))


def _changed(
    features: Features, seeds: Seeds, mask: Mask, missed: Indices, wrong: Indices
) -> tuple[Mask, NDArray[np.float32]]:
    """Pieces (n,) that may change, and new logits (n,) from a race between prompts and the mask beyond them."""
    pieces, lattice = features.pieces, features.lattice
    share = np.bincount(pieces.labels[mask], minlength=pieces.count) / pieces.size
    near = np.zeros(pieces.count, dtype=bool)
    for cell in lattice.cells(np.concatenate([missed, wrong])):
        radius = _REACH * _depth(mask, cell, lattice.steps) + 2.0 * max(lattice.steps)
        near |= np.linalg.norm(pieces.centre - cell * np.array(lattice.steps), axis=1) <= radius
    own_include = pieces.labels[tuple(lattice.cells(seeds.include).T)]
    own_exclude = pieces.labels[tuple(lattice.cells(seeds.exclude).T)]
    includes = np.setdiff1d(np.concatenate([np.flatnonzero(~near & (share > 0.5)), own_include]), own_exclude)
    excludes = np.setdiff1d(np.concatenate([np.flatnonzero(~near & (share <= 0.5)), own_exclude]), own_include)
    to, away = (distances(features.graph.lengths, nodes.astype(np.int64)) for nodes in (includes, excludes))
    with np.errstate(invalid="ignore"):
        race = _STEEPNESS * (away - to) / np.maximum(away + to, 1e-6)
    race = np.where(np.isfinite(race), race, np.where(np.isfinite(to), _STEEPNESS, -_STEEPNESS))
    return near, race.astype(np.float32)


def _merged(
    features: Features, region: Region, logits: NDArray[np.float32], near: Mask, change: NDArray[np.float32]
) -> tuple[Region, NDArray[np.float32]]:
    """The kept logits with those of changed pieces written over."""
    lattice = features.lattice
    cells = near[features.pieces.labels]
    box = Region.around(cells)
    if box is None:
        return region, logits
    touched = lattice.voxels(box)
    whole = region.union(touched)
    merged = np.full(whole.shape, -_STEEPNESS, dtype=np.float32)
    if region.size:
        merged[region.within(whole).slices] = logits
    fresh = lattice.spread(np.take(change, features.pieces.labels[box.slices]), box, touched)
    may = lattice.spread(cells[box.slices].astype(np.float32), box, touched) > 0
    view = merged[touched.within(whole).slices]
    view[may] = fresh[may]
    return whole, merged


def _depth(mask: Mask, cell: NDArray[np.int64], steps: tuple[float, float, float]) -> float:
    """Millimetres from a cell to the nearest cell of the other side, at most the window's half width."""
    start = np.maximum(cell - _WINDOW, 0)
    window = mask[tuple(slice(int(a), int(c) + _WINDOW + 1) for a, c in zip(start, cell, strict=True))]
    at = tuple(int(x) for x in cell - start)
    same: Mask = np.asarray(window == window[at], dtype=bool)
    if same.all():
        return _WINDOW * min(steps)
    return float(np.asarray(ndimage.distance_transform_edt(same, sampling=steps))[at])


def _contradicted(indices: Indices, prior: Prior, inside: bool) -> Indices:
    """Those of the voxels that the prior has on that side."""
    if not len(indices):
        return indices
    low, high = np.array(prior.region.start), np.array(prior.region.stop)
    within = np.asarray(((indices >= low) & (indices < high)).all(axis=1))
    local = np.where(within[:, None], indices - low, 0)
    held = np.asarray(prior.logits[tuple(local.T)] > 0) if prior.logits.size else np.zeros(len(indices), bool)
    value = np.asarray(within & held)
    return np.asarray(indices[value == inside], dtype=np.int64)


def _moved(region: Region, by: Index) -> Region:
    start, stop = np.add(region.start, by).tolist(), np.add(region.stop, by).tolist()
    return Region((start[0], start[1], start[2]), (stop[0], stop[1], stop[2]))
