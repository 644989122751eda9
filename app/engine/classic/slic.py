"""SLIC: a lattice of tones cut into compact pieces that follow its edges (Achanta et al., IEEE TPAMI 34 (2012) 2274).

Seeds lie on a grid of boxes. Cells are handled by their place inside their box, all boxes at once: such a layer is
short enough for a processor's cache, and each step on it is one call of numpy.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import product

import cc3d
import numpy as np
from numpy.typing import NDArray

from app.engine.classic.boxes import Boxes, Grid

_ITERATIONS = 5
_NOWHERE = np.float32(1e6)  # the tone of what is no seed: beyond all others
_AROUND = list(product((-1, 0, 1), repeat=3))

Floats = NDArray[np.float32]
Labels = NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Centres:
    """Mean tone and mean place of every piece, each (box k, j, i); places in cells from the lattice's first."""

    tone: Floats
    place: tuple[Floats, Floats, Floats]


def pieces(tone: Floats, grid: Grid, compactness: float) -> Labels:
    """The piece of every cell, 0..n-1; each is connected and has at least a quarter of a box's cells.

    Args:
        tone: (k, j, i).
        grid: Cells of a seed's box along each axis.
        compactness: What a box's width counts, on the scale of the tones.
    """
    boxes = Boxes.of(tone.shape, grid)
    layers = boxes.layers(tone)
    centres = _seeds(tone, boxes)
    scale = [compactness / g for g in grid]
    for _ in range(_ITERATIONS):
        labels = _nearest(layers, boxes, centres, scale)
        centres = _means(labels, layers, boxes)
    return _connected(boxes.lattice(labels), int(np.prod(grid)) // 4)


def _seeds(tone: Floats, boxes: Boxes) -> Centres:
    """In the middle of each box; where boxes and lattice have the room, at the most even cell beside it: off edges."""
    at = np.stack(np.meshgrid(*boxes.middles(), indexing="ij"), -1)
    if min(boxes.grid) > 2 and min(tone.shape) > 2:
        edge = np.sum([np.square(np.gradient(tone, axis=axis)) for axis in range(3)], axis=0)
        beside = [np.clip(at + step, 0, np.array(tone.shape) - 1) for step in _AROUND]
        least = np.argmin([edge[tuple(np.moveaxis(place, -1, 0))] for place in beside], axis=0)
        at = np.take_along_axis(np.stack(beside), least[None, ..., None], 0)[0]
    k, j, i = np.moveaxis(at, -1, 0)
    return Centres(tone[k, j, i], (k.astype(np.float32), j.astype(np.float32), i.astype(np.float32)))


@dataclass(frozen=True, slots=True)
class _Seen:
    """The centres as the boxes see them that lie one step away: each (box,), places in cells from the seeing box."""

    tone: Floats
    place: tuple[Floats, ...]
    label: Labels


def _seen(boxes: Boxes, centres: Centres) -> dict[tuple[int, ...], _Seen]:
    """By step (k, j, i), 27 of them."""
    tone = np.pad(centres.tone, 1, constant_values=_NOWHERE)
    own = [np.pad(place - first, 1) for place, first in zip(centres.place, boxes.firsts(), strict=True)]
    label = np.pad(np.arange(centres.tone.size, dtype=np.int32).reshape(boxes.count), 1)
    found = {}
    for step in _AROUND:
        part = tuple(slice(1 + s, 1 + s + n) for s, n in zip(step, boxes.count, strict=True))
        places = [place[part].ravel() + np.float32(s * g) for place, s, g in zip(own, step, boxes.grid, strict=True)]
        found[step] = _Seen(tone[part].ravel(), tuple(places), label[part].ravel())
    return found


def _nearest(layers: Floats, boxes: Boxes, centres: Centres, scale: Sequence[float]) -> Labels:
    """For every cell, laid out as `layers`, the nearest of the eight centres around it."""
    seen = _seen(boxes, centres)
    labels = np.empty(layers.shape, np.int32)

    def plane(k: int) -> None:
        for j in range(boxes.grid[1]):
            rows = dict(_across(seen, boxes.grid, scale, (k, j)))
            for i in range(boxes.grid[2]):
                _choose(layers[k, j, i].ravel(), labels[k, j, i].reshape(-1), seen, rows, (i, boxes.grid[2], scale[2]))

    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        list(pool.map(plane, range(boxes.grid[0])))
    return labels


def _across(
    seen: dict[tuple[int, ...], _Seen], grid: Grid, scale: Sequence[float], at: tuple[int, int]
) -> Iterator[tuple[tuple[int, ...], Floats]]:
    """The part of the squared distance along k and j that all cells of a row of a box share."""
    for k, j in product(_sides(at[0], grid[0]), _sides(at[1], grid[1])):
        for i in (-1, 0, 1):
            place = seen[k, j, i].place
            yield (k, j, i), np.square((place[0] - at[0]) * scale[0]) + np.square((place[1] - at[1]) * scale[1])


def _choose(
    tone: Floats,
    label: Labels,
    seen: dict[tuple[int, ...], _Seen],
    rows: dict[tuple[int, ...], Floats],
    at: tuple[int, int, float],
) -> None:
    """Write into `label` which centre is nearest, for one place of all boxes."""
    i, length, scale = at
    best = np.full(tone.shape, np.inf, np.float32)
    distance, look, nearer = np.empty_like(best), np.empty_like(best), np.empty(tone.shape, bool)
    sides = _sides(i, length)
    for step, row in rows.items():
        if step[2] not in sides:
            continue
        centre = seen[step]
        np.subtract(centre.place[2], np.float32(i), out=distance)
        np.multiply(distance, np.float32(scale), out=distance)
        np.multiply(distance, distance, out=distance)
        np.add(distance, row, out=distance)
        np.subtract(tone, centre.tone, out=look)
        np.multiply(look, look, out=look)
        np.add(distance, look, out=distance)
        np.less(distance, best, out=nearer)
        np.copyto(best, distance, where=nearer)
        np.copyto(label, centre.label, where=nearer)


def _sides(place: int, length: int) -> tuple[int, ...]:
    """The boxes along one axis whose middles lie nearest to a place in a box of `length`; all three for its middle."""
    twice = 2 * place - (length - 1)
    return (-1, 0) if twice < 0 else (0, 1) if twice > 0 else (-1, 0, 1)


def _means(labels: Labels, layers: Floats, boxes: Boxes) -> Centres:
    """Centres of the cells that were given to each piece; a piece without cells is nowhere."""
    flat, count = labels.ravel().astype(np.intp), int(np.prod(boxes.count))  # as bincount wants it, made once
    inside = boxes.inside()
    weight = None if inside.all() else np.ascontiguousarray(np.broadcast_to(inside, layers.shape), np.float64).ravel()
    size = np.bincount(flat, weight, count)

    def mean(values: Floats) -> Floats:
        whole = np.ascontiguousarray(np.broadcast_to(values, layers.shape), np.float64).ravel()
        total = np.bincount(flat, whole if weight is None else whole * weight, count)
        return np.asarray((total / np.maximum(size, 1)).reshape(boxes.count), np.float32)

    tone, k, j, i = (mean(values) for values in (layers, *boxes.coordinates()))
    return Centres(np.where(size.reshape(boxes.count) > 0, tone, _NOWHERE), (k, j, i))


def _connected(labels: Labels, least: int) -> Labels:
    """Every connected part by itself; parts of fewer than `least` cells go to what lies before their first cell."""
    parts = cc3d.connected_components(labels.view(np.uint32) + 1, connectivity=6).astype(np.int32) - 1
    flat = parts.ravel()
    size = np.bincount(flat)
    first = np.empty(size.size, np.int64)
    first[flat[::-1]] = np.arange(flat.size - 1, -1, -1)  # the last write stays: the lowest
    _, rows, columns = labels.shape
    before = np.where(first % columns, 1, np.where(first // columns % rows, columns, columns * rows))
    small = (size < least) & (first > 0)
    goes_to = np.arange(size.size)
    goes_to[small] = flat[first[small] - before[small]]
    while not np.array_equal(further := goes_to[goes_to], goes_to):
        goes_to = further
    _, number = np.unique(goes_to, return_inverse=True)
    return np.asarray(number.astype(np.int32)[parts])
