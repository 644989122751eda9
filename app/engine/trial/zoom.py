"""Which cube to look at: from the prompts at first, from the last answer afterwards.

As nnInteractive's auto-zoom (arXiv 2503.08373) it goes by whether the object reaches the border. Cubes lie on a coarse
lattice of places and sizes, so that a mask that changes a little is looked at through the same cube, already encoded.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from app.engine.trial.cube import Array, Cube
from app.engine.trial.features import Features
from app.geometry import Index, Region

FILL = 0.62  # share of the cube's side that the object's longest extent should take
_FINEST = 0.5  # of the finest voxel: small objects are enlarged no further
_ENLARGED = 0.75  # of the finest voxel is the first size: what is a few voxels small fills some of the cube
_INSIDE = 0.08  # of a cube at least lies in the volume: a slab of slices in a cube of air looks like nothing known
_LATTICE = 8  # places of a cube along its side
_SIZES = 2.0**0.5  # between neighbouring sizes of cubes
Box = tuple[NDArray[np.float64], NDArray[np.float64]]
"""First and last voxel along (k, j, i), fractions allowed."""


def levels(features: Features, at: Index) -> list[Cube]:
    """Cubes around a voxel, from one that shows the smallest things to one that holds the whole volume."""
    spacing, side = np.array(features.spacing), features.runtime.side
    longest = float((np.array(features.shape) * spacing).max())
    found = [cube_at(features, np.array(at, float), min(float(spacing.min()), longest / side) * _ENLARGED)]
    while found[-1].extent < longest:
        wider = cube_at(features, np.array(at, float), found[-1].step * 2)
        if np.prod(np.minimum(1, np.array(features.shape) * spacing / wider.extent)) < _INSIDE:
            break
        found.append(wider)
    return found


def fitted(features: Features, box: Box) -> Cube:
    """The cube in which a box takes the share `FILL` of the side."""
    low, high = box
    extent = float(((high - low + 1) * features.spacing).max())
    return cube_at(features, (low + high) / 2, extent / (FILL * features.runtime.side))


def wider(features: Features, cube: Cube, box: Box) -> Cube:
    """A cube twice as long, around a box."""
    return cube_at(features, (box[0] + box[1]) / 2, cube.step * 2)


def cube_at(features: Features, centre: NDArray[np.float64], step: float) -> Cube:
    """The cube of the lattice nearest to a wish, moved so that little of it lies outside the volume."""
    side, spacing = features.runtime.side, np.array(features.spacing)
    finest = float(spacing.min()) * _FINEST
    size = max(0, round(float(np.log(max(step, finest) / finest) / np.log(_SIZES)) + 0.2))
    step = finest * _SIZES**size
    pitch = side * step / _LATTICE / spacing
    half = side * step / 2 / spacing
    last = np.array(features.shape) - 1.0
    low, high = np.minimum(half - 0.5, last / 2), np.maximum(last - half + 0.5, last / 2)
    placed = np.clip(np.rint(centre / pitch) * pitch, low, high)
    k, j, i = placed.tolist()
    return Cube((k, j, i), step, features.spacing, side)


def around(indices: Iterable[Index], *boxes: Box | None) -> Box | None:
    """The box around voxels and boxes; None without any."""
    points = [np.array(index, float) for index in indices]
    points += [corner for box in boxes if box is not None for corner in box]
    if not points:
        return None
    return np.min(points, axis=0), np.max(points, axis=0)


def mask_box(cube: Cube, logits: Array) -> Box | None:
    """Where in the volume a cube's answer lies; None when it is empty."""
    inner = Region.around(logits > 0)
    if inner is None:
        return None
    low, high = np.array(inner.start, float), np.array(inner.stop, float) - 1
    return cube.index(low), cube.index(high)


def touching(cube: Cube, logits: Array, shape: Index) -> float:
    """Share of the answer's own size (its voxels to the power 2/3) that lies on the cube's faces inside the volume."""
    mask = logits > 0
    size = float(np.count_nonzero(mask)) ** (2 / 3)
    if not size:
        return 0.0
    low = cube.positions(np.zeros(3)) > 0.5  # the volume begins inside the cube: its end is the object's
    high = cube.positions(np.array(shape, float) - 1) < cube.side - 1.5
    count = 0
    for axis in range(3):
        for end, own in ((0, low[axis]), (-1, high[axis])):
            count += 0 if own else int(np.take(mask, end, axis).sum())
    return float(count / size)
