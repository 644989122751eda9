"""`Answer`: logits in one cube; several sizes are looked at, and the one that the others agree with is taken.

What a click means depends on the size that one looks at: a vessel, the organ that it feeds, the body. So the decoder is
asked at several sizes around the first click, all of them encoded once, and at the size that fits the last answer.
"""

from __future__ import annotations

from dataclasses import dataclass

import cc3d
import numpy as np
from numpy.typing import NDArray

from app.engine.protocol import Prior
from app.engine.trial import maps, zoom
from app.engine.trial.cube import Array, Cube
from app.engine.trial.drawing import draw, drawn_region
from app.engine.trial.features import Features
from app.engine.trial.logits import overlap, support
from app.geometry import Index, Region
from app.prompts import Box, Point, Prompt, Scribble, SliceMask

_TOUCHES = 0.04  # of its own size on the cube's faces: the object goes on beyond
_WIDENINGS = 2
_MARGIN = 3.0  # cube voxels that a prompt keeps from the border
_NEARBY = 2.1  # times larger or smaller: sizes that are looked at beside the last one
_PART = 0.25  # of the clicked part's size: what else belongs to the object when the cube is fitted to it
_SPECK = 0.03  # of the clicked part's size: less is noise of the network
_DROPPED = -1.0  # logit of a speck: unlikely, and it may come back with the next click
_CLOSER = 0.9  # of what the answer was worth a closer look has to be
_SAME = 0.5  # agreement above which a closer look saw the same object


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """Logits (side, side, side) in a cube, and the Dice that the network expects of them."""

    cube: Cube
    logits: Array
    quality: float


@dataclass(frozen=True, slots=True, eq=False)
class Question:
    """What is asked of every cube.

    Args:
        prior: The last answer, None for the first.
    """

    features: Features
    prompts: tuple[Prompt, ...]
    prior: Prior | None = None

    def ask(self, cube: Cube) -> Answer:
        """One pass of the decoder."""
        drawn = draw(self.prompts, cube)
        if self.prior is not None:
            drawn[maps.LAST] = read(self.prior, cube)
        return Answer(cube, *self.features.decode(cube, drawn))

    def again(self, answer: Answer, cube: Cube) -> Answer:
        """A further pass, of another cube, with an answer as the last one."""
        drawn = draw(self.prompts, cube)
        drawn[maps.LAST] = between(answer, cube)
        return Answer(cube, *self.features.decode(cube, drawn))

    @property
    def included(self) -> list[Index]:
        """Voxels of include points and scribbles, oldest first."""
        return _included(self.prompts)


def answer(question: Question) -> Answer:
    """The best answer to the prompts, at least one of which tells where the object is."""
    box = told_box(question.prompts)
    if box is not None:
        return widened(question, question.ask(zoom.fitted(question.features, box)))
    answers = [question.ask(cube) for cube in cubes(question)]
    return without_specks(question, closer(question, best(question, answers)))


def cubes(question: Question) -> list[Cube]:
    """Sizes around the first click; after an answer those near its own, and the cube that fits it."""
    features, points = question.features, question.included
    sizes = [cube for cube in zoom.levels(features, points[0]) if all(cube.holds(p, _MARGIN) for p in points)]
    last = _prior_box(question.prior) if question.prior is not None else None
    if last is not None:
        fitting = zoom.fitted(features, _around(points, last))
        near = (c for c in sizes if fitting.step / _NEARBY < c.step < fitting.step * _NEARBY and c.step != fitting.step)
        return [fitting, *near]
    return sizes or [zoom.fitted(features, _around(points))]


def best(question: Question, answers: list[Answer]) -> Answer:
    """The one that the others agree with most, that expects most of itself, is not cut off and does what was said."""
    values = []
    for one in answers:
        others = [agreement(one, other) for other in answers if other is not one]
        if question.prior is not None:
            others.append(remembered(question.prior, one))
        values.append(support(others) * worth(question, one))
    return answers[int(np.argmax(values))]


def remembered(prior: Prior, one: Answer) -> float:
    """Dice of an answer and the last one, in its cube."""
    return overlap(one.logits, read(prior, one.cube))


def closer(question: Question, seen: Answer) -> Answer:
    """The same object through the cube that fits it, where that shows it larger; wider, where it was cut off."""
    box = object_box(question, seen)
    if box is None:
        return seen
    cube = zoom.fitted(question.features, _around(question.included, box))
    if cube.step < seen.cube.step * 0.8:
        fine = question.again(seen, cube)
        same = agreement(seen, fine) > _SAME
        return fine if same and worth(question, fine) > _CLOSER * worth(question, seen) else seen
    return widened(question, seen)


