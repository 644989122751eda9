"""Pixel to voxel and back as pure maths: `SlicePlane` lays a slice on the screen, `Viewport` zooms and pans it.

`first_met` finds the voxel on a line of sight in the 3D view.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from app.geometry import Geometry, Index

T = TypeVar("T", bound=np.generic)

_LAYOUT = {2: (0, 1), 1: (0, 2), 0: (1, 2)}
"""World axis across the view -> world axes (RAS) along the screen: horizontally, vertically."""

_MARGIN = 0.96  # a fitted slice leaves a thin rim, so that its border can be seen and clicked


@dataclass(frozen=True, slots=True)
class SlicePlane:
    """How the slices across one array axis lie on the screen, in radiological convention.

    Axial and coronal: the patient's right on the left of the screen; sagittal: anterior on the left; anterior or
    superior up. The views run along the array axes, so an oblique grid is shown as stored, without resampling.

    Plane coordinates (u, v) are millimetres, u to the right and v upwards, (0, 0) at the centre of the
    bottom left voxel.

    Args:
        axis: Array axis across the slices.
        right: Array axis along the screen's horizontal; `right_reversed` when it grows to the left.
        up: Array axis along the screen's vertical; `up_reversed` when it grows downwards.
    """

    axis: int
    right: int
    up: int
    right_reversed: bool
    up_reversed: bool
    shape: Index
    spacing: tuple[float, float, float]

    @classmethod
    def of(cls, geometry: Geometry, world_axis: int) -> SlicePlane:
        """The axial (2), coronal (1) or sagittal (0) plane of a grid."""
        horizontal, vertical = _LAYOUT[world_axis]
        right, up = geometry.axis_of(horizontal), geometry.axis_of(vertical)
        # Left and posterior lie on the right of the screen: both are where R and A do not grow to.
        reversed_right, reversed_up = geometry.grows(right), not geometry.grows(up)
        axis = geometry.axis_of(world_axis)
        return cls(axis, right, up, reversed_right, reversed_up, geometry.shape, geometry.spacing)

    @property
    def extent(self) -> tuple[float, float]:
        """Width and height of the whole slice in millimetres, outer voxel borders included."""
        return self.shape[self.right] * self.spacing[self.right], self.shape[self.up] * self.spacing[self.up]

    @property
    def middle(self) -> tuple[float, float]:
        """(u, v) of the slice's centre."""
        width, height = self.extent
        return (width - self.spacing[self.right]) / 2, (height - self.spacing[self.up]) / 2

    def plane(self, index: ArrayLike) -> NDArray[np.float64]:
        """(..., 2) plane millimetres of voxel positions (..., 3) given as (k, j, i), whatever their slice."""
        values = np.asarray(index, dtype=np.float64)
        u = self._turned(values[..., self.right], self.right, self.right_reversed)
        v = self._turned(values[..., self.up], self.up, self.up_reversed)
        return np.stack([u * self.spacing[self.right], v * self.spacing[self.up]], axis=-1)

    def index(self, u: float, v: float, slice_index: int) -> tuple[float, float, float]:
        """Fractional (k, j, i) of a plane position on a slice; the exact inverse of `plane`."""
        values = [0.0, 0.0, 0.0]
        values[self.axis] = float(slice_index)
        values[self.right] = float(self._turned(u / self.spacing[self.right], self.right, self.right_reversed))
        values[self.up] = float(self._turned(v / self.spacing[self.up], self.up, self.up_reversed))
        return values[0], values[1], values[2]

    def clamped_voxel(self, u: float, v: float, slice_index: int) -> Index:
        """The voxel at a plane position, or the nearest one of the slice."""
        at = np.floor(np.array(self.index(u, v, slice_index)) + 0.5)
        k, j, i = (int(x) for x in np.clip(at, 0, np.array(self.shape) - 1))
        return k, j, i

    def voxel(self, u: float, v: float, slice_index: int) -> Index | None:
        """The voxel at a plane position, None outside the slice."""
        at = np.floor(np.array(self.index(u, v, slice_index)) + 0.5)
        inside = bool(((at >= 0) & (at < self.shape)).all())
        return self.clamped_voxel(u, v, slice_index) if inside else None

    def picture(self, array: NDArray[T], slice_index: int) -> NDArray[T]:
        """A view of one slice of a (k, j, i) array: rows from the bottom of the screen up, columns rightwards."""
        rows = array[tuple(slice_index if axis == self.axis else slice(None) for axis in range(3))]
        if self.up > self.right:
            rows = rows.T
        rows = rows[::-1] if self.up_reversed else rows
        return rows[:, ::-1] if self.right_reversed else rows

    def _turned(self, value: ArrayLike, axis: int, turned: bool) -> NDArray[np.float64]:
        values = np.asarray(value, dtype=np.float64)
        return self.shape[axis] - 1 - values if turned else values


