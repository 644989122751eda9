"""What the prompts say holds on their own voxels, and a mask made otherwise stays away from them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from app.engine.protocol import Prediction, Prior
from app.engine.trial import maps, zoom
from app.engine.trial.answer import read
from app.engine.trial.cube import Cube
from app.engine.trial.drawing import draw, drawn_region
from app.engine.trial.features import Features
from app.geometry import EMPTY_REGION, Index, Region
from app.prompts import Box, Point, Prompt, Scribble, SliceMask

_SEARCHING = 2  # prompts that say which object is meant
_SAME = 0.5  # Dice
SURE = 6.0  # logit of what a prompt says of its own voxel
_REACH = 0.35  # of the cube's side: how far from a prompt a painted mask may change
_FADE = 0.2  # of the cube's side over which the change fades out


def bound(features: Features, prompts: tuple[Prompt, ...], prediction: Prediction) -> Prediction:
    """Points, scribbles and slice masks hold on their voxels, the newest where they differ; nothing beyond a box."""
    region = prediction.region
    needed = region
    for prompt in prompts:
        needed = needed.union(_included(prompt))
    logits = np.full(needed.shape, -SURE, np.float32)
    if region.size:
        logits[region.within(needed).slices] = prediction.logits
    _cut_to_boxes(features.shape, prompts, needed, logits)
    for prompt in prompts:
        _hold(prompt, needed, logits)
    return Prediction(needed, logits)


def kept(features: Features, prompts: tuple[Prompt, ...], prior: Prior) -> Prediction:
    """A painted or propagated mask, changed by the network around the prompts that contradict it."""
    logits, region = prior.logits.copy(), prior.region
    for prompt in prompts:
        if isinstance(prompt, Point | Scribble) and _contradicted(prompt, region, logits):
            region, logits = _changed(features, prompts, prompt, region, logits)
    return Prediction(region, logits)


def steady(features: Features, prompts: tuple[Prompt, ...], prior: Prior | None, new: Prediction) -> Prediction:
    """The new answer; or, where that is another object altogether, the last one changed around what contradicts it.

    The first prompts may still change the network's mind about what is meant; from then on a prompt corrects.
    """
    if prior is None or len(prompts) <= _SEARCHING or _same(prior, new):
        return new
    return bound(features, prompts, kept(features, prompts, prior))


def _same(prior: Prior, new: Prediction) -> bool:
    shared = prior.region.intersection(new.region)
    if not shared.size:
        return False
    both = (prior.logits[shared.within(prior.region).slices] > 0) & (new.logits[shared.within(new.region).slices] > 0)
    total = int((prior.logits > 0).sum()) + int((new.logits > 0).sum())
    return 2 * int(both.sum()) > _SAME * total


def _changed(
    features: Features,
    prompts: tuple[Prompt, ...],
    prompt: Point | Scribble,
    region: Region,
    logits: NDArray[np.float32],
) -> tuple[Region, NDArray[np.float32]]:
    own = prompt.region()
    middle = (np.array(own.start, float) + own.stop - 1) / 2
    inner = Region.around(logits > 0)
    extent = max(inner.shape) * min(features.spacing) if inner else features.runtime.side * min(features.spacing)
    extent = max(extent * 0.5, float((np.array(own.shape) * features.spacing).max()))
    cube = zoom.cube_at(features, middle, extent / (zoom.FILL * features.runtime.side))
    drawn = draw(prompts, cube)
    drawn[maps.LAST] = read(Prior(region, logits), cube)
    answer, _ = features.decode(cube, drawn)
    touched = cube.region(features.shape)
    whole = region.union(touched)
    merged = np.full(whole.shape, -SURE, np.float32)
    merged[region.within(whole).slices] = logits
    view = merged[touched.within(whole).slices]
    weight = _nearness(cube, touched, middle)
    view += weight * (cube.placed(answer, touched) - view)
    return whole, merged


def _nearness(cube: Cube, region: Region, middle: NDArray[np.float64]) -> NDArray[np.float32]:
    """1 near the prompt, 0 from some way on, by the distance in shares of the cube's side."""
    squares = [
        ((np.arange(region.start[a], region.stop[a]) - middle[a]) * cube.ratio[a] / cube.side) ** 2 for a in range(3)
    ]
    distance = np.sqrt(squares[0][:, None, None] + squares[1][:, None] + squares[2])
    return np.asarray(np.clip((_REACH - distance) / _FADE, 0, 1), dtype=np.float32)


def _contradicted(prompt: Point | Scribble, region: Region, logits: NDArray[np.float32]) -> bool:
    indices = [prompt.index] if isinstance(prompt, Point) else prompt.indices
    values = [bool(logits[_local(index, region)] > 0) if region.contains(index) else False for index in indices]
    return any(value != prompt.positive for value in values)


def _cut_to_boxes(shape: Index, prompts: tuple[Prompt, ...], region: Region, logits: NDArray[np.float32]) -> None:
    """A box with an extent along every axis is the object's limit; a flat one is only that of its own slice."""
    allowed = EMPTY_REGION
    for prompt in prompts:
        if isinstance(prompt, Box):
            box = prompt.region()
            flat = [axis for axis in range(3) if box.shape[axis] == 1 and shape[axis] > 1]
            start = [0 if axis in flat else box.start[axis] for axis in range(3)]
            stop = [shape[axis] if axis in flat else box.stop[axis] for axis in range(3)]
            allowed = allowed.union(Region((start[0], start[1], start[2]), (stop[0], stop[1], stop[2])))
    if allowed.size:
        outside = np.ones(logits.shape, bool)
        outside[allowed.intersection(region).within(region).slices] = False
        np.minimum(logits, -SURE, out=logits, where=outside)


def _hold(prompt: Prompt, region: Region, logits: NDArray[np.float32]) -> None:
    if isinstance(prompt, SliceMask):
        own = prompt.region().intersection(region)
        if own.size:
            mask = np.expand_dims(prompt.mask, prompt.axis)[own.within(prompt.region()).slices]
            logits[own.within(region).slices] = np.where(mask, SURE, -SURE)
    elif isinstance(prompt, Point | Scribble):
        for index in [prompt.index] if isinstance(prompt, Point) else prompt.indices:
            if region.contains(index):
                logits[_local(index, region)] = SURE if prompt.positive else -SURE


def _included(prompt: Prompt) -> Region:
    """The box around the voxels that a prompt puts into the object."""
    if isinstance(prompt, SliceMask):
        return drawn_region(prompt)
    return prompt.region() if isinstance(prompt, Point | Scribble) and prompt.positive else EMPTY_REGION


def _local(index: Index, region: Region) -> tuple[int, int, int]:
    k, j, i = (a - b for a, b in zip(index, region.start, strict=True))
    return k, j, i
