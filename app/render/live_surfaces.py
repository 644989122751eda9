"""`LiveSurfaces`: keeps surfaces in step with a document, from copies of its voxels, beside the window. No window.

One job runs at a time; voxels that change meanwhile gather for the next one. The owner calls `poll` now and then on the
thread of the document and gets what has become ready; nothing crosses threads but the job and its result.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from time import perf_counter

from app.document import Document
from app.errors import AppError
from app.frozen_labels import FrozenMask, PackedMask
from app.geometry import Geometry, Region
from app.helper_process import Apart, directly
from app.render.skin import Skin, skin

_log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Found:
    """A segment's surface and the box around its voxels; both None when it has no voxel left."""

    skin: Skin | None
    region: Region | None


Result = Mapping[int, Found | None]
"""Label -> what was found; None where the copied crop did not hold the whole segment."""


class LiveSurfaces:
    """The surfaces of one document.

    Args:
        apart: How they are computed, from a worker thread.
    """

    def __init__(self, document: Document, apart: Apart = directly) -> None:
        self._document, self._apart = document, apart
        self._known: dict[int, Region] = {}
        self._waiting: Region | None = document.volume.geometry.region if document.segments else None
        self._job: Future[Result] | None = None
        self._asked = document.volume.geometry.region  # of the last job

    @property
    def busy(self) -> bool:
        """Whether a job runs or voxels wait for one."""
        return self._job is not None or self._waiting is not None

    def changed(self, region: Region) -> None:
        """Voxels of a region changed."""
        self._waiting = self._waiting.union(region) if self._waiting else region

    def start(self) -> None:
        """Begin a job when voxels wait for one and none runs."""
        if self._job is not None or self._waiting is None:
            return
        region, self._waiting = self._waiting, None
        for known in self._known.values():
            if known.intersection(region).size:
                region = region.union(known)
        self._asked = region
        document = self._document
        masks = [document.segmentation.freeze_mask(segment.label) for segment in document.segments]
        pool = ThreadPoolExecutor(1, thread_name_prefix="surfaces")
        self._job = pool.submit(_look_for, self._apart, masks, region, dict(self._known), document.volume.geometry)
        pool.shutdown(wait=False)  # the thread ends with its job, so an idle view holds none

    def poll(self) -> dict[int, Skin | None]:
        """Surfaces that have become ready since the last call; None for a segment without voxels."""
        if self._job is None or not self._job.done():
            return {}
        job, self._job = self._job, None
        try:
            result = job.result()
        except AppError as error:  # the old surfaces stay until the next change
            _log.warning("no surfaces: %s", error)
            return {}
        ready: dict[int, Skin | None] = {}
        for label, found in result.items():
            if found is None:
                self.changed(self._asked.union(self._known[label]))
            else:
                ready[label] = found.skin
                self._remember(label, found.region)
        return ready

    def close(self) -> None:
        """Let go; a job that still runs ends unheard."""
        self._job = self._waiting = None

    def _remember(self, label: int, region: Region | None) -> None:
        if region is None:
            self._known.pop(label, None)
        else:
            self._known[label] = region


def _look_for(
    apart: Apart, masks: Sequence[FrozenMask], region: Region, known: Mapping[int, Region], geometry: Geometry
) -> Result:
    """Surfaces of all segments in a region, for a worker thread.

    Looking for voxels holds Python's lock for a slice at a time only (a `bincount` of 512x512x300 labels held it for
    0.1 s and more); making a surface holds it longer, so that is done apart.
    """
    began = perf_counter()
    result: dict[int, Found | None] = {}
    for mask in masks:
        box = replace(mask, region=mask.region.intersection(region)).extent
        if box is None:
            continue
        old = known.get(mask.label)
        if old is not None and old.union(region) != region:
            result[mask.label] = None  # part of it lies outside the region
        else:
            result[mask.label] = Found(apart(_skin, PackedMask.of(mask, box), geometry), box)
    for gone, box in known.items():
        if gone not in result and box.union(region) == region:
            result[gone] = Found(None, None)
    _log.info("surfaces of %d segments in %.0f ms", len(result), 1000 * (perf_counter() - began))
    return result


def _skin(packed: PackedMask, geometry: Geometry) -> Skin:
    return skin(packed.mask, packed.region, geometry)
