"""Intensities for a label map, as a scanner that does not exist might have measured them.

In the manner of SynthSeg (arXiv 2107.09559) and AnyStar (arXiv 2307.07044): every label draws its own grey value and
texture, then come partial volume, thick slices, bias field, noise and contrast, all at random; half of the images has
CT numbers, where neighbours differ by little and air and bone stretch the range.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from training.shapes import Field, Labels, Random, smooth_noise

TISSUES = np.array([-1000, -850, -100, -60, 0, 15, 35, 45, 55, 65, 90, 130, 200, 350, 700, 1200], np.float32)
"""Hounsfield units from air over lung, fat, water and soft tissue to contrast agent and bone."""

_SOFT = (TISSUES >= 0) & (TISSUES <= 130)
_CT = 0.5  # share of the images with CT numbers: most scans that are clicked on are CT


def paint(labels: Labels, random: Random, hounsfield: bool = False) -> Field:
    """An image of the labels, any unit; with `hounsfield` always CT numbers."""
    count = int(labels.max()) + 1
    ct = hounsfield or random.random() < _CT
    means, spread = _hounsfield(count, random) if ct else _grey(count, random)
    image = means[labels]
    image = image + spread[labels] * _texture(labels.shape, random)
    if random.random() < 0.7:  # the scanner's point spread
        image = ndimage.gaussian_filter(image, random.uniform(0.3, 1.3))
    if not ct and random.random() < 0.6:  # a coil's sensitivity
        image = image * np.exp(random.uniform(0, 0.4) * smooth_noise(labels.shape, int(random.integers(2, 5)), random))
    return image.astype(np.float32)


def measured(image: Field, random: Random, across: float = 1.0) -> Field:
    """What a real or an invented image might look like from another scanner: noise, contrast, a little blur.

    Args:
        across: Blur along the first axis beside the others': 0 where that leads from slice to slice.
    """
    image = noisy(image, random, across)
    if random.random() < 0.4:
        low, high = image.min(), image.max()
        image = ((image - low) / (high - low + 1e-6)) ** np.exp(random.uniform(-0.5, 0.5))
    return -image if random.random() < 0.1 else image


def noisy(image: Field, random: Random, across: float = 1.0) -> Field:
    """The part of `measured` that keeps the image's unit: a little blur, and noise."""
    blur = np.array([across, 1.0, 1.0])
    scale = float(np.subtract(*np.percentile(image[::2, ::2, ::2], (97, 3)))) + 1e-6
    if random.random() < 0.3:
        image = ndimage.gaussian_filter(image, blur * random.uniform(0.3, 1.0))
    if random.random() < 0.6:
        noise = random.standard_normal(image.shape, dtype=np.float32)
        if random.random() < 0.3:  # grain larger than a voxel: speckle, interpolation, reconstruction kernels
            noise = ndimage.gaussian_filter(noise, blur * random.uniform(0.5, 1.2)) * 2.5
        image = image + scale * random.uniform(0, 0.12) * noise
    return image


def thick_slices(image: Field, masks: list[NDArray[np.bool_]], random: Random) -> tuple[Field, list[NDArray[np.bool_]]]:
    """As if scanned in slices 1.5 to 6 voxels thick along a random axis and read on the cube's grid again."""
    axis, step = int(random.integers(3)), float(random.uniform(1.5, 6))
    side = image.shape[0]
    centres = np.arange(random.uniform(0, step), side, step)
    weights = _profile(centres, step, side)
    back = _linear(centres, side)
    thick = np.tensordot(back @ weights, image, (1, axis))
    picked = np.clip(np.rint(centres).astype(int), 0, side - 1)
    drawn = [np.tensordot(back, np.take(mask, picked, axis).astype(np.float32), (1, axis)) > 0.5 for mask in masks]
    return np.moveaxis(thick, 0, axis).astype(np.float32), [np.moveaxis(mask, 0, axis) for mask in drawn]


def _hounsfield(count: int, random: Random) -> tuple[Field, Field]:
    """Organs that touch differ by some tens of units only; how many of the labels are soft tissue differs by place."""
    share = random.uniform(0.3, 0.9)
    chances = np.where(_SOFT, share / _SOFT.sum(), (1 - share) / (~_SOFT).sum())
    means = random.choice(TISSUES, count, p=chances) + random.uniform(-20, 20, count).astype(np.float32)
    soft = random.uniform(0, 15) * np.ones(count, np.float32)  # noise is much the same everywhere
    return means.astype(np.float32), (soft + random.uniform(0, 8, count)).astype(np.float32)


def _grey(count: int, random: Random) -> tuple[Field, Field]:
    means = random.uniform(0, 1, count)
    spread = random.uniform(0, 0.12) * random.uniform(0.2, 1, count)
    return means.astype(np.float32), spread.astype(np.float32)


def _texture(shape: tuple[int, ...], random: Random) -> Field:
    """Unit noise of several grain sizes, so that a tissue has a look beside its mean."""
    longest = max(shape)
    fine = random.standard_normal(shape, dtype=np.float32)
    middle = smooth_noise(shape, max(2, longest // int(random.integers(2, 6))), random)
    coarse = smooth_noise(shape, max(2, longest // 10), random)
    weights = random.dirichlet((1.0, 1.0, 0.5)).astype(np.float32)
    return weights[0] * fine + weights[1] * middle + weights[2] * coarse


def _profile(centres: NDArray[np.float64], step: float, side: int) -> Field:
    """Rows that average a slice's thickness (or part of it, where there are gaps between slices)."""
    distance = np.abs(centres[:, None] - np.arange(side)) / (step / 2)
    weights = np.clip(1.2 - distance, 0, 0.4)
    return (weights / np.maximum(weights.sum(1, keepdims=True), 1e-6)).astype(np.float32)


def _linear(centres: NDArray[np.float64], side: int) -> Field:
    """Rows that read the cube's voxels off the slices, linearly."""
    weights = np.zeros((side, len(centres)), np.float32)
    at = np.interp(np.arange(side), centres, np.arange(len(centres)))
    low = np.minimum(at.astype(int), max(0, len(centres) - 2))
    weights[np.arange(side), low] = 1 - (at - low)
    if len(centres) > 1:
        weights[np.arange(side), low + 1] += at - low
    return weights
