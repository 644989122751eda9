"""`SegmentStatistics`: volume, surface, diameters and intensities of one segment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.geometry import Region
from app.measure.area import surface_area
from app.measure.diameters import Diameters, diameters
from app.segmentation import Segment
from app.volume import Volume

Interval = tuple[float, float]
"""5th and 95th percentile of the ensemble's volumes, millilitres."""


@dataclass(frozen=True, slots=True)
class SegmentStatistics:
    """One segment, in units that people use.

    Args:
        ml: Millilitres of its voxels.
        ml_interval: Where the ensemble puts the volume, None without an estimate.
        surface_cm2: Square centimetres of its surface (`surface_area`); 0 for an empty segment.
        mean, sd, median, low, high: Of the image's values in it (`sd` with n - 1); None for an empty segment.
        diameters: None for an empty segment.
        unit: Of the image's values, "HU" for CT, "" where they have none.
    """

    label: int
    name: str
    voxels: int
    ml: float
    ml_interval: Interval | None
    surface_cm2: float
    mean: float | None
    sd: float | None
    median: float | None
    low: float | None
    high: float | None
    diameters: Diameters | None
    unit: str = ""

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def statistics(
    volume: Volume,
    labels: NDArray[np.unsignedinteger],
    segments: Sequence[Segment],
    intervals: Mapping[int, Interval] | None = None,
) -> tuple[SegmentStatistics, ...]:
    """Measure segments, in their order. Takes some tenths of a second for a large one; pure, for any thread.

    Args:
        labels: (k, j, i) on the volume's grid.
        intervals: By label.
    """
    known = intervals or {}
    return tuple(_measured(volume, labels == one.label, one, known.get(one.label)) for one in segments)


def _measured(
    volume: Volume, mask: NDArray[np.bool_], segment: Segment, interval: Interval | None
) -> SegmentStatistics:
    region = Region.around(mask)
    unit = "HU" if volume.modality == "CT" else ""
    if region is None:
        return SegmentStatistics(
            segment.label, segment.name, 0, 0.0, interval, 0.0, None, None, None, None, None, None, unit
        )
    crop = mask[region.slices]
    values = volume.array[region.slices][crop].astype(np.float64)
    return SegmentStatistics(
        label=segment.label,
        name=segment.name,
        voxels=len(values),
        ml=len(values) * volume.geometry.voxel_volume / 1000,
        ml_interval=interval,
        surface_cm2=surface_area(crop, region, volume.geometry) / 100,
        mean=float(values.mean()),
        sd=float(values.std(ddof=1)) if len(values) > 1 else 0.0,
        median=float(np.median(values)),
        low=float(values.min()),
        high=float(values.max()),
        diameters=diameters(crop, region, volume.geometry),
        unit=unit,
    )
