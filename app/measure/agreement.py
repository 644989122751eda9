"""`Agreement`: how a segment compares with the same structure in a second file of labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.engine.evaluation.metrics import dice, hausdorff95, surface_dice
from app.errors import BadInput
from app.exchange.incoming import Incoming, IncomingSegment, whole_mask_on
from app.exchange.reading import read_segments
from app.geometry import Geometry
from app.segmentation import Segment

TOLERANCE_MM = 2.0


@dataclass(frozen=True, slots=True)
class Agreement:
    """Two masks on one grid.

    Args:
        other: The name in the second file.
        dice: 1 when equal.
        hd95: 95th percentile Hausdorff distance in mm, None when one of them is empty and the other is not.
        nsd: Normalised surface distance within `tolerance` mm, 1 when equal.
        ml, other_ml: Millilitres.
    """

    label: int
    name: str
    other: str
    dice: float
    hd95: float | None
    nsd: float
    tolerance: float
    ml: float
    other_ml: float

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def compare_file(
    path: str | Path,
    labels: NDArray[np.unsignedinteger],
    segments: Sequence[Segment],
    geometry: Geometry,
    tolerance: float = TOLERANCE_MM,
) -> tuple[Agreement, ...]:
    """`compare` with the segments of a file that may have been written by any program.

    Raises:
        BadInput: when it cannot be read, or no segment has a counterpart.
    """
    return compare(labels, segments, geometry, read_segments(path, geometry), tolerance)


def compare(
    labels: NDArray[np.unsignedinteger],
    segments: Sequence[Segment],
    geometry: Geometry,
    file: Incoming,
    tolerance: float = TOLERANCE_MM,
) -> tuple[Agreement, ...]:
    """Compare every segment with its counterpart, on the grid of `labels`; segments without one are left out.

    Args:
        labels: (k, j, i).
        file: The second file's segments; its voxels are found by their nearest neighbours.

    Raises:
        BadInput: when no segment has a counterpart.
    """
    pairs = counterparts(segments, file.segments)
    if not pairs:
        raise BadInput(
            "No segment of the file has the name of one here.",
            f"The file has: {', '.join(one.name for one in file.segments)}.",
        )
    return tuple(_compared(labels == ours.label, ours, geometry, file, theirs, tolerance) for ours, theirs in pairs)


def counterparts(
    segments: Sequence[Segment], others: Sequence[IncomingSegment]
) -> list[tuple[Segment, IncomingSegment]]:
    """By name, capitals and spaces aside; where no name is shared and both have as many, by their order."""
    names = {_plain(one.name): one for one in reversed(others)}
    pairs = [(segment, names[_plain(segment.name)]) for segment in segments if _plain(segment.name) in names]
    if not pairs and len(segments) == len(others):
        return list(zip(segments, others, strict=True))
    return pairs


def _plain(name: str) -> str:
    return "".join(name.lower().split()).replace("_", "").replace("-", "")


def _compared(
    mask: NDArray[np.bool_],
    ours: Segment,
    geometry: Geometry,
    file: Incoming,
    theirs: IncomingSegment,
    tolerance: float,
) -> Agreement:
    other = whole_mask_on(geometry, file, theirs)
    hd95 = hausdorff95(mask, other, geometry.spacing)
    cubic = geometry.voxel_volume / 1000
    return Agreement(
        label=ours.label,
        name=ours.name,
        other=theirs.name,
        dice=dice(mask, other),
        hd95=hd95 if np.isfinite(hd95) else None,
        nsd=surface_dice(mask, other, geometry.spacing, tolerance),
        tolerance=tolerance,
        ml=int(np.count_nonzero(mask)) * cubic,
        other_ml=int(np.count_nonzero(other)) * cubic,
    )
