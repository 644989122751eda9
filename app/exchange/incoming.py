"""`Incoming`: segments as another program kept them, on their own grid; and on another grid, by nearest neighbour."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from app.geometry import EMPTY_REGION, Geometry, Region

Mask = NDArray[np.bool_]

_NEAR = 0.01  # of a voxel


@dataclass(frozen=True, eq=False)
class IncomingSegment:
    """One structure of a file.

    Args:
        region: The tightest box around it, in the voxels of the file's grid.
        crop: (k, j, i), where it is inside `region`.
        colour: Red, green, blue, 0 to 255; None where the file names none.
        term: A key of `app.exchange.terms`, "" where the file's code is not in the list.
    """

    name: str
    region: Region
    crop: Mask = field(repr=False)
    colour: tuple[int, int, int] | None = None
    term: str = ""

    @classmethod
    def of(cls, name: str, mask: Mask, colour: tuple[int, int, int] | None = None, term: str = "") -> IncomingSegment:
        """From a mask on the whole grid."""
        region = Region.around(mask) or EMPTY_REGION
        return cls(name, region, mask[region.slices].copy(), colour, term)

    @property
    def voxels(self) -> int:
        """How many, on the file's grid."""
        return int(np.count_nonzero(self.crop))


@dataclass(frozen=True, eq=False)
class Incoming:
    """The segments of one file; they may overlap.

    Args:
        notes: What a reader should know.
    """

    geometry: Geometry
    segments: tuple[IncomingSegment, ...]
    notes: tuple[str, ...] = ()

    def shares_voxels(self, geometry: Geometry) -> bool:
        """Whether the voxels of both grids lie on each other, whatever their order and how many there are."""
        affine = np.linalg.inv(geometry.affine) @ self.geometry.affine
        turn, start = np.rint(affine[:3, :3]), affine[:3, 3]
        straight = bool((np.abs(turn).sum(axis=0) == 1).all() and (np.abs(turn).sum(axis=1) == 1).all())
        drift = np.abs(affine[:3, :3] - turn) * (np.array(self.geometry.shape[::-1]) - 1)
        return straight and max(float(drift.max()), float(np.abs(start - np.rint(start)).max())) < _NEAR


def mask_on(geometry: Geometry, incoming: Incoming, segment: IncomingSegment) -> tuple[Region, Mask]:
    """A segment on another grid: every voxel there asks the nearest voxel of the file.

    Returns:
        The box of `geometry` that can hold it, and the mask in that box; an empty box where they do not meet.
    """
    affine = np.linalg.inv(incoming.geometry.affine) @ geometry.affine
    if _is_shift(affine, max(geometry.shape)):
        return _shifted(geometry, segment, np.rint(affine[2::-1, 3]).astype(int).tolist())
    region = _reach(geometry, incoming.geometry, segment.region)
    out = np.zeros(region.shape, bool)
    if not region.size:
        return region, out
    # (i, j, k) in the file of a voxel of ours: start + k * step[2] + j * step[1] + i * step[0], one slice at a time.
    steps, (k0, j0, i0) = affine[:3, :3].T, region.start
    rows = (j0 + np.arange(region.shape[1]))[:, None, None] * steps[1]
    columns = (i0 + np.arange(region.shape[2]))[None, :, None] * steps[0]
    plane = rows + columns + affine[:3, 3] + 0.5
    low, size = np.array(segment.region.start[::-1]), np.array(segment.region.shape[::-1])
    for k in range(region.shape[0]):
        ijk = np.floor(plane + (k0 + k) * steps[2]).astype(np.int64) - low
        inside = ((ijk >= 0) & (ijk < size)).all(axis=-1)
        i, j, kk = ijk[inside].T
        out[k][inside] = segment.crop[kk, j, i]
    return region, out


def _is_shift(affine: NDArray[np.float64], longest: int) -> bool:
    """Whether voxels of two grids lie on each other in the same order; the usual case, which needs no search."""
    turn, start = affine[:3, :3], affine[:3, 3]
    return bool(np.abs(turn - np.eye(3)).max() * longest < _NEAR and np.abs(start - np.rint(start)).max() < _NEAR)


def _shifted(geometry: Geometry, segment: IncomingSegment, shift: list[int]) -> tuple[Region, Mask]:
    """As `mask_on`; a voxel of `geometry` is that of the file with `shift` (k, j, i) added to its index."""
    k, j, i = shift
    box = segment.region.placed((-k, -j, -i))
    region = box.intersection(geometry.region)
    if not region.size:
        return EMPTY_REGION, np.zeros((0, 0, 0), bool)
    return region, segment.crop[region.within(box).slices].copy()


def whole_mask_on(geometry: Geometry, incoming: Incoming, segment: IncomingSegment) -> Mask:
    """`mask_on`, over the whole grid."""
    whole = np.zeros(geometry.shape, bool)
    region, mask = mask_on(geometry, incoming, segment)
    whole[region.slices] = mask
    return whole


def _reach(geometry: Geometry, theirs: Geometry, region: Region) -> Region:
    """Voxels of `geometry` that can have their nearest neighbour inside a box of the other grid."""
    if not region.size:
        return EMPTY_REGION
    corners = np.array([[k, j, i] for k in (0, 1) for j in (0, 1) for i in (0, 1)])
    span = np.array([region.start, region.stop])
    index = geometry.index(theirs.world(np.where(corners == 0, span[0], span[1]) - 0.5))
    low, high = np.floor(index.min(axis=0)).astype(int), np.ceil(index.max(axis=0)).astype(int) + 1
    start, stop = np.clip(low, 0, geometry.shape), np.clip(high, 0, geometry.shape)
    (a, b, c), (d, e, f) = start.tolist(), stop.tolist()
    return Region((a, b, c), (d, e, f))