def widened(question: Question, seen: Answer) -> Answer:
    """Step back while the object goes on beyond the cube."""
    for _ in range(_WIDENINGS):
        box = object_box(question, seen)
        if box is None or zoom.touching(seen.cube, seen.logits, question.features.shape) < _TOUCHES:
            break
        cube = zoom.wider(question.features, seen.cube, _around(question.included, box))
        wide = question.again(seen, cube)
        if worth(question, wide) < worth(question, seen):
            break
        seen = wide
    return seen


def worth(question: Question, one: Answer) -> float:
    """The Dice that the network expects, less what is cut off at the cube's faces, by the clicks that are obeyed."""
    cut = min(1.0, zoom.touching(one.cube, one.logits, question.features.shape))
    return one.quality * (1 - cut / 2) * obeyed(question, one)


def agreement(a: Answer, b: Answer) -> float:
    """Dice of two answers in the smaller one's cube."""
    small, large = (a, b) if a.cube.step <= b.cube.step else (b, a)
    return overlap(small.logits, between(large, small.cube))


def obeyed(question: Question, one: Answer) -> float:
    """Share of the points that the logits agree with by themselves, at least a fifth."""
    right = total = 0
    for prompt in question.prompts:
        if isinstance(prompt, Point | Scribble):
            listed = [prompt.index] if isinstance(prompt, Point) else list(prompt.indices)
            for voxel in one.cube.voxels(np.array(listed, np.int64)):
                right += bool((one.logits[voxel] > 0) == prompt.positive)
            total += len(listed)
    return max(0.2, right / total) if total else 1.0


def object_box(question: Question, seen: Answer) -> zoom.Box | None:
    """Where the clicked object lies: the parts that hold a click, and others of about their size."""
    return zoom.mask_box(seen.cube, np.where(_parts(question, seen, _PART), np.float32(1), np.float32(-1)))


def without_specks(question: Question, seen: Answer) -> Answer:
    """The answer without parts that are tiny beside the clicked one and hold no click."""
    stray = (seen.logits > 0) & ~_parts(question, seen, _SPECK)
    return Answer(seen.cube, np.where(stray, np.float32(_DROPPED), seen.logits), seen.quality)


def _parts(question: Question, seen: Answer, share: float) -> NDArray[np.bool_]:
    """The connected parts that hold a click, and those with at least `share` of the voxels of the largest of them."""
    parts = cc3d.connected_components(seen.logits > 0, connectivity=26)
    sizes = np.bincount(parts.ravel())
    sizes[0] = 0
    clicked = {int(parts[voxel]) for voxel in seen.cube.voxels(np.array(question.included, np.int64))} - {0}
    main = max((sizes[part] for part in clicked), default=sizes.max())
    taken = sizes >= max(1, main * share)
    taken[list(clicked)] = True
    return np.asarray(taken[parts])


def told_box(prompts: tuple[Prompt, ...]) -> zoom.Box | None:
    """What boxes and masks on slices say of the object's place, along with the points."""
    boxes: list[zoom.Box | None] = []
    for prompt in prompts:
        region = drawn_region(prompt) if isinstance(prompt, SliceMask) else prompt.region()
        if isinstance(prompt, Box | SliceMask) and region.size:
            boxes.append((np.array(region.start, float), np.array(region.stop, float) - 1))
    return zoom.around(_included(prompts), *boxes) if boxes else None


def read(prior: Prior, cube: Cube) -> Array:
    """A prior's answer as the network takes it, 2p - 1, in a cube; surely outside beyond the prior's region."""
    edge = prior.region.grown(1, (2**31,) * 3)
    values = np.full(edge.shape, -1, np.float32)
    values[prior.region.within(edge).slices] = np.tanh(prior.logits / 2)
    return cube.reads(values, edge)


def between(seen: Answer, target: Cube) -> Array:
    """An answer as 2p - 1 in another cube; 0, nothing known, where it did not look."""
    return seen.cube.to(target, np.tanh(seen.logits / 2))


def _prior_box(prior: Prior) -> zoom.Box | None:
    mask: NDArray[np.bool_] = prior.logits > 0
    inner = Region.around(mask)
    if inner is None:
        return None
    placed = inner.placed(prior.region.start)
    return np.array(placed.start, float), np.array(placed.stop, float) - 1


def _around(points: list[Index], *boxes: zoom.Box) -> zoom.Box:
    found = zoom.around(points, *boxes)
    assert found is not None
    return found


def _included(prompts: tuple[Prompt, ...]) -> list[Index]:
    return [
        index
        for prompt in prompts
        if isinstance(prompt, Point | Scribble) and prompt.positive
        for index in ([prompt.index] if isinstance(prompt, Point) else prompt.indices)
    ]
