"""What is too large to be seen whole from near by: invented skulls, and all that is bright in a real scan."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from app.engine.builtin.surroundings import in_hounsfield
from training import clicks
from training.graph.bones import skull
from training.scans import Scan
from training.shapes import Field, Random

Mask = NDArray[np.bool_]
Spacing = tuple[float, float, float]

_SKULLS = 0.4  # share of what is made here
_WITHOUT_OUTLINES = 0.7  # share of the scans: the heads
_VOXELS = 1_200_000
_BONE = (130.0, 420.0)  # HU: what is denser is taken for bone, by one or the other
_BRIGHT = (0.3, 0.75)  # the same of the range of a scan in other units
_CLOSED, _ONE = 0.3, 0.6  # shares of the masks without small gaps, and of one part


def large(real: list[Scan], random: Random) -> tuple[Field, list[Mask], Spacing]:
    """An image, masks of large things in it, and its spacing (z, y, x) in mm."""
    if not real or random.random() < _SKULLS:
        return (*skull(int(random.integers(72, 108)), random), (1.0, 1.0, 1.0))
    image, spacing = _block(_chosen(real, random), random)
    return image, [_bright(image, random) for _ in range(3)], spacing


def _chosen(real: list[Scan], random: Random) -> Scan:
    heads = [scan for scan in real if not scan.boxes]
    among = heads if heads and random.random() < _WITHOUT_OUTLINES else real
    return among[random.integers(len(among))]


def _block(scan: Scan, random: Random) -> tuple[Field, Spacing]:
    """At least half of a scan along each axis, coarser, mirrored or not, in voxels between its own and cubes."""
    size = np.maximum(8, random.uniform(0.5, 1.0, 3) * scan.image.shape).astype(int)
    low = np.array([random.integers(0, n - s + 1) for n, s in zip(scan.image.shape, size, strict=True)])
    block = scan.image[tuple(slice(a, b) for a, b in zip(low, low + size, strict=True))]
    coarser = np.minimum(1.0, scan.spacing / scan.spacing.max() * random.uniform(1.0, 3.0))
    coarser *= min(1.0, float(_VOXELS * random.uniform(0.5, 1.0) / np.prod(size * coarser)) ** (1 / 3))
    share = [min(1.0, max(6, round(n * c)) / n) for n, c in zip(size, coarser, strict=True)]
    image = ndimage.zoom(ndimage.gaussian_filter(block, [0.5 * (1 / s - 1) for s in share]), share, order=1)
    k, j, i = (float(s) for s in scan.spacing / np.array(share))
    return image[tuple(slice(None, None, -1 if random.random() < 0.5 else 1) for _ in range(3))], (k, j, i)


def _bright(image: Field, random: Random) -> Mask:
    """What is brighter than some number: all of it, or its largest part."""
    smooth = ndimage.gaussian_filter(image, random.uniform(0.0, 0.7))
    inside = np.asarray(smooth > _least(image, smooth, random))
    if random.random() < _CLOSED:
        inside = ndimage.binary_closing(inside)
    if random.random() < _ONE and inside.any():
        inside = clicks.largest(inside)
    return np.asarray(inside)


def _least(image: Field, smooth: Field, random: Random) -> float:
    if in_hounsfield(np.percentile(image, (0.1, 99.9))):
        return float(random.uniform(*_BONE))
    low, high = np.percentile(smooth, (0.5, 99.7))
    return float(low + (high - low) * random.uniform(*_BRIGHT))
