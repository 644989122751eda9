"""`Scene`: all that an effect may look at, frozen, for any thread; `Crop`: a box of it, flat for one slice."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.errors import BadInput
from app.frozen_labels import FrozenLabels
from app.geometry import Region
from app.segmentation import Labels, Segment, Segmentation
from app.volume import Volume

Mask = NDArray[np.bool_]
Watch = Callable[[float], None]
"""Told the fraction done, 0 to 1; raises `Cancelled` to end the work."""


def unwatched(_: float) -> None:
    """The watch of whoever does not look."""


@dataclass(frozen=True, eq=False)
class Crop:
    """Labels and image of a box, for functions of two or three dimensions.

    Args:
        region: The box on the volume's grid.
        labels: (k, j, i), or the two axes that are left when one slice is edited.
        image: Of the same shape.
        spacing: Millimetres along the axes of `labels`.
        axis: The array axis left out, None when three are there.
    """

    region: Region
    labels: Labels
    image: NDArray[np.generic]
    spacing: tuple[float, ...]
    axis: int | None

    def full(self, values: NDArray[Any]) -> NDArray[Any]:
        """Values of `labels`' shape as (k, j, i) values of `region`."""
        return values if self.axis is None else np.expand_dims(values, self.axis)


@dataclass(frozen=True, eq=False)
class Scene:
    """The case at one moment and what is to be edited.

    Args:
        bounds: For every segment that has voxels a box that holds them.
        label: The segment that is edited.
        plane: Array axis and index of the one slice to edit; None for the whole volume.
        take_others: Whether voxels of other segments may be taken; those of locked ones never are.
        stamp: `Segmentation.stamp` when the scene was made.
    """

    volume: Volume
    labels: FrozenLabels
    segments: Mapping[int, Segment]
    bounds: Mapping[int, Region]
    label: int
    plane: tuple[int, int] | None = None
    take_others: bool = False
    stamp: int = field(default=0)

    @classmethod
    def of(
        cls, volume: Volume, segmentation: Segmentation, label: int, plane: tuple[int, int] | None, take_others: bool
    ) -> Scene:
        """The case now; on the document's own thread."""
        segments = dict(segmentation.segments)
        bounds = {known: box for known in segments if (box := segmentation.bounds(known)) is not None}
        frozen = segmentation.freeze()
        return cls(volume, frozen, segments, bounds, label, plane, take_others, segmentation.stamp)

    @property
    def name(self) -> str:
        """Of the segment that is edited."""
        return self.segments[self.label].name

    @property
    def domain(self) -> Region:
        """The voxels that may change: all, or those of one slice."""
        return Region.plane(self.volume.shape, *self.plane) if self.plane else self.volume.geometry.region

    @property
    def locked(self) -> tuple[int, ...]:
        """Labels whose voxels never change."""
        return tuple(label for label, segment in self.segments.items() if segment.locked)

    @property
    def kept(self) -> tuple[int, ...]:
        """Labels whose voxels the edited segment may not take."""
        if self.take_others:
            return self.locked
        return tuple(label for label in self.segments if label != self.label)

    def on(self, plane: tuple[int, int]) -> Scene:
        """The same on one slice."""
        return replace(self, plane=plane)

    def find(self, label: int, margin_mm: float = 0.0) -> Region | None:
        """The tightest box around a segment in the domain, wider by a margin; None where there is no voxel of it."""
        rough = self.bounds.get(label)
        region = rough.intersection(self.domain) if rough else None
        inner = Region.around(self.labels.crop(region) == label) if region and region.size else None
        return self.grown(inner.placed(region.start), margin_mm) if region and inner else None

    def box(self, label: int, margin_mm: float = 0.0) -> Region:
        """`find`, for what cannot do without.

        Raises:
            BadInput: when there is no voxel of it.
        """
        region = self.find(label, margin_mm)
        if region is None:
            where = "on this slice" if self.plane else "yet"
            raise BadInput(f"{self.segments[label].name} has no voxel {where}.", "Draw or click one first.")
        return region

    def grown(self, region: Region, margin_mm: float) -> Region:
        """A region wider by a margin and one voxel more, cut to the domain."""
        k, j, i = (int(np.ceil(margin_mm / step)) + 1 for step in self.volume.geometry.spacing)
        return region.grown((k, j, i), self.volume.shape).intersection(self.domain)

    def crop(self, region: Region) -> Crop:
        """A box of the domain; on one slice without the axis across it."""
        labels, image = self.labels.crop(region), self.volume.array[region.slices]
        spacing: tuple[float, ...] = self.volume.geometry.spacing
        axis = self.plane[0] if self.plane else None
        if axis is not None:
            labels, image = labels.squeeze(axis), image.squeeze(axis)
            spacing = spacing[:axis] + spacing[axis + 1 :]
        return Crop(region, labels, image, spacing, axis)

    def claimed(self, labels: Labels, wanted: Mask, kept: tuple[int, ...] | None = None) -> Labels:
        """Labels of any shape if the edited segment were `wanted` there; `kept` labels keep their voxels."""
        return claimed(labels, self.label, wanted, self.kept if kept is None else kept)


def claimed(labels: Labels, label: int, wanted: Mask, kept: Iterable[int]) -> Labels:
    """New labels if the segment `label` were `wanted`; `kept` labels keep their voxels. Arrays of one shape."""
    protected = np.zeros(256, bool)
    protected[list(kept)] = True
    protected[label] = False
    values = np.where((labels == label) & ~wanted, np.uint8(0), labels)
    values[wanted & ~protected[labels]] = label
    return values


def in_range(image: NDArray[Any], low: float, high: float) -> Mask:
    """Where an image has a value from `low` to `high`, both included."""
    return np.asarray((image >= low) & (image <= high))
