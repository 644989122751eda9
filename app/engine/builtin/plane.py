"""`Plane`: the slice on which all clicks lie, looked at alone, as a volume of one slice.

Who corrects on one slice again and again is at work on that slice. A piece of a volume holds five voxels and more, in a
large scan a hundred, and reaches over to other slices. What is seen on the slice alone and what the volume says there
are right as often, and their mean is right more often than either (`training/REPORT.md`).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce

import numpy as np
from numpy.typing import NDArray

from app.engine.builtin.features import BuiltinFeatures, SliceAlone, prepare_features
from app.engine.classic.refinement import SURE
from app.engine.protocol import Logits, Prediction, Prior, Token
from app.engine.slicewise.union import on_plane, plane_of
from app.geometry import Geometry, Index, Region
from app.prompts import Box, Point, Prompt, Scribble
from app.volume import Volume

_SEVERAL = 2  # prompts on one slice from which on it is looked at alone
_MOST = 12_000  # pieces: with them a further click on 512x512 pixels takes 0.15 s, with 44,000 0.18 on the same day
_KEPT = 8  # slices whose features are kept

CAP = 4.0
"""Logits that count at most of what is seen of a slice alone, and of what the volume says there."""


@dataclass(frozen=True, slots=True)
class Plane:
    """Slice `index` across array axis `axis`; alone it is a volume of the shape (1, rows, columns)."""

    axis: int
    index: int

    @classmethod
    def of(cls, prompts: tuple[Prompt, ...], geometry: Geometry) -> Plane | None:
        """The slice on which several clicks and strokes lie, the thicker one of two; None where there is no such one.

        Nor where the volume is that slice, or nothing is said to be inside.
        """
        clicks = [prompt for prompt in prompts if isinstance(prompt, Point | Scribble)]
        if len(clicks) < max(_SEVERAL, len(prompts)) or not any(click.positive for click in clicks):
            return None
        clicked = reduce(Region.union, (click.region() for click in clicks))
        views = {click.axis for click in clicks if isinstance(click, Point)} - {None}
        shared = [a for a in range(3) if clicked.shape[a] == 1 < geometry.shape[a] and views <= {a}]
        if not shared:
            return None
        axis = max(shared, key=lambda a: geometry.spacing[a])
        return cls(axis, clicked.start[axis])

    def alone(self, volume: Volume) -> Volume:
        """The slice as a volume, in millimetres of its own, as thick as its pixels are wide."""
        rows, columns = np.delete(volume.geometry.spacing, self.axis).tolist()
        pixels = np.take(volume.array, self.index, self.axis)[None]
        shape = (1, pixels.shape[1], pixels.shape[2])
        return Volume(pixels, Geometry(shape, np.diag([columns, rows, (rows * columns) ** 0.5, 1.0])))

    def flat(self, prompts: tuple[Prompt, ...]) -> tuple[Prompt, ...]:
        """Its clicks, strokes and boxes in voxels of the slice alone."""
        return tuple(self._flattened(prompt) for prompt in prompts)

    def prior(self, prior: Prior, shape: Index) -> Prior:
        """What an answer in a volume of that shape says of it."""
        logits = plane_of(prior, shape, self.axis, self.index)
        on_it = np.zeros((0, 0, 0), np.float32) if logits is None else logits[None]
        return Prior(Region((0, 0, 0), on_it.shape), on_it)

    def pixels(self, answer: Prediction | Prior, shape: Index) -> Logits:
        """What an answer in a volume of that shape says of each pixel (rows, columns) of this slice."""
        return on_plane(answer, shape, self.axis, self.index)

    def pixels_alone(self, alone: Prediction, shape: Index) -> Logits:
        """The same of an answer on this slice alone."""
        rows, columns = (n for axis, n in enumerate(shape) if axis != self.axis)
        logits = np.full((rows, columns), -SURE, np.float32)
        if alone.region.size:
            logits[alone.region.slices[1:]] = alone.logits[0]
        return logits

    def write(self, answer: Prediction, pixels: Logits) -> Prediction:
        """An answer with other logits (rows, columns) on this slice, which grows as far as these are inside.

        Where it need not grow they are written into the answer itself: a copy of a liver's takes 15 ms of a click.
        """
        whole = Region(self._back((0, 0, 0), 0), self._back((0, *pixels.shape), 1))
        flat = np.expand_dims(pixels, self.axis)
        inside = Region.around(flat > 0)
        region = answer.region if inside is None else answer.region.union(inside.placed(whole.start))
        logits = answer.logits
        if region != answer.region:
            logits = np.full(region.shape, -SURE, dtype=np.float32)
            logits[answer.region.within(region).slices] = answer.logits
        here = whole.intersection(region)
        if here.size:
            logits[here.within(region).slices] = flat[here.within(whole).slices]
        return Prediction(region, logits, answer.blocks)

    def _flattened(self, prompt: Prompt) -> Prompt:
        if isinstance(prompt, Point):
            return Point(self._out(prompt.index), prompt.positive, 0)
        if isinstance(prompt, Scribble):
            return Scribble(tuple(map(self._out, prompt.indices)), prompt.positive)
        if isinstance(prompt, Box):
            return Box(self._out(prompt.start), self._out(prompt.stop))
        raise TypeError("a mask is not looked at alone")

    def _out(self, index: Index) -> Index:
        """The place of a voxel on the slice alone."""
        j, i = (x for axis, x in enumerate(index) if axis != self.axis)
        return 0, j, i

    def _back(self, flat: Index, more: int) -> Index:
        """The voxel of a place on the slice alone, `more` slices on."""
        k, j, i = np.insert(np.array(flat[1:]), self.axis, self.index + more).tolist()
        return int(k), int(j), int(i)


def look(features: BuiltinFeatures, plane: Plane) -> SliceAlone:
    """A slice of a prepared volume, prepared alone: the first time, in 0.2 s for 512x512 pixels."""
    kept, key = features.alone, (plane.axis, plane.index)
    if key not in kept:
        alone = prepare_features(plane.alone(features.volume), lambda fraction, what: None, Token(), _MOST)
        kept[key] = SliceAlone(alone, _tones(features, plane))
    kept.move_to_end(key)
    while len(kept) > _KEPT:
        kept.popitem(last=False)
    return kept[key]


def _tones(features: BuiltinFeatures, plane: Plane) -> NDArray[np.float32]:
    last = features.volume.shape[plane.axis] - 1
    slices = (min(max(0, plane.index + away), last) for away in (0, -1, 1))
    return np.stack([features.toned(plane.axis, index) for index in slices])
