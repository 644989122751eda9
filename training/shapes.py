"""Label maps of invented anatomy: organs, vessels, shells, nested parts and scattered spots in a cube.

After SynthMorph's shapes from noise (arXiv 2004.10282), with what those lack: thin, long, hollow and many-part objects.
Every shape is cut out of the cube's voxels by a smooth function, so that borders are crisp and of any orientation.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Labels = NDArray[np.int16]
Field = NDArray[np.float32]
Random = np.random.Generator


def label_map(side: int, random: Random) -> Labels:
    """A cube of labels 0..n-1, each with at least one voxel somewhere likely."""
    grid = _warped_grid(side, random)
    labels = _regions(side, random)
    if random.random() < 0.35:
        labels = _body(labels, grid, random)
    for _ in range(int(random.integers(2, 8))):
        maker = _MAKERS[random.choice(len(_MAKERS), p=_CHANCES)]
        labels = maker(labels, grid, random)
    return labels


def smooth_noise(shape: int | tuple[int, ...], knots: int, random: Random) -> Field:
    """Unit-variance noise that varies over a knots-th of each side."""
    coarse = random.standard_normal((knots,) * 3).astype(np.float32)
    return resized(coarse, shape)


def resized(coarse: Field, shape: int | tuple[int, ...]) -> Field:
    """A small cube stretched to `shape` (or a side), linearly: three products, ten times as fast as `ndimage.zoom`."""
    for side in (shape,) * 3 if isinstance(shape, int) else shape:
        # each pass stretches the first axis and turns it to the end
        coarse = np.tensordot(coarse, _stretch(coarse.shape[0], side), axes=(0, 1))
    return coarse


def _stretch(knots: int, side: int) -> Field:
    at = np.linspace(0, knots - 1, side)
    low = np.minimum(at.astype(int), max(0, knots - 2))
    weights = np.zeros((side, knots), np.float32)
    weights[np.arange(side), low] = 1 - (at - low)
    if knots > 1:
        weights[np.arange(side), low + 1] = at - low
    return weights


def _warped_grid(side: int, random: Random) -> Field:
    """Coordinates (3, S, S, S) in -1..1, bent smoothly."""
    axis = np.linspace(-1, 1, side, dtype=np.float32)
    grid = np.stack(np.meshgrid(axis, axis, axis, indexing="ij"))
    strength = random.uniform(0.02, 0.16)
    for component in grid:
        component += strength * smooth_noise(side, int(random.integers(3, 8)), random)
    return grid


def _regions(side: int, random: Random) -> Labels:
    """Tissue that fills the cube: the strongest of several smooth noises, or Voronoi cells."""
    count = int(random.integers(2, 9))
    knots = int(random.integers(2, 6))
    fields = np.stack([smooth_noise(side, knots, random) for _ in range(count)])
    if random.random() < 0.5:
        fields += 0.4 * random.random() * np.stack([smooth_noise(side, knots * 3, random) for _ in range(count)])
    return fields.argmax(0).astype(np.int16)


def _body(labels: Labels, grid: Field, random: Random) -> Labels:
    """Air around a body whose skin crosses the cube."""
    normal = _direction(random)
    skin = np.tensordot(normal, grid, 1) > random.uniform(0.1, 0.8)
    return _put(labels, skin)


def _ellipsoid(labels: Labels, grid: Field, random: Random) -> Labels:
    """One organ; with some chance with a part inside it."""
    level = _level(grid, random, random.uniform(0.1, 0.75))
    labels = _put(labels, level < 1)
    return _put(labels, level < random.uniform(0.3, 0.85)) if random.random() < 0.25 else labels


def _shell(labels: Labels, grid: Field, random: Random) -> Labels:
    """A hollow organ or a bone: a wall of a few voxels, filled or not."""
    size = random.uniform(0.3, 1.1)
    level = np.sqrt(_level(grid, random, size))
    thickness = random.uniform(1.5, 5) / (size * labels.shape[0] / 2)
    labels = _put(labels, (level < 1) & (level > 1 - thickness))
    return _put(labels, level <= 1 - thickness) if random.random() < 0.6 else labels


def _tree(labels: Labels, grid: Field, random: Random) -> Labels:
    """A vessel, nerve or airway with none to four branches, thinner than the trunk."""
    side = labels.shape[0]
    radius = random.uniform(1.0, 5.0)
    trunk = _curve(random.uniform(0, side, 3), _direction(random), side, random)
    inside = _tube(trunk, radius, grid, side)
    for _ in range(int(random.integers(0, 5))):
        start = trunk[random.integers(len(trunk))]
        inside |= _tube(_curve(start, _direction(random), side, random), radius * random.uniform(0.5, 0.9), grid, side)
    labels = _put(labels, inside)
    if random.random() < 0.3:  # a wall, or what flows inside it
        labels = _put(labels, ndimage.binary_erosion(inside))
    return labels


def _spots(labels: Labels, grid: Field, random: Random) -> Labels:
    """Many small things of one label: lesions, nodes, alveoli."""
    side = labels.shape[0]
    count = int(random.integers(2, 25))
    depth = np.full(labels.shape, -1, np.float32)
    for centre, radius in zip(random.uniform(0, side, (count, 3)), random.uniform(1.2, 5, count), strict=True):
        near = tuple(slice(max(0, int(c - radius)), min(side, int(c + radius) + 2)) for c in centre)
        offsets = np.ogrid[near]
        distance = np.sqrt(sum((o - c) ** 2 for o, c in zip(offsets, centre, strict=True)))
        depth[near] = np.maximum(depth[near], (radius - distance).astype(np.float32))
    return _put(labels, _bent(depth, grid) > 0)


def _nodule(labels: Labels, grid: Field, random: Random) -> Labels:
    """One small thing, anywhere."""
    return _put(labels, _level(grid, random, random.uniform(0.06, 0.22)) < 1)


def _slab(labels: Labels, grid: Field, random: Random) -> Labels:
    """A muscle, a disc or a bone's cortex: a plate, often cut to an ellipsoid."""
    along = np.tensordot(_direction(random), grid, 1) - random.uniform(-0.5, 0.5)
    inside = np.abs(along) < random.uniform(0.04, 0.2)
    return _put(labels, inside & (_level(grid, random, random.uniform(0.4, 1.2)) < 1))


