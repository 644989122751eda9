"""Carrying a mask from slice to slice: where the last one has moved, what was given, and where the new edges are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from app.engine.classic.appearance import Appearance
from app.engine.classic.features import Features
from app.engine.classic.motion import displacement, warped
from app.engine.classic.signed_distance import signed_distance
from app.engine.diffusion import settle
from app.engine.endings import regrown

Mask = NDArray[np.bool_]
Floats = NDArray[np.float32]

_FAR = np.float32(-8.0)
# How much count: looks like the object as given, likeness to what lay there on the last slice, depth in the last mask.
_LOOKS, _NEARBY, _PLACE = 0.5, 0.6, 2.0
_BIAS = 0.6  # against the object: what leaks out is carried on and seldom comes back, what is lost is won again
_TRUST = 1.0
_HALF = 2.0  # in units of the noise, the step at which two pixels are half strangers
_NARROWEST = 1.5  # pixels that a border may always move
_SHARPNESS = 1.3  # exponent that brings 0.4, the best threshold on the training objects, to the engine's 0.3


@dataclass(frozen=True, slots=True, eq=False)
class Step:
    """What a step from slice to slice is judged by, on a window (rows, columns) of the slice at hand.

    Args:
        index, previous: The slice at hand, and the one before, whose mask is known.
        reach: Millimetres that the border may move.
        now, before: Tones of both, the one before brought to where things are now.
        depth: Millimetres into the last mask, brought there, too.
        looks, nearby, told: Evidence for the object, as log odds.
        logits: What all that comes to after neighbours came to agree.
    """

    index: int
    previous: int
    window: tuple[slice, slice]
    reach: float
    now: Floats
    before: Floats
    depth: Floats
    looks: Floats
    nearby: Floats
    told: Floats
    logits: Floats

    @property
    def beyond(self) -> Mask:
        """What is too far from the last mask to be inside."""
        return _beyond(self.depth, self.reach)


@dataclass(slots=True, eq=False)
class SliceMemory:
    """What was seen so far: masks of slices and what object and surroundings look like.

    Args:
        masks: Slice -> 2D mask, the given ones and the carried ones.
        appearance: Learned from the given masks only; learning from the carried ones lets it become its neighbour.
        area: Pixels of the largest given mask.
        least: Slice -> pixels of the smallest mask on the way to it.
        threshold: Logit above which a pixel is inside, before it is made 0.
        place: How much depth in the last mask counts.
    """

    features: Features
    axis: int
    masks: dict[int, Mask]
    appearance: Appearance
    area: int
    least: dict[int, int] = field(default_factory=dict)
    tones: dict[int, Floats] = field(default_factory=dict)
    threshold: float = 0.0
    place: float = _PLACE

    @classmethod
    def of(cls, features: Features, axis: int, conditioning: Mapping[int, Mask]) -> Self:
        """From given masks, of which at least one is not empty for anything to be carried."""
        memory = cls(features, axis, dict(conditioning), Appearance.blank(), 0)
        for index, mask in conditioning.items():
            memory.area = max(memory.area, int(mask.sum()))
            memory.appearance = memory.appearance.joined(Appearance.of(memory.tone(index), mask, memory.steps), 0.5)
        return memory

    @property
    def steps(self) -> tuple[float, float]:
        """Millimetres between pixels of a slice."""
        a, b = np.delete(self.features.volume.geometry.spacing, self.axis).tolist()
        return a, b

    @property
    def gap(self) -> float:
        """Millimetres between slices."""
        return self.features.volume.geometry.spacing[self.axis]

    def tone(self, index: int) -> Floats:
        """A slice on the tone scale, lightly smoothed; the last few are kept."""
        if index not in self.tones:
            if len(self.tones) > 3:
                self.tones.pop(next(iter(self.tones)))
            self.tones[index] = self.features.toned(self.axis, index)
        return self.tones[index]

    def aside(self) -> Self:
        """The same with dictionaries of its own, to try out what this one is not to remember."""
        held = {own.name: getattr(self, own.name) for own in fields(self)}
        copies: dict[str, Any] = {name: dict(value) for name, value in held.items() if isinstance(value, dict)}
        return replace(self, **copies)

    def step(self, index: int, previous: int) -> None:
        """Go on to a slice from one whose mask is known."""

    def told(self, window: tuple[slice, slice]) -> Floats:
        """What else is known of the slice at hand in a window: evidence for the object, as log odds; here nothing."""
        del window
        return np.zeros((1, 1), dtype=np.float32)

    def corrected(self, step: Step) -> Floats:
        """The logits of a step, seen once more; here as they are."""
        return step.logits


def carry(memory: SliceMemory, index: int, previous: int) -> tuple[Floats, float]:
    """See `SlicePropagator.carry`."""
    memory.step(index, previous)
    last = memory.masks[previous]
    logits = np.full(last.shape, _FAR)
    if not last.any():
        memory.masks[index] = last
        return logits, 0.0
    reach = _reach(memory, last)
    window = _window(last, reach, memory.steps)
    logits[window] = memory.corrected(_solve(memory, index, previous, window, reach))
    mask = logits > 0
    memory.least[index] = min(memory.least.get(previous, int(last.sum())), int(mask.sum()))
    confidence = _confidence(memory, index, last, mask)
    memory.masks[index] = mask
    return logits, confidence


def _reach(memory: SliceMemory, last: Mask) -> float:
    """How far (mm) the border may move: about the distance between slices, less for thin objects."""
    a, b = memory.steps
    radius = float(np.sqrt(last.sum() * a * b / np.pi))
    least = _NARROWEST * max(a, b)
    return float(np.clip(memory.gap, least, max(least, 0.6 * radius)))


def _window(last: Mask, reach: float, steps: tuple[float, float]) -> tuple[slice, slice]:
    spans = []
    for axis in (0, 1):
        line = np.flatnonzero(last.any(axis=1 - axis))
        margin = int(np.ceil(2.5 * reach / steps[axis])) + 3
        spans.append(slice(max(0, int(line[0]) - margin), min(last.shape[axis], int(line[-1]) + 1 + margin)))
    return spans[0], spans[1]


def _solve(memory: SliceMemory, index: int, previous: int, window: tuple[slice, slice], reach: float) -> Step:
    """What speaks for the object in the window, and what it comes to."""
    before, now = memory.tone(previous)[window], memory.tone(index)[window]
    noise = memory.features.graph.noise
    moved = displacement(before, now, noise)
    before, depth = warped(before, moved), warped(signed_distance(memory.masks[previous][window], memory.steps), moved)
    looks = memory.appearance.evidence(now, noise)
    nearby = _nearby_evidence(before, now, depth, reach, memory.steps, noise)
    told = np.broadcast_to(memory.told(window), now.shape)
    image = np.clip(_LOOKS * looks + _NEARBY * nearby + told, -4.0, 4.0)
    place = memory.place * depth / reach
    evidence = np.clip(image + place - _BIAS, -8.0, 8.0).astype(np.float32)
    beyond = _beyond(depth, reach)
    evidence[beyond] = _FAR
    belief = np.asarray(1.0 / (1.0 + np.exp(-evidence)), dtype=np.float32)
    trust = 0.02 + _TRUST * np.abs(2.0 * belief - 1.0) ** 2
    trust[beyond] = 50.0
    p = settle(now, belief, trust.astype(np.float32), _HALF * noise, memory.steps)
    p = np.clip(p, 3.4e-4, 1 - 3.4e-4)
    logits = np.asarray(np.log(p / (1.0 - p)) - np.float32(memory.threshold), dtype=np.float32)
    return Step(index, previous, window, reach, now, before, depth, looks, nearby, told, logits)


def _beyond(depth: Floats, reach: float) -> Mask:
    return np.asarray(depth < -2.0 * reach)


def _nearby_evidence(
    before: Floats, now: Floats, depth: Floats, reach: float, steps: tuple[float, float], noise: float
) -> Floats:
    """Is the new pixel more like the object or the surroundings that lay near it on the slice before?"""
    sigma = [max(1.0, 2.0 * reach / s) for s in steps]
    inner = ((depth > 0) & (depth < 6 * reach)).astype(np.float32)
    outer = ((depth <= 0) & (depth > -4 * reach)).astype(np.float32)
    (object_mean, object_spread), (other_mean, other_spread) = (
        _local(before, weight, sigma, noise) for weight in (inner, outer)
    )
    like = -0.5 * ((now - object_mean) / object_spread) ** 2 - np.log(object_spread)
    unlike = -0.5 * ((now - other_mean) / other_spread) ** 2 - np.log(other_spread)
    return np.clip(like - unlike, -3.0, 3.0).astype(np.float32)


def _local(tone: Floats, weight: Floats, sigma: list[float], noise: float) -> tuple[Floats, Floats]:
    share = ndimage.gaussian_filter(weight, sigma, mode="nearest") + 1e-4
    whole = max(float(weight.sum()), 1.0)
    overall = float((tone * weight).sum()) / whole
    mean = (ndimage.gaussian_filter(tone * weight, sigma, mode="nearest") + 1e-4 * overall) / share
    square = (ndimage.gaussian_filter(tone * tone * weight, sigma, mode="nearest") + 1e-4 * overall**2) / share
    return mean, np.sqrt(np.maximum(square - mean * mean, 0.0) + noise**2)


def _confidence(memory: SliceMemory, index: int, last: Mask, mask: Mask) -> float:
    """0..1: falls when the mask leaves the old one, looks unlike what was given, or grows again.

    The given slices are what it is held against: an object that turned into its neighbour bit by bit looks like
    its own last slice, but not like them. An object ends by shrinking; what follows from there is its neighbour,
    so growth after the mask was small counts against it.
    """
    area, before = int(mask.sum()), int(last.sum())
    if not area:
        return 0.0
    tone, noise = memory.tone(index), memory.features.graph.noise
    overlap = 2.0 * int((mask & last).sum()) / (area + before)
    alike = memory.appearance.likeness(tone[mask], noise) ** 2
    change = min(area, before) / max(area, before)
    vanishing = _share(area / max(1.0, 0.02 * memory.area))
    again = regrown(memory.least[index], area, memory.area)
    confidence = (0.5 * overlap + 0.5 * float(np.sqrt(change))) * alike * vanishing * again
    return float(confidence**_SHARPNESS)


def _share(value: float) -> float:
    return float(np.clip(value, 0.0, 1.0))
