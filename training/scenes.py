"""`Scene`: one cube to learn from, an image and some objects in it; number i of a seed is always the same."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from app.engine.trial.maps import image_channels
from training import painting, scans, shapes
from training.shapes import Field, Labels, Random

Mask = NDArray[np.bool_]
SMALLEST = 20  # voxels; what is smaller in a cube is not seen as an object
LARGEST = 0.6  # of the cube


@dataclass(frozen=True)
class Scene:
    """An image of `maps.image_channels` (2, S, S, S) float32 and masks (S, S, S) of objects in it."""

    image: Field
    masks: tuple[Mask, ...]


@dataclass(frozen=True)
class Mix:
    """How often a scene comes from where; the rest is invented.

    Args:
        outlined: Share with objects that people outlined in real scans.
        pseudo: Share with pseudo-objects in real scans.
    """

    outlined: float = 0.25
    pseudo: float = 0.1


def make(number: int, seed: int, side: int, objects: int, real: list[scans.Scan], mix: Mix) -> Scene:
    """Scene `number` of a seed, with `objects` masks (the same one again where there are fewer)."""
    for attempt in range(20):
        random = np.random.default_rng((seed, number, attempt))
        image, masks = _drawn(side, objects, real, mix, random)
        if random.random() < 0.35:
            image, masks = painting.thick_slices(image, masks, random)
        if random.random() < 0.2:
            beyond(image, masks, random)
        masks = [mask for mask in masks if SMALLEST <= mask.sum() <= LARGEST * mask.size]
        if masks:
            shown = image_channels(painting.measured(image, random).astype(np.float32))
            return Scene(shown, tuple(masks[i % len(masks)] for i in range(objects)))
    raise ValueError(f"scene {number} of seed {seed} has no object after 20 attempts")


def beyond(image: Field, masks: list[Mask], random: Random) -> None:
    """As where a cube is larger than the scan: its border is repeated, and nothing is outlined out there."""
    axis, share = int(random.integers(3)), random.uniform(0.05, 0.35)
    depth = max(1, round(share * image.shape[0]))
    for one, outside in [(image, False), *((mask, True) for mask in masks)]:
        turned = np.moveaxis(one, axis, 0)
        turned[:depth] = False if outside else turned[depth].copy()


def _drawn(side: int, objects: int, real: list[scans.Scan], mix: Mix, random: Random) -> tuple[Field, list[Mask]]:
    where = random.random()
    if real and where < mix.outlined:
        return scans.region(scans.weighted(real, random), side, random)
    if real and where < mix.outlined + mix.pseudo:
        return scans.pseudo(real[random.integers(len(real))], side, random)
    labels = shapes.label_map(side, random)
    return painting.paint(labels, random), [connected(labels, random) for _ in range(objects * 2)]


def part(mask: Mask, random: Random) -> Mask:
    """What is connected to a random voxel of a mask that has one."""
    parts, _ = ndimage.label(mask)
    voxels = np.flatnonzero(parts)
    return np.asarray(parts == parts.ravel()[voxels[random.integers(voxels.size)]])


def connected(labels: Labels, random: Random) -> Mask:
    """A label's connected part around a random voxel, sometimes the whole label, sometimes with what lies inside it."""
    label = (
        random.choice(np.unique(labels))
        if random.random() < 0.7
        else labels[tuple(random.integers(0, labels.shape[0], 3))]
    )
    inside = labels == label
    if random.random() < 0.85:
        inside = part(inside, random)
    if random.random() < 0.2:
        inside = ndimage.binary_fill_holes(inside)
    return np.asarray(inside)