_MAKERS = (_ellipsoid, _shell, _tree, _spots, _nodule, _slab)
_CHANCES = np.array([0.38, 0.14, 0.2, 0.06, 0.12, 0.1])


def _put(labels: Labels, inside: NDArray[np.bool_]) -> Labels:
    return np.where(inside, labels.max() + 1, labels).astype(np.int16)


def _direction(random: Random) -> Field:
    vector = random.standard_normal(3).astype(np.float32)
    return vector / max(1e-6, float(np.linalg.norm(vector)))


def _level(grid: Field, random: Random, size: float) -> Field:
    """Squared distance from a random centre in units of turned half axes around `size`."""
    turn, _ = np.linalg.qr(random.standard_normal((3, 3)))
    axes = size * np.exp(random.uniform(-0.7, 0.4, 3))
    matrix = (turn / axes[:, None]).astype(np.float32)
    centre = random.uniform(-0.7, 0.7, 3).astype(np.float32)
    power = random.choice([2.0, 2.0, 3.0])  # 3: nearer to a box
    along = np.tensordot(matrix, grid - centre[:, None, None, None], 1)
    return (np.abs(along) ** power).sum(0) ** (2 / power)


def _curve(start: NDArray[np.float64], heading: Field, side: int, random: Random) -> NDArray[np.float64]:
    """Points one voxel apart along a walk whose heading drifts."""
    steps = int(random.integers(side // 3, side * 3 // 2))
    turns = np.cumsum(random.standard_normal((steps, 3)) * random.uniform(0.02, 0.15), axis=0)
    headings = heading + turns
    headings /= np.linalg.norm(headings, axis=1, keepdims=True) + 1e-6
    return start + np.cumsum(headings, axis=0)


def _tube(points: NDArray[np.float64], radius: float, grid: Field, side: int) -> NDArray[np.bool_]:
    """Voxels near the points, by a distance map: a search for the nearest point took ten times as long."""
    away = np.ones((side,) * 3, bool)
    at = np.rint(points).astype(int)
    away[tuple(at[((at >= 0) & (at < side)).all(1)].T)] = False
    if away.all():
        return ~away
    return _bent(ndimage.distance_transform_edt(away).astype(np.float32), grid) < radius


def _bent(values: Field, grid: Field) -> Field:
    """A cube of values, read at the grid's coordinates."""
    at = (grid + 1) * ((values.shape[0] - 1) / 2)
    return np.asarray(ndimage.map_coordinates(values, at, order=1, mode="nearest"))
