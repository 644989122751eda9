"""Slice by slice, both ways, from slices whose mask is known; with a confidence per slice and an end of its own.

After SAM 2 (arXiv 2408.00714): a memory of the slices seen, every conditioning slice kept in it. A model that carries a
memory implements `SlicePropagator`; every other one is carried by `Carrier`, which prompts it with its neighbour.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from app.engine.protocol import (
    Logits,
    Predictor,
    Prior,
    Propagate,
    Propagated,
    SideEnd,
    SliceAnswer,
    SlicePropagator,
    Token,
)
from app.errors import BadInput
from app.geometry import Index, Region
from app.prompts import Box, Point, Prompt, Scribble, SliceMask
from app.volume import Volume

Mask = NDArray[np.bool_]
LOWEST_CONFIDENCE = 0.3  # below, a side ends by itself: on the phantoms of the tests the last true slice has over 0.5
SURE = 6.0  # logit of a mask that was given: 99.8 % probability
BOX_MARGIN = 0.1  # of the mask's extent, and at least two pixels: how far a slice may reach beyond its neighbour
SMALLEST_SHARE = 0.01  # of the largest conditioning area: less than that has vanished


@dataclass(frozen=True, slots=True)
class _Side:
    """A run of slices away from a conditioning slice: `slices` in order, the first next to `start`."""

    start: int
    slices: tuple[int, ...]


def propagate(
    request: Propagate, predictor: Predictor, prepared: Any, volume: Volume, token: Token
) -> Iterator[SliceAnswer | Propagated]:
    """One `SliceAnswer` for every slice of the range, then one `Propagated`.

    Slices beyond the place where a side ended come back empty with confidence 0, so that the range holds nothing else.
    Cancelling ends it after the slice at work.

    Raises:
        BadInput: when the range or the given masks do not fit the volume.
    """
    _check(request, volume.shape)
    carrier = _carrier(predictor, volume, request)
    memory = carrier.remember(prepared, request.axis, request.conditioning)
    for index, mask in sorted(request.conditioning.items()):
        yield SliceAnswer(request, index, mask, 1.0)
    reached, ends = set(request.conditioning), []
    for side in _sides(request):
        ended = None
        for answer, ended in _walk(request, carrier, memory, side):
            yield answer
            reached |= set() if ended else {answer.index}
            if token.cancelled:
                outermost = min(reached), max(reached)
                yield Propagated(request, outermost, cancelled=True)
                return
        if ended:
            ends.append(ended)
    yield Propagated(request, (min(reached), max(reached)), tuple(ends))


def told(outcome: Propagated, first: int = 0) -> str:
    """In plain words why it ended; empty where it came to the end of its range.

    Args:
        first: What the first slice is called: 0 on the command line, 1 in the window.
    """
    if outcome.cancelled:
        return "Cancelled; finished slices are kept."
    where = {unsure: [end.index + first for end in outcome.ends if end.unsure is unsure] for unsure in (False, True)}
    over = f"The structure ends before {_slices(where[False])}." if where[False] else ""
    lost = f"It stopped before {_slices(where[True])}, where it was not sure any more." if where[True] else ""
    return " ".join(sentence for sentence in (over, lost) if sentence)


def _slices(numbers: list[int]) -> str:
    *others, last = (str(number) for number in sorted(numbers))
    return f"slices {', '.join(others)} and {last}" if others else f"slice {last}"


def _walk(
    request: Propagate, carrier: SlicePropagator, memory: Any, side: _Side
) -> Iterator[tuple[SliceAnswer, SideEnd | None]]:
    """The slices of a side, each with how the side has ended; None while it goes on."""
    largest = max(int(mask.sum()) for mask in request.conditioning.values())
    before, previous = request.conditioning[side.start], side.start
    ended: SideEnd | None = None
    for index in side.slices:
        if not ended:
            logits, confidence = carrier.carry(memory, index, previous)
            mask = logits > 0
            ended = _end(mask, confidence, largest, index)
        if ended:
            yield SliceAnswer(request, index, np.zeros_like(before), 0.0), ended
        else:
            before, previous = mask, index
            yield SliceAnswer(request, index, mask, float(confidence)), None


def _carrier(predictor: Predictor, volume: Volume, request: Propagate) -> SlicePropagator:
    """The model itself where it has a memory of slices."""
    if hasattr(predictor, "remember") and hasattr(predictor, "carry"):
        return cast("SlicePropagator", predictor)
    return Carrier(predictor, volume, request.prompts)


def _sides(request: Propagate) -> list[_Side]:
    """Each slice belongs to its nearest conditioning slice."""
    known = sorted(request.conditioning)
    sides = []
    for position, start in enumerate(known):
        below = request.first if not position else (known[position - 1] + start) // 2 + 1
        above = request.last if position == len(known) - 1 else (start + known[position + 1]) // 2
        sides.append(_Side(start, tuple(range(start - 1, below - 1, -1))))
        sides.append(_Side(start, tuple(range(start + 1, above + 1))))
    return [side for side in sides if side.slices]


def _end(mask: Mask, confidence: float, largest: int, index: int) -> SideEnd | None:
    if not mask.any() or mask.sum() < SMALLEST_SHARE * largest:
        return SideEnd(index, unsure=False)
    return SideEnd(index, unsure=True) if confidence < LOWEST_CONFIDENCE else None


class Carrier:
    """Carries a mask with any promptable model: the neighbour's mask, its logits and a box around it are the prompts.

    Only kinds of prompts that the model takes are passed; one without masks gets the middle of the neighbour's as a
    point. Points and scribbles of the user that lie on the slice are passed too.
    """

    def __init__(self, predictor: Predictor, volume: Volume, prompts: tuple[Prompt, ...] = ()) -> None:
        self._predictor = predictor
        self._shape = volume.shape
        self._own = tuple(prompt for prompt in prompts if isinstance(prompt, Point | Scribble))

    def remember(self, prepared: Any, axis: int, conditioning: Mapping[int, Mask]) -> _Carried:
        """The masks themselves are the memory."""
        seen = {index: np.where(mask, SURE, -SURE).astype(np.float32) for index, mask in conditioning.items()}
        return _Carried(prepared, axis, seen)

    def carry(self, memory: _Carried, index: int, previous: int) -> tuple[Logits, float]:
        """Ask the model about slice `index`, given the logits of `previous`."""
        known = memory.logits[previous]
        mask = known > 0
        if not mask.any():
            memory.logits[index] = np.full(mask.shape, -SURE, np.float32)
            return memory.logits[index], 0.0
        plane = Region.plane(self._shape, memory.axis, index)
        prior = Prior(plane, np.expand_dims(known, memory.axis))
        prompts = self._prompts(memory.axis, index, previous, mask)
        prediction = self._predictor.predict(memory.prepared, prompts, prior)
        logits = np.full(plane.shape, -SURE, np.float32)
        both = prediction.region.intersection(plane)
        if both.size:
            logits[both.within(plane).slices] = prediction.logits[both.within(prediction.region).slices]
        memory.logits[index] = np.ascontiguousarray(logits.squeeze(memory.axis))
        return memory.logits[index], confidence(memory.logits[index], mask)

    def _prompts(self, axis: int, index: int, previous: int, mask: Mask) -> tuple[Prompt, ...]:
        taken = self._predictor.card.prompts
        made: list[Prompt] = []
        if "mask" in taken:
            made.append(SliceMask(axis, previous, mask))
        elif "point" in taken:
            made.append(Point(_insert(_middle(mask), axis, index)))
        if "box" in taken:
            made.append(_box_around(mask, axis, index, previous))
        own = (p for p in self._own if type(p).__name__.lower() in taken and _lies_on(p, axis, index))
        return (*made, *own)


@dataclass(frozen=True, slots=True)
class _Carried:
    prepared: Any
    axis: int
    logits: dict[int, Logits]


def confidence(logits: Logits, before: Mask) -> float:
    """0..1: mean probability inside the mask, times the square root of the overlap (IoU) with the neighbour's mask."""
    mask = logits > 0
    if not mask.any():
        return 0.0
    sure = float((1 / (1 + np.exp(-np.clip(logits[mask], 0, 30)))).mean())
    overlap = float((mask & before).sum() / max(1, (mask | before).sum()))
    return float(sure * overlap**0.5)


