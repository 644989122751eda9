"""Both networks at one click: the cube sees the whole object, the slice that was clicked is sharper.

The clicked slice's answer is shown to the network for cubes as a known slice, and carried from there through what that
network answers; the mean of both logits is the answer. Where the two speak of different objects, an organ and the
vessel in it, and around very large ones, the answer of the network for cubes stands.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from app.engine.protocol import Logits, Prediction, Prior
from app.engine.trial.features import Features
from app.engine.trial.logits import overlap
from app.engine.trial.slices.answer import answer
from app.engine.trial.slices.planes import axis_of, by_slice, newest_slice
from app.engine.trial.slices.stack import Stack
from app.geometry import Region
from app.prompts import Prompt, SliceMask

_CLIPPED = 6.0  # logits beyond are sure, and equally so from both
_SAME = 0.5  # overlap above which both speak of one object: of two different ones the mean is neither
_MOST = 4_000_000  # voxels; around more the slices take a second a click, with pixels as coarse as the cube's
_ROOM = 0.3  # of an answer's extent around it: the slices may know of more


def with_plane(features: Features, prompts: tuple[Prompt, ...], prior: Prior | None) -> tuple[Prompt, ...]:
    """The prompts, and before them the outline on the newest prompt's slice as the network for slices sees it."""
    if prior is None or isinstance(prompts[-1], SliceMask):
        return prompts
    axis = axis_of(prompts, features.spacing)
    index = newest_slice(prompts, axis)
    plane = Region.plane(features.shape, axis, index)
    last = np.full(plane.shape, -_CLIPPED, np.float32)
    both = plane.intersection(prior.region)
    if both.size:
        last[both.within(plane).slices] = prior.logits[both.within(prior.region).slices]
    flat = np.take(last, 0, axis)
    told = by_slice(prompts, axis, index)[index]
    asked = answer(features.views(axis), index, told, flat if (flat > 0).any() else None)
    if asked is None or overlap(asked.logits, flat) <= _SAME:
        return prompts
    return (SliceMask(axis, index, asked.logits > 0), *prompts)


def joined(features: Features, prompts: tuple[Prompt, ...], seen: Prediction) -> Prediction:
    """The mean of an answer of the network for cubes and of what slices make of it."""
    axis = axis_of(prompts, features.spacing)
    region = _around(features, prompts, seen)
    if region.size > _MOST:
        return seen
    wide = np.full(region.shape, -_CLIPPED, np.float32)
    wide[seen.region.within(region).slices] = np.clip(seen.logits, -_CLIPPED, _CLIPPED)
    carried = np.full_like(wide, -_CLIPPED)
    turned = np.moveaxis(carried, axis, 0)
    for index, logits in _stack(features, prompts, axis, region, wide).solve().items():
        turned[index] = np.clip(logits, -_CLIPPED, _CLIPPED)
    if overlap(wide, carried) <= _SAME:
        return seen
    return Prediction(region, np.asarray((wide + carried) / 2, dtype=np.float32))


def _stack(features: Features, prompts: tuple[Prompt, ...], axis: int, region: Region, wide: Logits) -> Stack:
    """The slices of a region, with an answer as the last one."""
    newest = newest_slice(prompts, axis)
    told = {
        index - region.start[axis]: plane.moved(_flat(region.start, axis), _flat(region.shape, axis))
        for index, plane in by_slice(prompts, axis, newest).items()
        if region.start[axis] <= index < region.stop[axis]
    }
    planes = np.moveaxis(wide, axis, 0)
    last = {index: plane for index, plane in enumerate(planes) if (plane > 0).any()}
    return Stack(features.views(axis, region), told, newest - region.start[axis], last)


def _around(features: Features, prompts: tuple[Prompt, ...], seen: Prediction) -> Region:
    """The answer's region and some room, with the newest prompt in it."""
    inner = seen.region.union(prompts[-1].region().intersection(Region.whole(features.shape)))
    k, j, i = (int(np.ceil(_ROOM * n)) + 2 for n in inner.shape)
    return inner.grown((k, j, i), features.shape)


def _flat(values: tuple[int, int, int], axis: int) -> NDArray[np.int64]:
    return np.delete(np.array(values), axis)
