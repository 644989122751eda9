"""Invented bones in CT numbers: a dense shell around marrow that is as grey as the tissue beside the bone, or darker.

What is clicked on is the whole bone, its marrow included; several lie so close that only a thin gap parts them. Without
these, nothing among the training scans tells that a shell of bone and what it encloses are one object.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from training import clicks, painting, shapes
from training.shapes import Field, Random

Mask = NDArray[np.bool_]

_MARROW_IS_FAT = 0.3  # share of the bones with yellow marrow
_SMALLEST = 100  # voxels
_IN_A_ROW = 0.4  # share of the cubes with bones in a row
_IN_AIR, _AIR, _SKIN = 0.7, -950.0, 1.15  # share of the skulls with air around them, HU, times their radii


def bones(side: int, random: Random) -> tuple[Field, list[Mask]]:
    """A cube of invented tissue with bones in Hounsfield units, and their masks."""
    labels = shapes.label_map(side, random)
    image = np.minimum(painting.paint(labels, random, hounsfield=True), random.uniform(60, 160)).astype(np.float32)
    grid = np.indices(labels.shape, dtype=np.float32)
    grid += side * random.uniform(0.0, 0.04) * np.stack([shapes.smooth_noise(side, 4, random) for _ in range(3)])
    taken, masks = np.zeros(labels.shape, dtype=bool), []
    seed, in_a_row = int(random.integers(1 << 31)), random.random() < _IN_A_ROW
    for shape in _row(grid, random) if in_a_row else _apart(grid, random):
        free = shape & ~taken
        mask = clicks.largest(free) if free.any() else free
        if mask.sum() < _SMALLEST:
            continue
        _fill(image, mask, np.random.default_rng(seed) if in_a_row else random)  # those of a row are alike
        masks.append(mask)
        taken |= ndimage.binary_dilation(mask, iterations=int(random.integers(1, 4)))
    return ndimage.gaussian_filter(image, random.uniform(0.3, 1.6)), masks


def skull(side: int, random: Random) -> tuple[Field, list[Mask]]:
    """A cube with a shell of bone, larger than any in a lesson, with openings and plates inside it; and its mask."""
    labels = shapes.label_map(side, random)
    image = np.minimum(painting.paint(labels, random, hounsfield=True), random.uniform(60, 160)).astype(np.float32)
    grid = np.indices(labels.shape, dtype=np.float32)
    grid += side * random.uniform(0.01, 0.04) * np.stack([shapes.smooth_noise(side, 4, random) for _ in range(3)])
    at, radii = random.uniform(0.45, 0.55, 3) * side, side * random.uniform(0.3, 0.42, 3)
    away = np.sqrt((((grid - at[:, None, None, None]) / radii[:, None, None, None]) ** 2).sum(axis=0))
    shell = np.abs(away - 1) * radii.mean() < side * random.uniform(0.015, 0.04)
    if random.random() < _IN_AIR:
        image[away > _SKIN] = _AIR
    for _ in range(int(random.integers(2, 6))):
        shell &= ~_ellipsoid(grid, at + _way(random) * radii, side * random.uniform(0.05, 0.14, 3))
    for _ in range(int(random.integers(1, 5))):
        place = at + _way(random) * radii * random.uniform(0.5, 1)
        shell |= _plate(grid, place, random) & (away < 1.1)
    mask = clicks.largest(shell)
    _fill(image, mask, random)
    return ndimage.gaussian_filter(image, random.uniform(0.3, 1.2)), [mask]


def _way(random: Random) -> NDArray[np.float64]:
    """A direction."""
    way = random.normal(0, 1, 3)
    return np.asarray(way / np.linalg.norm(way))


def _apart(grid: Field, random: Random) -> list[Mask]:
    """One to four of one kind."""
    side, maker = grid.shape[1], _MAKERS[int(random.integers(len(_MAKERS)))]
    at = random.uniform(0.2, 0.8, 3) * side
    return [maker(grid, at + random.normal(0, 0.25, 3) * side, random) for _ in range(int(random.integers(1, 5)))]


def _row(grid: Field, random: Random) -> list[Mask]:
    """The same bone again and again along an axis, as vertebrae and fingers are."""
    side, axis = grid.shape[1], int(random.integers(3))
    first = _MAKERS[int(random.integers(2))](grid, random.uniform(0.3, 0.7, 3) * side, random)
    lines = np.flatnonzero(first.any(axis=tuple(a for a in range(3) if a != axis)))
    if not lines.size:
        return []
    step = max(4, round(float(np.ptp(lines) * random.uniform(0.6, 1.1))))
    shifts = np.arange(-(side // step), side // step + 1)[:, None] * step * np.eye(3, dtype=int)[axis]
    return [ndimage.shift(first.astype(np.uint8), shift, order=0) > 0 for shift in shifts]


def _fill(image: Field, mask: Mask, random: Random) -> None:
    """Write cortex and marrow into the image."""
    depth = ndimage.distance_transform_edt(mask)
    thick = random.uniform(0.8, 3.5) * (1 + 0.4 * shapes.smooth_noise(mask.shape[0], 4, random))
    cortex = mask & (depth <= np.maximum(thick, 0.6))
    marrow = random.uniform(-90, 60) if random.random() < _MARROW_IS_FAT else random.uniform(70, 350)
    grain = random.uniform(5, 60) * ndimage.gaussian_filter(random.standard_normal(mask.shape, dtype=np.float32), 0.7)
    image[mask] = (marrow + 2 * grain)[mask]
    dense = random.uniform(250, 1300) * (1 + 0.25 * shapes.smooth_noise(mask.shape[0], 6, random))
    image[cortex] = dense[cortex]


def _long(grid: Field, at: NDArray[np.float64], random: Random) -> Mask:
    """A shaft, thicker at its ends."""
    side = grid.shape[1]
    way = random.normal(0, 1, 3)
    way *= side * random.uniform(0.3, 1.2) / np.linalg.norm(way)
    start = at - way / 2
    along = np.clip(np.tensordot(way, grid - start[:, None, None, None], 1) / (way @ way), 0, 1)
    away = np.linalg.norm(grid - start[:, None, None, None] - way[:, None, None, None] * along, axis=0)
    radius = side * random.uniform(0.04, 0.14)
    bulge = 1 + random.uniform(0, 0.9) * np.abs(2 * along - 1) ** 4
    return np.asarray(away < radius * bulge)


def _lump(grid: Field, at: NDArray[np.float64], random: Random) -> Mask:
    """A body with processes, as a vertebra has."""
    side = grid.shape[1]
    size = side * random.uniform(0.08, 0.25)
    mask = _ellipsoid(grid, at, size * random.uniform(0.6, 1.2, 3))
    for _ in range(int(random.integers(0, 5))):
        way = _way(random)
        radii = size * random.uniform(0.15, 0.5, 3)
        radii[int(np.argmax(np.abs(way)))] = size * random.uniform(0.6, 1.1)
        mask |= _ellipsoid(grid, at + way * size, radii)
    return mask


def _plate(grid: Field, at: NDArray[np.float64], random: Random) -> Mask:
    """A curved sheet, as of a skull, a shoulder blade or a hip."""
    side = grid.shape[1]
    radius = side * random.uniform(0.3, 1.5)
    way = random.normal(0, 1, 3)
    centre = at + radius * way / np.linalg.norm(way)
    bent = random.uniform(0.7, 1.3, 3)[:, None, None, None]
    away = np.linalg.norm((grid - centre[:, None, None, None]) / bent, axis=0)
    near = _ellipsoid(grid, at, side * random.uniform(0.3, 1.2, 3))
    return np.asarray((np.abs(away - radius) < side * random.uniform(0.02, 0.07)) & near)


def _ellipsoid(grid: Field, at: NDArray[np.float64], radii: NDArray[np.float64]) -> Mask:
    scaled = (grid - at[:, None, None, None]) / radii[:, None, None, None]
    return np.asarray((scaled**2).sum(axis=0) < 1)


_MAKERS = (_long, _lump, _lump, _plate)
