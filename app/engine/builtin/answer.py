"""`Answer`: logits in one cube; the first from prompts alone, the next from the last one and the prompts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from app.engine.builtin import maps, zoom
from app.engine.builtin.cube import Array, Cube
from app.engine.builtin.drawing import draw, drawn_region
from app.engine.builtin.features import Features
from app.engine.protocol import Prior
from app.geometry import Index, Region
from app.prompts import Box, Point, Prompt, Scribble, SliceMask

_TOUCHES = 0.04  # of its own size on the cube's faces: the object goes on beyond
_WIDENINGS = 2
_MARGIN = 3.0  # cube voxels that a prompt keeps from the border


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """Logits (side, side, side) in a cube, and the Dice that the network expects of them."""

    cube: Cube
    logits: Array
    quality: float


def first_answer(features: Features, prompts: tuple[Prompt, ...]) -> Answer:
    """Look at several sizes, take the one whose answer fits best, and look again as close as the object allows."""
    box = told_box(prompts)
    if box is not None:
        return _looked(features, prompts, [zoom.fitted(features, box)])
    points = _indices(prompts, positive=True)
    spread = zoom.around(points)
    assert spread is not None
    wanted = [cube for cube in zoom.levels(features, points[-1]) if all(cube.holds(p, _MARGIN) for p in points)]
    answers = [ask(features, cube, draw(prompts, cube)) for cube in wanted or [zoom.fitted(features, spread)]]
    best = max(answers, key=lambda answer: score(features, answer))
    return closer(features, prompts, best)


def next_answer(features: Features, prompts: tuple[Prompt, ...], prior: Prior) -> Answer:
    """The last answer goes in as a map; the cube is that of the last mask and the prompts."""
    inner = Region.around(prior.logits > 0)
    assert inner is not None
    mask_box = (
        np.add(inner.start, prior.region.start).astype(float),
        np.add(inner.stop, prior.region.start).astype(float) - 1,
    )
    box = zoom.around(_indices(prompts, positive=True), mask_box, told_box(prompts))
    assert box is not None
    cube = zoom.fitted(features, box)
    return _widened(features, prompts, Answer(cube, *_decoded(features, prompts, cube, read(prior, cube))))


def closer(features: Features, prompts: tuple[Prompt, ...], answer: Answer) -> Answer:
    """The same object through the cube that fits it, unless that is the one it was seen through."""
    box = zoom.around(_indices(prompts, positive=True), zoom.mask_box(answer.cube, answer.logits))
    if box is None:
        return answer
    cube = zoom.fitted(features, box)
    if cube == answer.cube:
        return answer
    again = Answer(cube, *_decoded(features, prompts, cube, _carried(answer, cube)))
    return _widened(features, prompts, again)


def ask(features: Features, cube: Cube, drawn: Array) -> Answer:
    """One pass of the decoder."""
    logits, quality = features.decode(cube, drawn)
    return Answer(cube, logits, quality)


def score(features: Features, answer: Answer) -> float:
    """How much an answer looks like a whole object seen at the right size: expected Dice, less what is cut off."""
    share = np.count_nonzero(answer.logits > 0) / answer.logits.size
    if not share:
        return 0.0
    touching = zoom.touching(answer.cube, answer.logits, features.shape)
    extent = share ** (1 / 3)
    return float(answer.quality * (1 - min(1.0, touching)) * min(1.0, extent / 0.12))


def told_box(prompts: tuple[Prompt, ...]) -> zoom.Box | None:
    """What boxes and masks on slices say of the object's place, along with the points."""
    boxes: list[zoom.Box | None] = []
    for prompt in prompts:
        region = prompt.region()
        if isinstance(prompt, SliceMask):
            region = drawn_region(prompt)
        if isinstance(prompt, Box | SliceMask) and region.size:
            boxes.append((np.array(region.start, float), np.array(region.stop, float) - 1))
    return zoom.around(_indices(prompts, positive=True), *boxes) if boxes else None


def read(prior: Prior, cube: Cube) -> Array:
    """A prior's answer as the network takes it, 2p - 1, in a cube; surely outside beyond the prior's region."""
    edge = Region(prior.region.start, prior.region.stop).grown(1, (2**31,) * 3)
    values = np.full(edge.shape, -1, np.float32)
    values[prior.region.within(edge).slices] = np.tanh(prior.logits / 2)
    return cube.reads(values, edge)


def _looked(features: Features, prompts: tuple[Prompt, ...], cubes: list[Cube]) -> Answer:
    answer = ask(features, cubes[0], draw(prompts, cubes[0]))
    return _widened(features, prompts, answer)


def _widened(features: Features, prompts: tuple[Prompt, ...], answer: Answer) -> Answer:
    """Step back while the object goes on beyond the cube."""
    for _ in range(_WIDENINGS):
        if zoom.touching(answer.cube, answer.logits, features.shape) < _TOUCHES:
            break
        box = zoom.around(_indices(prompts, positive=True), zoom.mask_box(answer.cube, answer.logits))
        assert box is not None
        cube = zoom.wider(features, answer.cube, box)
        answer = Answer(cube, *_decoded(features, prompts, cube, _carried(answer, cube)))
    return answer


def _decoded(features: Features, prompts: tuple[Prompt, ...], cube: Cube, last: Array) -> tuple[Array, float]:
    drawn = draw(prompts, cube)
    drawn[maps.LAST] = last
    return features.decode(cube, drawn)


def _carried(answer: Answer, cube: Cube) -> Array:
    """An answer in another cube; nothing is known (0) where the first did not look."""
    return _between(answer.cube, np.tanh(answer.logits / 2), cube)


def _between(source: Cube, values: Array, target: Cube) -> Array:
    from app.engine.builtin.cube import averaged

    weights, seen = [], []
    for axis in range(3):
        offset = (np.arange(target.side) - (target.side - 1) / 2) / target.ratio[axis] + target.centre[axis]
        at = (offset - source.centre[axis]) * source.ratio[axis] + (source.side - 1) / 2
        seen.append((at > -1) & (at < source.side))
        weights.append(averaged(at, target.step / source.step, source.side))
    for axis in range(3):
        values = np.moveaxis(np.tensordot(weights[axis], values, (1, axis)), 0, axis)
    inside = seen[0][:, None, None] & seen[1][:, None] & seen[2]
    return np.where(inside, values, 0).astype(np.float32)


def _indices(prompts: tuple[Prompt, ...], positive: bool) -> list[Index]:
    found: list[Index] = []
    for prompt in prompts:
        if isinstance(prompt, Point) and prompt.positive == positive:
            found.append(prompt.index)
        elif isinstance(prompt, Scribble) and prompt.positive == positive:
            found += prompt.indices
    return found
