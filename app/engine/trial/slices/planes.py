"""`PlanePrompts`: what prompts of the volume say on the slices across one axis."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.engine.evaluation.protocols import slicing_axis
from app.engine.trial.slices.window import Mask, Pixel
from app.prompts import Box, Point, Prompt, Scribble, SliceMask

Pixels = NDArray[np.int64]
_NONE = np.zeros((0, 2), np.int64)


@dataclass(frozen=True, slots=True, eq=False)
class PlanePrompts:
    """Prompts on one slice.

    Args:
        include: Pixels (n, 2) that belong to the object.
        exclude: Pixels (n, 2) that do not.
        box: First and last pixel of the box that the object lies in; None without one.
        mask: The object's outline, where it is given.
    """

    include: Pixels
    exclude: Pixels
    box: tuple[Pixel, Pixel] | None = None
    mask: Mask | None = None

    def moved(self, start: Pixels, shape: Pixels) -> PlanePrompts:
        """The same in the pixels of a part of the slice; points outside it are left out."""
        (top, left), (rows, columns) = start.tolist(), shape.tolist()
        (a, b), (c, d) = self.box or ((0.0, 0.0), (0.0, 0.0))
        box = None if self.box is None else ((a - top, b - left), (c - top, d - left))
        mask = None if self.mask is None else self.mask[top : top + rows, left : left + columns]
        return PlanePrompts(_within(self.include - start, shape), _within(self.exclude - start, shape), box, mask)


def axis_of(prompts: tuple[Prompt, ...], spacing: tuple[float, float, float]) -> int:
    """Across which axis the newest prompt sees slices; the axis of the thickest slices where it does not say."""
    newest = prompts[-1]
    if isinstance(newest, SliceMask):
        return newest.axis
    if isinstance(newest, Point):
        return slicing_axis(spacing) if newest.axis is None else newest.axis
    flat = [axis for axis, n in enumerate(newest.region().shape) if n == 1]
    return flat[0] if len(flat) == 1 else slicing_axis(spacing)


def newest_slice(prompts: tuple[Prompt, ...], axis: int) -> int:
    """The slice of the newest prompt, the middle one of several; of a box the one that was clicked, if any."""
    region = prompts[-1].region()
    clicked = [p.index[axis] for p in prompts if isinstance(p, Point) and p.positive and region.contains(p.index)]
    if isinstance(prompts[-1], Box) and clicked:
        return clicked[-1]
    return (region.start[axis] + region.stop[axis] - 1) // 2


def by_slice(prompts: tuple[Prompt, ...], axis: int, newest: int) -> dict[int, PlanePrompts]:
    """What is told on every slice that is prompted; a box of several slices counts on clicked ones and on `newest`."""
    include, exclude = _pixels(prompts, axis, True), _pixels(prompts, axis, False)
    masks = {p.index: p.mask for p in prompts if isinstance(p, SliceMask) and p.axis == axis}
    boxes = [prompt.region() for prompt in prompts if isinstance(prompt, Box)]
    told = {}
    for index in sorted({*include, *exclude, *masks, newest}):
        inside = [b for b in boxes if b.start[axis] <= index < b.stop[axis]]
        box = (_flat(inside[-1].start, axis), _flat(np.subtract(inside[-1].stop, 1), axis)) if inside else None
        told[index] = PlanePrompts(include.get(index, _NONE), exclude.get(index, _NONE), box, masks.get(index))
    return told


def _pixels(prompts: tuple[Prompt, ...], axis: int, positive: bool) -> dict[int, Pixels]:
    """Pixels of points and scribbles by slice, the newest last."""
    listed = [
        np.reshape(prompt.index if isinstance(prompt, Point) else prompt.array, (-1, 3)).astype(np.int64)
        for prompt in prompts
        if isinstance(prompt, Point | Scribble) and prompt.positive is positive
    ]
    if not listed:
        return {}
    voxels = np.concatenate(listed)
    slices, flat = voxels[:, axis], np.delete(voxels, axis, axis=1)
    return {int(index): flat[slices == index] for index in np.unique(slices)}


def _within(pixels: Pixels, shape: Pixels) -> Pixels:
    return pixels[((pixels >= 0) & (pixels < shape)).all(axis=1)]


def _flat(corner: object, axis: int) -> Pixel:
    row, column = np.delete(np.asarray(corner, float), axis).tolist()
    return row, column
