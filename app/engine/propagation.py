"""Slice by slice, both ways, from slices whose mask is known; with a confidence per slice and an end of its own.

After SAM 2 (arXiv 2408.00714): a memory of the slices seen, every conditioning slice kept in it. A model that carries a
memory implements `SlicePropagator`; every other one is carried by `Carrier`, which prompts it with its neighbour.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.engine.protocol import Logits, Predictor, Prior, Propagate, Propagated, SliceAnswer, SlicePropagator, Token
from app.geometry import Region
from app.prompts import Box, Point, SliceMask
from app.volume import Volume

Mask = NDArray[np.bool_]
LOWEST_CONFIDENCE = 0.3  # below, a side ends by itself: on the phantoms of the tests the last true slice has over 0.5
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
    """
    carrier: SlicePropagator = predictor if hasattr(predictor, "carry") else Carrier(predictor, volume)  # type: ignore[assignment]
    memory = carrier.remember(prepared, request.axis, request.conditioning)
    for index, mask in sorted(request.conditioning.items()):
        yield SliceAnswer(request, index, mask, 1.0)
    reached, reasons = set(request.conditioning), []
    largest = max(int(mask.sum()) for mask in request.conditioning.values())
    for side in _sides(request):
        ended = ""
        before, previous = request.conditioning[side.start], side.start
        for index in side.slices:
            if token.cancelled:
                yield Propagated(request, (min(reached), max(reached)), "Cancelled; finished slices are kept.", True)
                return
            if not ended:
                logits, confidence = carrier.carry(memory, index, previous)
                mask = logits > 0
                ended = _end(mask, before, confidence, largest, index)
            if ended:
                yield SliceAnswer(request, index, np.zeros_like(before), 0.0)
            else:
                yield SliceAnswer(request, index, mask, float(confidence))
                reached.add(index)
                before, previous = mask, index
        reasons.append(ended)
    yield Propagated(request, (min(reached), max(reached)), " ".join(reason for reason in reasons if reason))


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


def _end(mask: Mask, before: Mask, confidence: float, largest: int, index: int) -> str:
    if not mask.any() or mask.sum() < SMALLEST_SHARE * largest:
        return f"The structure ends before slice {index}."
    if confidence < LOWEST_CONFIDENCE:
        return f"It stopped before slice {index}, where it was not sure any more."
    return ""


class Carrier:
    """Carries a mask with any promptable model: the neighbour's mask becomes prior, centre point and box."""

    def __init__(self, predictor: Predictor, volume: Volume) -> None:
        self._predictor = predictor
        self._shape = volume.shape

    def remember(self, prepared: Any, axis: int, conditioning: Mapping[int, Mask]) -> _Carried:
        """The masks themselves are the memory."""
        return _Carried(prepared, axis, dict(conditioning))

    def carry(self, memory: _Carried, index: int, previous: int) -> tuple[Logits, float]:
        """Ask the model about slice `index`, given the mask of `previous`."""
        mask = memory.masks[previous]
        rows, columns = (np.flatnonzero(mask.any(axis=a)) for a in (1, 0))
        plane = Region.plane(self._shape, memory.axis, index)
        prior = Prior(plane, np.expand_dims(np.where(mask, 2.0, -2.0).astype(np.float32), memory.axis))
        margin = max(2, round(0.1 * max(len(rows), len(columns))))
        start = np.maximum((rows[0] - margin, columns[0] - margin), 0)
        stop = np.minimum((rows[-1] + margin, columns[-1] + margin), np.array(mask.shape) - 1)
        prompts = (
            SliceMask(memory.axis, previous, mask),
            Box(_insert(start, memory.axis, index), _insert(stop, memory.axis, index)),
            Point(_insert(_middle(mask), memory.axis, index)),
        )
        prediction = self._predictor.predict(memory.prepared, prompts, prior)
        logits = np.full(plane.shape, -8.0, np.float32)
        both = prediction.region.intersection(plane)
        if both.size:
            logits[both.within(plane).slices] = prediction.logits[both.within(prediction.region).slices]
        flat: Logits = logits.squeeze(memory.axis)
        memory.masks[index] = flat > 0
        return flat, confidence(flat, mask)


@dataclass(frozen=True, slots=True)
class _Carried:
    prepared: Any
    axis: int
    masks: dict[int, Mask]


def confidence(logits: Logits, before: Mask) -> float:
    """0..1: mean probability inside the mask, times the square root of the overlap (IoU) with the neighbour's mask."""
    mask = logits > 0
    if not mask.any():
        return 0.0
    sure = float((1 / (1 + np.exp(-np.clip(logits[mask], 0, 30)))).mean())
    overlap = float((mask & before).sum() / max(1, (mask | before).sum()))
    return float(sure * overlap**0.5)


def _middle(mask: Mask) -> NDArray[np.int64]:
    from scipy import ndimage

    depth = ndimage.distance_transform_edt(np.pad(mask, 1))[1:-1, 1:-1]
    return np.array(np.unravel_index(int(depth.argmax()), mask.shape))


def _insert(position: NDArray[np.int64], axis: int, index: int) -> tuple[int, int, int]:
    values = [int(v) for v in position]
    values.insert(axis, index)
    return values[0], values[1], values[2]
