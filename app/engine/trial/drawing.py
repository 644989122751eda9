"""Prompts, drawn into the maps of a cube."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from app.engine.trial import maps
from app.engine.trial.cube import Cube
from app.geometry import EMPTY_REGION, Region
from app.prompts import Box, Point, Prompt, Scribble, SliceMask

Array = NDArray[np.float32]


def draw(prompts: tuple[Prompt, ...], cube: Cube) -> Array:
    """The maps (CHANNELS, side, side, side) of all prompts, without a last answer."""
    drawn = maps.empty(cube.side)
    for prompt in prompts:
        if isinstance(prompt, Box):
            draw_box(drawn, prompt, cube)
        elif isinstance(prompt, SliceMask):
            draw_slice(drawn, cube, prompt.axis, prompt.index, prompt.mask)
        else:
            draw_voxels(drawn, prompt, cube)
    return drawn


def draw_voxels(drawn: Array, prompt: Point | Scribble, cube: Cube) -> None:
    """A point's or a scribble's balls; the newest wins where include and exclude meet."""
    indices = [prompt.index] if isinstance(prompt, Point) else list(prompt.indices)
    channel = maps.INCLUDE if prompt.positive else maps.EXCLUDE
    before = drawn[channel].copy()
    maps.draw_points(drawn, channel, dict.fromkeys(cube.voxels(np.array(indices, np.int64))))
    drawn[maps.INCLUDE + maps.EXCLUDE - channel][drawn[channel] > before] = 0


def draw_box(drawn: Array, box: Box, cube: Cube) -> None:
    """The inside of a box; a flat one is one slice of the object, so it reaches over the volume's slice."""
    low = np.floor(cube.positions(np.array(box.start, float) - 0.5) + 0.5).astype(int)
    high = np.floor(cube.positions(np.array(box.stop, float) + 0.5) + 0.5).astype(int)
    inside = tuple(slice(max(0, a), max(0, b, a + 1)) for a, b in zip(low, high, strict=True))
    drawn[maps.BOX][inside] = 1


def draw_slice(drawn: Array, cube: Cube, axis: int, index: int, mask: NDArray[np.bool_]) -> None:
    """A slice whose answer is known, as thick as the volume's slice and at least one voxel of the cube."""
    start = [0, 0, 0]
    start[axis] = index
    stop = [s + n for s, n in zip(start, np.expand_dims(mask, axis).shape, strict=True)]
    region = Region((start[0], start[1], start[2]), (stop[0], stop[1], stop[2]))
    plane = cube.reads(np.expand_dims(mask, axis).astype(np.float32), region)
    at = cube.positions(np.array([index] * 3, float))[axis]
    half = max(0.5, float(cube.ratio[axis]) / 2)
    near = np.abs(np.arange(cube.side) - at) <= half + 1e-6
    if not near.any():
        return
    known = np.moveaxis(plane, axis, 0)[0] > 0.5
    inside, outside = (np.moveaxis(drawn[channel], axis, 0) for channel in (maps.KNOWN_INSIDE, maps.KNOWN_OUTSIDE))
    inside[near], outside[near] = known, ~known


def drawn_region(prompt: SliceMask) -> Region:
    """The box around the True pixels of a slice mask, in the volume; of size 0 without one."""
    inner = Region.around(np.expand_dims(prompt.mask, prompt.axis))
    return inner.placed(prompt.region().start) if inner else EMPTY_REGION
