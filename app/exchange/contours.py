"""Polygons around the True pixels of a slice, through the middles between pixels inside and pixels outside.

Every pixel's centre is on its side of the line, and no point of the line is farther than half a pixel from the border
of the pixels. Pixels that touch at a corner only are two shapes. A hole is joined to its shape by a slit of no width,
the way that every reader of RT Structure Sets understands (PS3.3 C.8.8.6.3).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from app.geometry import Region

Mask = NDArray[np.bool_]
Polygon = NDArray[np.float64]
"""(n, 2) row and column of pixel centres' space, the first point not repeated."""

# Sides of a pixel: above, right, below, left; seen clockwise (rows go down). A crack is a pixel's side to the outside.
_OUT = np.array([(-1, 0), (0, 1), (1, 0), (0, -1)])
_ALONG = np.roll(_OUT, -1, axis=0)


def polygons(mask: Mask) -> list[Polygon]:
    """One polygon for each connected shape (pixels that share a side) of a slice."""
    box = Region.around(mask[None])
    if box is None:
        return []
    corner = np.array(box.start[1:]) - 1.0
    padded = np.pad(mask[box.slices[1:]], 1)
    shapes, _ = ndimage.label(padded)
    found: dict[int, list[Polygon]] = {}
    for cracks in _loops(padded):
        pixel = cracks[0][0]
        middles = np.array([_middle(p, s) for p, s in cracks]) + corner
        found.setdefault(int(shapes[pixel]), []).append(_without_straights(middles))
    return [_joined(loops) for loops in found.values()]


Crack = tuple[tuple[int, int], int]


def _loops(padded: Mask) -> list[list[Crack]]:
    """Cracks in the order of a walk with the inside on the right hand: clockwise around shapes, against it in holes."""
    left: dict[Crack, None] = {}
    for side, (down, right) in enumerate(_OUT.tolist()):
        outside = ~np.roll(padded, (-down, -right), (0, 1))
        for pixel in np.argwhere(padded & outside).tolist():
            left[(pixel[0], pixel[1]), side] = None
    loops = []
    while left:
        crack = next(iter(left))
        loop = []
        while crack in left:
            del left[crack]
            loop.append(crack)
            crack = _next(padded, crack)
        loops.append(loop)
    return loops


def _next(padded: Mask, crack: Crack) -> Crack:
    (row, column), side = crack
    ahead = row + int(_ALONG[side, 0]), column + int(_ALONG[side, 1])
    if not padded[ahead]:
        return (row, column), (side + 1) % 4
    beyond = ahead[0] + int(_OUT[side, 0]), ahead[1] + int(_OUT[side, 1])
    return (beyond, (side + 3) % 4) if padded[beyond] else (ahead, side)


def _middle(pixel: tuple[int, int], side: int) -> tuple[float, float]:
    return pixel[0] + _OUT[side, 0] / 2, pixel[1] + _OUT[side, 1] / 2


def _without_straights(points: Polygon) -> Polygon:
    before, after = points - np.roll(points, 1, axis=0), np.roll(points, -1, axis=0) - points
    turns = before[:, 0] * after[:, 1] - before[:, 1] * after[:, 0]
    return points[np.abs(turns) > 1e-9]


def _area(points: Polygon) -> float:
    """Positive for a walk clockwise on the screen."""
    row, column = points.T
    return float(np.sum(column * np.roll(row, -1) - np.roll(column, -1) * row)) / 2


def _joined(loops: list[Polygon]) -> Polygon:
    """The outer loop with slits to its holes, from left to right, so that each slit ends on what is joined already."""
    outer = max(loops, key=_area)
    holes = sorted((loop for loop in loops if loop is not outer), key=lambda loop: float(loop[:, 1].min()))
    for hole in holes:
        start = int(hole[:, 1].argmin())
        turned = np.roll(hole, -start, axis=0)
        edge, end = _hit(outer, turned[0])
        bridge = np.concatenate([end[None], turned, turned[:1], end[None]])
        outer = np.concatenate([outer[: edge + 1], bridge, outer[edge + 1 :]])
    return outer


def _hit(polygon: Polygon, point: Polygon) -> tuple[int, Polygon]:
    """The edge that a ray to the left meets first, and where."""
    row, column = point
    start, stop = polygon, np.roll(polygon, -1, axis=0)
    low, high = np.minimum(start[:, 0], stop[:, 0]), np.maximum(start[:, 0], stop[:, 0])
    slope = (stop[:, 1] - start[:, 1]) / np.where(high > low, stop[:, 0] - start[:, 0], 1.0)
    at = np.where(high > low, start[:, 1] + slope * (row - start[:, 0]), np.maximum(start[:, 1], stop[:, 1]))
    at = np.where((low <= row) & (row <= high) & (at < column - 1e-9), at, -np.inf)
    edge = int(at.argmax())
    return edge, np.array([row, at[edge]])


def filled(found: list[Polygon], shape: tuple[int, int]) -> Mask:
    """The pixels whose centres lie inside an odd number of polygons: what `polygons` was made from."""
    start = np.concatenate([np.zeros((0, 2)), *found])
    stop = np.concatenate([np.zeros((0, 2)), *(np.roll(points, -1, axis=0) for points in found)])
    first = np.ceil(np.minimum(start[:, 0], stop[:, 0])).astype(int)  # from the lower end on, to before the higher one
    counts = np.ceil(np.maximum(start[:, 0], stop[:, 0])).astype(int) - first
    edge = np.repeat(np.arange(len(start)), counts)
    rows = first[edge] + np.arange(len(edge)) - np.repeat(np.cumsum(counts) - counts, counts)
    (r0, c0), (r1, c1) = start[edge].T, stop[edge].T
    columns = np.ceil(c0 + (rows - r0) * (c1 - c0) / (r1 - r0)).astype(int)
    flips = np.zeros((shape[0], shape[1] + 1), np.int64)
    kept = (rows >= 0) & (rows < shape[0])
    np.add.at(flips, (rows[kept], np.clip(columns[kept], 0, shape[1])), 1)
    return np.asarray(np.cumsum(flips, axis=1)[:, :-1] % 2 == 1)
