"""`adopt`: structures that a model found by itself become ordinary segments."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from app.document import Document
from app.engine.protocol import Found
from app.geometry import Region


def adopt(document: Document, found: Iterable[Found], group: int) -> None:
    """Put each on the segment of its name, made where there is none; a locked one stays as it is.

    The voxels of one call are undone together. Where two structures meet, the first has them.
    """
    known = {segment.name: segment for segment in document.segments}
    for structure in found:
        segment = known.get(structure.name) or document.add_segment(structure.name)
        if not segment.locked:
            region, mask = _with_old(structure, document.segmentation.extent(segment.label))
            document.edit(segment.label, region, mask, "Find", group)


def _with_old(structure: Found, old: Region | None) -> tuple[Region, NDArray[np.bool_]]:
    """The mask on a region that also covers what the segment was before, which is emptied outside the new mask."""
    region = structure.region.union(old) if old else structure.region
    mask = np.zeros(region.shape, bool)
    mask[structure.region.within(region).slices] = structure.mask
    return region, mask