def _box_around(mask: Mask, axis: int, index: int, previous: int) -> Box:
    """Over both slices, so that it does not contradict the neighbour's mask."""
    rows, columns = (np.flatnonzero(mask.any(axis=a)) for a in (1, 0))
    margin = max(2, round(BOX_MARGIN * max(np.ptp(rows), np.ptp(columns))))
    start = np.maximum((rows[0] - margin, columns[0] - margin), 0)
    stop = np.minimum((rows[-1] + margin, columns[-1] + margin), np.array(mask.shape) - 1)
    return Box(_insert(start, axis, min(index, previous)), _insert(stop, axis, max(index, previous)))


def _lies_on(prompt: Prompt, axis: int, index: int) -> bool:
    region = prompt.region()
    return region.start[axis] == index and region.shape[axis] == 1


def _check(request: Propagate, shape: Index) -> None:
    length = shape[request.axis]
    flat = tuple(n for axis, n in enumerate(shape) if axis != request.axis)
    if not 0 <= request.first <= request.last < length:
        raise BadInput(f"The slices {request.first} to {request.last} are not all among 0 to {length - 1}.")
    if not request.conditioning:
        raise BadInput("There is no slice to start from.", "Click or draw on one first.")
    for index, mask in request.conditioning.items():
        if not request.first <= index <= request.last or mask.shape != flat:
            raise BadInput(f"The mask of slice {index} does not fit the range or the scan.")


def _middle(mask: Mask) -> NDArray[np.int64]:
    from scipy import ndimage

    depth = ndimage.distance_transform_edt(np.pad(mask, 1))[1:-1, 1:-1]
    return np.array(np.unravel_index(int(depth.argmax()), mask.shape))


def _insert(position: NDArray[np.int64], axis: int, index: int) -> tuple[int, int, int]:
    values = [int(v) for v in position]
    values.insert(axis, index)
    return values[0], values[1], values[2]