@dataclass(frozen=True, slots=True)
class Viewport:
    """Which part of a plane a widget shows. Pixels are Qt's logical ones: x rightwards, y down, (0, 0) top left.

    Args:
        zoom: 1 when the whole slice just fits.
        centre: (u, v) in the middle of the widget.
    """

    width: float
    height: float
    extent: tuple[float, float]
    centre: tuple[float, float]
    zoom: float = 1.0

    @classmethod
    def fit(cls, plane: SlicePlane, width: float, height: float) -> Viewport:
        """The whole slice in the middle of a widget."""
        return cls(max(width, 1.0), max(height, 1.0), plane.extent, plane.middle)

    @property
    def scale(self) -> float:
        """Pixels per millimetre."""
        return self.zoom * _MARGIN * min(self.width / self.extent[0], self.height / self.extent[1])

    def pixel(self, u: float, v: float) -> tuple[float, float]:
        """Where a plane position lies in the widget."""
        x = self.width / 2 + (u - self.centre[0]) * self.scale
        return x, self.height / 2 - (v - self.centre[1]) * self.scale

    def plane(self, x: float, y: float) -> tuple[float, float]:
        """The plane position under a pixel; the exact inverse of `pixel`."""
        u = self.centre[0] + (x - self.width / 2) / self.scale
        return u, self.centre[1] - (y - self.height / 2) / self.scale

    def resized(self, width: float, height: float) -> Viewport:
        """The same centre and zoom in a widget of another size."""
        return replace(self, width=max(width, 1.0), height=max(height, 1.0))

    def zoomed(self, factor: float, x: float, y: float) -> Viewport:
        """Closer by `factor`, the plane position under the pixel staying where it is; between 0.2 and 64."""
        u, v = self.plane(x, y)
        near = replace(self, zoom=min(64.0, max(0.2, self.zoom * factor)))
        after_u, after_v = near.plane(x, y)
        return replace(near, centre=(near.centre[0] + u - after_u, near.centre[1] + v - after_v))

    def panned(self, x: float, y: float) -> Viewport:
        """The picture moved by so many pixels; its centre never leaves the slice's surroundings."""
        u = self.centre[0] - x / self.scale
        v = self.centre[1] + y / self.scale
        far_u, far_v = self.extent
        return replace(self, centre=(min(far_u, max(-0.0, u)), min(far_v, max(-0.0, v))))


def first_met(
    geometry: Geometry,
    labels: NDArray[np.uint8],
    shown: NDArray[np.bool_],
    start: NDArray[np.float64],
    direction: NDArray[np.float64],
    slices: Index | None = None,
) -> Index | None:
    """The first voxel on a line through the grid that belongs to a shown label or lies on one of three slices.

    Args:
        shown: (256,) which labels are met.
        start, direction: In RAS millimetres.
        slices: Slice numbers along (k, j, i).
    """
    origin, one_mm_on = geometry.index(start), geometry.index(start + direction)
    step = one_mm_on - origin
    with np.errstate(divide="ignore", invalid="ignore"):
        ends = np.stack([(-0.5 - origin) / step, (np.array(geometry.shape) - 0.5 - origin) / step])
    enters, leaves = float(np.nanmin(ends, axis=0).max()), float(np.nanmax(ends, axis=0).min())
    if not enters < leaves:
        return None
    samples = np.arange(max(enters, 0.0), leaves, 0.25 / max(float(np.abs(step).max()), 1e-9))
    voxels = np.floor(origin + samples[:, None] * step + 0.5).astype(int)
    voxels = voxels[((voxels >= 0) & (voxels < geometry.shape)).all(axis=1)]
    met = shown[labels[tuple(voxels.T)]]
    if slices is not None:
        met |= (voxels == np.array(slices)).any(axis=1)
    if not met.any():
        return None
    k, j, i = (int(x) for x in voxels[int(np.argmax(met))])
    return k, j, i
