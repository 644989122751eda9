"""`Clip`: slices of one object, one behind the other, to learn from; number i of a seed is always the same."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from app.engine.trial.maps import image_channels
from training import painting, scans, shapes
from training.scans import Scan
from training.scenes import LARGEST, Mix, connected
from training.shapes import Field, Random

Mask = NDArray[np.bool_]
Position = NDArray[np.float64]
LENGTH = 5  # slices
SMALLEST = 25  # pixels of the first slice; less is not seen as an object
INVENTED = 72  # voxels along an invented scan; a clip shows part of it
PLACED = 0.8  # share of slices that are kept inside the scan where they can be
NATIVE = 0.6  # share of clips across a scan's own thickest axis, along which people page
TURNED = 0.4  # share of the others of any orientation
WIDEST = 1.25  # of the scan: more around it is air that nobody looks at
GAPS = (0.6, 7.0)  # pixels from slice to slice


@dataclass(frozen=True)
class Clip:
    """Images (LENGTH, IMAGE_CHANNELS, S, S) float32, and the object's mask on each (LENGTH, S, S); never empty on 0."""

    images: Field
    masks: Mask


def make(number: int, seed: int, side: int, real: list[Scan], mix: Mix, count: int = 2) -> list[Clip]:
    """Clips of the same object of scan `number` of a seed: to invent a scan takes longer than to cut it."""
    clips: list[Clip] = []
    for attempt in range(30):
        random = np.random.default_rng((seed, number, attempt))
        scan, mask = _chosen(real, mix, random)
        cut = (_cut(scan, mask, side, random) for _ in range(2 * count))
        clips += [clip for clip in cut if clip is not None]
        if len(clips) >= count:
            return clips[:count]
    raise ValueError(f"clip {number} of seed {seed} has no object after 30 attempts")


def _chosen(real: list[Scan], mix: Mix, random: Random) -> tuple[Scan, Mask]:
    """A scan, and the object to be followed in it."""
    where = random.random()
    if real and where < mix.outlined:
        return outlined(scans.weighted(real, random), random)
    if real and where < mix.outlined + mix.pseudo:
        scan = real[random.integers(len(real))]
        return scan, scans.part(scan, random)
    labels = shapes.label_map(INVENTED, random)
    return Scan(painting.paint(labels, random), labels, np.ones(3), {}), connected(labels, random)


def outlined(scan: Scan, random: Random) -> tuple[Scan, Mask]:
    """An outlined object of a real scan, all of a label or one connected part of it; in two of five painted anew."""
    label = int(random.choice(list(scan.boxes)))
    new = random.random() < scans.REPAINTED
    near = scans.around(scan, label, random) if new else scan
    mask = near.labels > 0 if random.random() < 0.15 else near.labels == label
    if new:
        image = painting.paint(scans.dense(near.image, near.labels, random), random)
        near = Scan(image, near.labels, near.spacing, {})
    return near, mask


def _cut(scan: Scan, mask: Mask, side: int, random: Random) -> Clip | None:
    """Slices across some axis; None where the first shows too little or too much of the object."""
    if not mask.any():
        return None
    frame = _frame(scan.spacing, random)
    inside = np.argwhere(mask)
    centre = inside[random.integers(len(inside))].astype(float)
    extent = _extent(scan, mask, centre, frame)
    step = max(extent, 2.0 * float(scan.spacing.min())) / (side * np.exp(random.uniform(np.log(0.12), np.log(1.3))))
    step = min(step, WIDEST * float(np.delete(mask.shape * scan.spacing, np.argmax(np.abs(frame[:, 0]))).min()) / side)
    gap = step * np.exp(random.uniform(*np.log(GAPS)))
    gap = float(np.clip(gap, 0.3 * scan.spacing.min(), max(2.0 * scan.spacing.max(), step)))
    moved = centre + (frame[:, 1:] @ (random.uniform(-0.25, 0.25, 2) * side * step)) / scan.spacing
    if random.random() < PLACED:
        moved = _within(mask.shape, moved, frame, side * step / scan.spacing)
    at = _sampled(scan.spacing, moved, frame, (gap, step, step), side)
    masks = ndimage.map_coordinates(mask.astype(np.float32), at, order=1, mode="constant") > 0.5
    if not SMALLEST <= masks[0].sum() <= LARGEST * side * side:
        return None
    image = _blurred(ndimage.map_coordinates(scan.image, at, order=1, mode="nearest"), random)
    return Clip(np.moveaxis(image_channels(image), 0, 1).copy(), masks)


def _within(shape: tuple[int, ...], centre: Position, frame: Position, size: Position) -> Position:
    """The centre moved so that little of the slice lies outside the scan, as the program does it."""
    last = np.array(shape) - 1.0
    low, high = np.minimum(size / 2 - 0.5, last / 2), np.maximum(last - size / 2 + 0.5, last / 2)
    axis = int(np.argmax(np.abs(frame[:, 0])))
    placed = np.clip(centre, low, high)
    placed[axis] = centre[axis]
    return placed


def _blurred(image: Field, random: Random) -> Field:
    return painting.measured(image, random, across=0.0).astype(np.float32)


def _frame(spacing: Position, random: Random) -> Position:
    """Unit vectors (columns, millimetres along k, j, i): across the slices, down, right."""
    axis = int(np.argmax(spacing)) if random.random() < NATIVE and np.ptp(spacing) > 1e-3 else int(random.integers(3))
    flat = [a for a in range(3) if a != axis]
    if random.random() < 0.5:
        flat.reverse()
    frame = np.eye(3)[:, [axis, *flat]] * random.choice([-1.0, 1.0], 3)
    if random.random() < TURNED:
        angle = random.uniform(-np.pi / 4, np.pi / 4)
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        frame[:, 1:] = frame[:, 1:] @ turn
    return frame


def _extent(scan: Scan, mask: Mask, centre: Position, frame: Position) -> float:
    """Millimetres across the object on the slice through `centre`."""
    axis = int(np.argmax(np.abs(frame[:, 0])))
    plane = np.take(mask, int(centre[axis]), axis)
    found = ndimage.find_objects(plane.astype(np.uint8))[0]
    flat = np.delete(scan.spacing, axis)
    return float(max((s.stop - s.start) * step for s, step in zip(found, flat, strict=True)))


def _sampled(
    spacing: Position,
    centre: Position,
    frame: Position,
    steps: tuple[float, float, float],
    side: int,
) -> Position:
    """Indices (3, LENGTH, S, S) of slices from the one through `centre` on."""
    lines = [np.arange(LENGTH) * steps[0], *((np.arange(side) - (side - 1) / 2) * step for step in steps[1:])]
    offsets = np.stack(np.meshgrid(*lines, indexing="ij")).reshape(3, -1)
    indices = (frame @ offsets) / spacing[:, None] + centre[:, None]
    return cast("Position", indices.reshape(3, LENGTH, side, side))
