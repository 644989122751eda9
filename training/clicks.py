"""The simulated user: first prompts of several kinds, then corrections where the answer is wrong."""

from __future__ import annotations

import cc3d
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from app.engine.trial import maps
from training.shapes import Field, Random

Mask = NDArray[np.bool_]
Index = tuple[int, ...]


def first(mask: Mask, random: Random) -> Field:
    """Prompt maps of a first prompt: mostly one click; a box, a scribble, or in a cube the answer on some slices."""
    drawn = maps.empty(mask.shape[0], mask.ndim)
    kind = random.random()
    if kind < 0.66 or (kind >= 0.80 and mask.ndim == 2):
        maps.draw_points(drawn, maps.INCLUDE, [inside(mask, random)])
    elif kind < 0.76:
        _box(drawn, mask, random)
    elif kind < 0.80:
        maps.draw_points(drawn, maps.INCLUDE, _stroke(mask, random))
    else:
        _slices(drawn, mask, random)
    return drawn


def correct(drawn: Field, answer: Mask, mask: Mask, random: Random) -> None:
    """Add a click in the largest wrong part: include if missed, exclude if wrongly taken."""
    wrong = answer ^ mask
    if not wrong.any():
        return
    part = largest(wrong)
    index = inside(part, random)
    maps.draw_points(drawn, maps.INCLUDE if mask[index] else maps.EXCLUDE, [index])


def inside(mask: Mask, random: Random, spacing: tuple[float, ...] | None = None, deepest: float = 0.66) -> Index:
    """The deepest voxel of a mask, or in a third of the cases any, deeper ones likelier.

    Args:
        spacing: Of the voxels, where depth is meant in millimetres.
        deepest: Share of the cases in which it is the deepest.
    """
    box = ndimage.find_objects(mask.astype(np.uint8))[0]
    crop = mask[box]
    stride = 2 if crop.size > 16000 else 1  # every second voxel tells the depth of a large part as well
    coarse = np.pad(crop[(slice(None, None, stride),) * mask.ndim], 1)
    if not coarse.any():
        stride, coarse = 1, np.pad(crop, 1)
    depth = ndimage.distance_transform_edt(coarse, sampling=spacing)[(slice(1, -1),) * mask.ndim]
    if random.random() < deepest:
        at = int(depth.argmax())
    else:
        weights = depth.ravel() ** 1.5
        at = int(np.searchsorted(np.cumsum(weights), random.random() * weights.sum()))
    position = np.unravel_index(min(at, depth.size - 1), depth.shape)
    return tuple(int(p) * stride + s.start for p, s in zip(position, box, strict=True))


def largest(mask: Mask) -> Mask:
    """The largest connected part of a mask that has one."""
    parts = cc3d.connected_components(mask, connectivity=2 * mask.ndim)
    sizes = np.bincount(parts.ravel())
    sizes[0] = 0
    return np.asarray(parts == sizes.argmax())


def _box(drawn: Field, mask: Mask, random: Random) -> None:
    """The object's box as a person would draw it, with a click in half of the cases."""
    found = ndimage.find_objects(mask.astype(np.uint8))[0]
    edges = [
        (max(0, round(a.start - slack[0])), min(mask.shape[0], round(a.stop + slack[1])))
        for a, slack in zip(found, random.uniform(-1, 2.5, (mask.ndim, 2)), strict=True)
    ]
    drawn[maps.BOX][tuple(slice(a, max(b, a + 1)) for a, b in edges)] = 1
    if random.random() < 0.5:
        maps.draw_points(drawn, maps.INCLUDE, [inside(mask, random)])


def _stroke(mask: Mask, random: Random) -> list[Index]:
    """Points along a line between two voxels of the object, as far as they lie in it."""
    start, stop = (np.array(inside(mask, random)) for _ in range(2))
    points = (np.rint(start + (stop - start) * t).astype(int) for t in np.linspace(0, 1, 24))
    return [index for point in points if mask[index := tuple(point.tolist())]]


def _slices(drawn: Field, mask: Mask, random: Random) -> None:
    """The answer on one to several neighbouring slices, as in propagation; in some cases of either end."""
    axis = int(random.integers(3))
    areas = np.flatnonzero(mask.any(axis=tuple(a for a in range(3) if a != axis)))
    start = int(random.choice(areas))
    thickness = int(random.integers(1, 5)) if random.random() < 0.6 else int(random.integers(4, 17))
    known = np.zeros(mask.shape, bool)
    np.moveaxis(known, axis, 0)[max(0, start - (thickness if random.random() < 0.5 else 0)) : start + thickness] = True
    drawn[maps.KNOWN_INSIDE][known & mask] = 1
    drawn[maps.KNOWN_OUTSIDE][known & ~mask] = 1
