"""`slice_picture`: a slice with its segments as a PNG, laid out as on the screen."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from app.geometry import Geometry
from app.render.colours import grey
from app.render.picking import SlicePlane
from app.segmentation import Segment
from app.view_state import Window
from app.volume import Volume

EDGE = 320
"""Pixels along the longer side."""

_FILL = 0.25


def slice_picture(
    volume: Volume,
    labels: NDArray[np.unsignedinteger],
    segments: Sequence[Segment],
    window: Window,
    world_axis: int,
    index: int,
) -> bytes:
    """PNG of one slice: grey, segments tinted and outlined in their colours; millimetres are square.

    Args:
        labels: (k, j, i) on the volume's grid.
        world_axis: Across the slice: 2 axial, 1 coronal, 0 sagittal.
        index: Along the array axis that follows it.
    """
    plane = SlicePlane.of(volume.geometry, world_axis)
    shown = grey(plane.picture(volume.array, index), window)[::-1]
    flat = plane.picture(labels, index)[::-1]
    width, height = plane.extent
    scale = EDGE / max(width, height)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    smooth = Image.fromarray(shown).resize(size, Image.Resampling.BILINEAR)
    colour = np.repeat(np.asarray(smooth, np.float32)[..., None], 3, axis=2)
    for segment in segments:
        mask = _resized(flat == segment.label, size)
        share = np.where(mask & ~_inner(mask), 1.0, np.where(mask, _FILL, 0.0))[..., None]
        colour = (1 - share) * colour + share * np.array(segment.colour, np.float32)
    out = io.BytesIO()
    Image.fromarray(colour.astype(np.uint8)).save(out, "PNG", optimize=True)
    return out.getvalue()


def middle_of(mask: NDArray[np.bool_], geometry: Geometry, world_axis: int) -> int:
    """The slice across a world axis on which a segment is largest; the middle one where it is empty."""
    axis = geometry.axis_of(world_axis)
    areas = mask.sum(axis=tuple(a for a in range(3) if a != axis))
    return int(areas.argmax()) if areas.any() else geometry.shape[axis] // 2


def _resized(mask: NDArray[np.bool_], size: tuple[int, int]) -> NDArray[np.bool_]:
    picture = Image.fromarray(mask.astype(np.uint8) * 255).resize(size, Image.Resampling.NEAREST)
    return np.asarray(picture) > 0


def _inner(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    padded = np.pad(mask, 1)
    return padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:]
