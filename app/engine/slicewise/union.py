"""`united`: logits of single slices as one prediction on the box that holds them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from app.engine.protocol import Logits, Prediction, Prior
from app.engine.slicewise.originals import NEAR
from app.geometry import EMPTY_REGION, Index, Region

ABSENT = -8.0  # logit where no slice was asked: as sure as the networks are of background


def united(slices: Mapping[tuple[int, int], Logits], shape: Index, prior: Prior | None) -> Prediction:
    """The union of slices; where two cross, the higher logit holds.

    Args:
        slices: (axis, index) -> 2D logits of the whole slice, in array order; at least one.
        shape: Of the grid.
        prior: Holds on the voxels of the box that lie on none of the slices: a seed's mask, or the slices of the answer
            before that are not asked again.
    """
    planes = {place: Region.plane(shape, *place) for place in slices}
    region = _box(slices, planes, whole=len(slices) == 1 or (prior is not None and prior.seed))
    if prior is not None and not prior.seed:
        region = region.union(prior.region)
    canvas = np.full(region.shape, ABSENT, np.float32)
    if prior is not None:
        both = prior.region.intersection(region)
        canvas[both.within(region).slices] = prior.logits[both.within(prior.region).slices]
    for plane in planes.values():
        canvas[plane.intersection(region).within(region).slices] = -np.inf
    for (axis, index), logits in slices.items():
        inside = planes[axis, index].intersection(region)
        part = np.expand_dims(logits, axis)[inside.within(planes[axis, index]).slices]
        view = canvas[inside.within(region).slices]
        np.maximum(view, part, out=view)
    return Prediction(region, canvas)


def plane_of(prior: Prior | None, shape: Index, axis: int, index: int) -> Logits | None:
    """What a prior says of a slice, over the whole slice; None where it says nothing of it, or that it is empty."""
    if prior is None:
        return None
    logits = on_plane(prior, shape, axis, index)
    return logits if (logits > 0).any() else None


def on_plane(answer: Prediction | Prior, shape: Index, axis: int, index: int) -> Logits:
    """What an answer says of a slice, over the whole slice; `ABSENT` where it says nothing."""
    plane = Region.plane(shape, axis, index)
    logits, both = np.full(plane.shape, ABSENT, np.float32), answer.region.intersection(plane)
    if both.size:
        logits[both.within(plane).slices] = answer.logits[both.within(answer.region).slices]
    return np.ascontiguousarray(logits.squeeze(axis))


def _box(slices: Mapping[tuple[int, int], Logits], planes: Mapping[tuple[int, int], Region], whole: bool) -> Region:
    """Around the slices; of several only around their masks, so that slices far apart do not fill the memory."""
    region = EMPTY_REGION
    for (axis, index), logits in slices.items():
        plane = planes[axis, index]
        mask = Region.around(np.expand_dims(logits > 0, axis))
        if whole or mask is None:
            region = region.union(plane if whole else Region(plane.start, plane.start))
            continue
        near = mask.grown(NEAR, plane.shape)
        k, j, i = plane.start
        region = region.union(near.within(Region((-k, -j, -i), (0, 0, 0))))
    return region if region.size else next(iter(planes.values()))
