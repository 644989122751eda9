"""Slices, carried: the network's memory is the answers of the slices already done, drawn into the cube before it.

One pass of the decoder answers a run of slices ahead of the known ones; after a few the cube moves on, with those among
the known. So a mask is carried by what is known of it in 3D, and 100 slices cost some ten passes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from app.engine.builtin import zoom
from app.engine.builtin.binding import SURE
from app.engine.builtin.cube import Cube
from app.engine.builtin.drawing import draw_slice
from app.engine.builtin.features import Features
from app.engine.builtin.maps import empty
from app.engine.propagation import confidence
from app.engine.protocol import Logits
from app.geometry import Region

Mask = NDArray[np.bool_]
_FILL = 0.5  # share of the cube's side that the last mask takes: it may grow to twice its size within a run
_AHEAD = 0.22  # share of the side that one pass carries
_BEHIND = 0.3  # where in the cube the last known slice lies
_NEXT = 1.5  # slices of the volume at least lie in what one pass carries


@dataclass(slots=True, eq=False)
class SliceMemory:
    """Known slices of a segment across `axis`: given ones, and carried ones with their logits."""

    features: Features
    axis: int
    masks: dict[int, Mask]
    logits: dict[int, Logits] = field(default_factory=dict)

    @classmethod
    def of(cls, features: Features, axis: int, conditioning: Mapping[int, Mask]) -> SliceMemory:
        """From the given slices."""
        return cls(features, axis, dict(conditioning))


def carry(memory: SliceMemory, index: int, previous: int) -> tuple[Logits, float]:
    """See `SlicePropagator.carry`."""
    last = memory.masks[previous]
    if not last.any():
        memory.masks[index] = last
        return np.full(last.shape, -SURE, np.float32), 0.0
    if index not in memory.logits:
        _run(memory, previous, 1 if index > previous else -1)
    logits = memory.logits.pop(index)
    memory.masks[index] = logits > 0
    return logits, confidence(logits, last)


def _run(memory: SliceMemory, previous: int, way: int) -> None:
    """Logits of the next slices beyond `previous`, as many as one pass is trusted with."""
    cube = _placed(memory, previous, way)
    shape, axis = memory.features.shape, memory.axis
    thick = float(cube.ratio[axis])
    drawn = empty(cube.side)
    seen = cube.region(shape)
    for index in range(seen.start[axis], seen.stop[axis]):
        if index in memory.masks:
            draw_slice(drawn, cube, axis, index, memory.masks[index])
    answer, _ = memory.features.decode(cube, drawn)
    count = max(1, int(_AHEAD * cube.side / thick))
    stop = int(np.clip(previous + way * count, seen.start[axis], seen.stop[axis] - 1))
    low, high = sorted((previous + way, stop)) if (stop - previous) * way > 0 else (previous + way,) * 2
    start, end = list(seen.start), list(seen.stop)
    start[axis], end[axis] = low, high + 1
    region = Region((start[0], start[1], start[2]), (end[0], end[1], end[2]))
    placed = cube.placed(answer, region)
    flat = [slice(a, b) for n, (a, b) in enumerate(zip(start, end, strict=True)) if n != axis]
    for n, index in enumerate(range(low, high + 1)):
        whole = np.full(memory.masks[previous].shape, -SURE, np.float32)
        whole[flat[0], flat[1]] = np.take(placed, n, axis)
        memory.logits[index] = whole


def _placed(memory: SliceMemory, previous: int, way: int) -> Cube:
    """A cube around the last mask, with most of it ahead."""
    features, axis = memory.features, memory.axis
    inner = Region.around(np.expand_dims(memory.masks[previous], axis))
    assert inner is not None
    low, high = np.array(inner.start, float), np.array(inner.stop, float) - 1
    spacing = np.array(features.spacing)
    flat = [a for a in range(3) if a != axis]
    extent = float(((high - low + 1) * spacing)[flat].max())
    side = features.runtime.side
    step = max(extent / (_FILL * side), float(spacing[axis]) * _NEXT / (_AHEAD * side))
    centre = (low + high) / 2
    centre[axis] = previous + way * (0.5 - _BEHIND) * side * step / spacing[axis]
    return zoom.cube_at(features, centre, step)
