"""What `measure`, `report` and `export` share: labels of any file, with their names, on the grid of a scan."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from app import volume_io
from app.document import PALETTE
from app.errors import BadInput
from app.geometry import Geometry
from app.segmentation import Segment

Labelled = tuple[NDArray[np.unsignedinteger], list[Segment], Geometry]


def labelled(path: str | Path, grid: Geometry | None = None) -> Labelled:
    """Labels with their names; those of a label map keep their numbers, others are counted from 1.

    Args:
        grid: Of the scan; contours need it.

    Raises:
        BadInput: when it cannot be opened or holds no segment.
    """
    from app.exchange.reading import names_segments, read_segments  # loads highdicom, so only once it is wanted

    if names_segments(path):
        incoming = read_segments(path, grid)
        labels = np.zeros(incoming.geometry.shape, np.uint8)
        segments = []
        for number, one in enumerate(incoming.segments, start=1):
            crop = labels[one.region.slices]
            crop[one.crop & (crop == 0)] = number
            segments.append(Segment(number, one.name, one.colour or _colour(number), term=one.term))
        return labels, segments, incoming.geometry
    file = volume_io.read_labels(path)
    present = [label for label in np.unique(file.labels).tolist() if label]
    names, colours = file.names, file.colours
    named = [Segment(n, names.get(n, f"Label {n}"), colours.get(n, _colour(n))) for n in present]
    return file.labels, named, file.geometry


def only(labels: Labelled, label: int | None, name: str) -> Labelled:
    """One of the segments, or all with None.

    Raises:
        BadInput: when it is not there.
    """
    array, segments, geometry = labels
    chosen = [segment for segment in segments if label in (None, segment.label)]
    if label is not None and not chosen:
        known = ", ".join(str(segment.label) for segment in segments) or "none"
        raise BadInput(f"{name} has no label {label}.", f"It has: {known}.")
    return array, chosen, geometry


def on_grid(labels: Labelled, geometry: Geometry) -> Labelled:
    """The labels on another grid, each voxel as its nearest neighbour; as they are where the grid is the same.

    Raises:
        BadInput: when none of them lies there.
    """
    from app.exchange.incoming import Incoming, IncomingSegment, mask_on

    array, segments, own = labels
    if own.matches(geometry):
        return labels
    placed = np.zeros(geometry.shape, array.dtype)
    for segment in segments:
        one = IncomingSegment.of(segment.name, array == segment.label)
        region, mask = mask_on(geometry, Incoming(own, (one,)), one)
        placed[region.slices][mask] = segment.label
    if not placed.any():
        raise BadInput("No voxel of the labels lies in this scan.", "Were they made on another one?")
    return placed, segments, geometry


def _colour(label: int) -> tuple[int, int, int]:
    return PALETTE[(label - 1) % len(PALETTE)]
