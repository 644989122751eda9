"""`Geometry`: grid to patient space and back. `Region`: a box of voxels. Only here does (k, j, i) meet (i, j, k)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import permutations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from app.errors import BadInput

Index = tuple[int, int, int]
"""A voxel, (k, j, i): the order of the array axes."""

Affine = NDArray[np.float64]
LPS_FROM_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])
"""Flips the first two world axes; its own inverse. DICOM, ITK and STL speak LPS, NIfTI and this program RAS."""

_LETTERS = (("L", "R"), ("P", "A"), ("I", "S"))  # RAS world axes: letter at the low end, letter at the high end
_OBLIQUE_COSINE = 0.26  # a second letter appears from 15 degrees of tilt on, as on DICOM workstations


@dataclass(frozen=True, slots=True)
class Region:
    """Half-open box of voxels: `start` is inside, `stop` is not; both (k, j, i)."""

    start: Index
    stop: Index

    @classmethod
    def whole(cls, shape: Index) -> Region:
        """Every voxel of a grid."""
        return cls((0, 0, 0), shape)

    @classmethod
    def plane(cls, shape: Index, axis: int, index: int) -> Region:
        """The one slice `index` across array axis `axis`."""
        start, stop = [0, 0, 0], list(shape)
        start[axis], stop[axis] = index, index + 1
        return cls(_index(start), _index(stop))

    def slab(self, k: int) -> Region:
        """The part of this region on slice `k`."""
        return Region((k, *self.start[1:]), (k + 1, *self.stop[1:]))

    @classmethod
    def around(cls, mask: NDArray[np.bool_]) -> Region | None:
        """The tightest box around the True voxels; None when there is none."""
        rows: NDArray[np.bool_] = np.any(mask, axis=2)  # along memory, which is the fast way to look at every voxel
        k, j = np.flatnonzero(rows.any(axis=1)), np.flatnonzero(rows.any(axis=0))
        if not k.size:
            return None
        i = np.flatnonzero(mask[k[0] : k[-1] + 1, j[0] : j[-1] + 1].any(axis=(0, 1)))
        return cls(_index([line[0] for line in (k, j, i)]), _index([line[-1] + 1 for line in (k, j, i)]))

    @property
    def slices(self) -> tuple[slice, slice, slice]:
        """For indexing an array: `array[region.slices]`."""
        (k0, j0, i0), (k1, j1, i1) = self.start, self.stop
        return slice(k0, k1), slice(j0, j1), slice(i0, i1)

    @property
    def shape(self) -> Index:
        """Voxels along each axis, never negative."""
        return _index([max(0, b - a) for a, b in zip(self.start, self.stop, strict=True)])

    @property
    def size(self) -> int:
        """Number of voxels."""
        k, j, i = self.shape
        return k * j * i

    def contains(self, index: Index) -> bool:
        """Whether the voxel lies inside."""
        return all(a <= x < b for a, x, b in zip(self.start, index, self.stop, strict=True))

    def union(self, other: Region) -> Region:
        """The smallest box that holds both; an empty one adds nothing."""
        if not other.size:
            return self
        if not self.size:
            return other
        start = _index([min(a, b) for a, b in zip(self.start, other.start, strict=True)])
        return Region(start, _index([max(a, b) for a, b in zip(self.stop, other.stop, strict=True)]))

    def intersection(self, other: Region) -> Region:
        """The box common to both; of size 0 when they do not meet."""
        start = _index([max(a, b) for a, b in zip(self.start, other.start, strict=True)])
        return Region(start, _index([min(a, b) for a, b in zip(self.stop, other.stop, strict=True)]))

    def grown(self, margin: int | Index, shape: Index) -> Region:
        """Wider by `margin` voxels on every side, cut to the grid `shape`."""
        by = (margin,) * 3 if isinstance(margin, int) else margin
        start = _index([max(0, a - m) for a, m in zip(self.start, by, strict=True)])
        return Region(start, _index([min(n, b + m) for n, b, m in zip(shape, self.stop, by, strict=True)]))

    def within(self, outer: Region) -> Region:
        """This region in the voxel coordinates of a crop taken at `outer`."""
        start = _index([a - o for a, o in zip(self.start, outer.start, strict=True)])
        return Region(start, _index([b - o for b, o in zip(self.stop, outer.start, strict=True)]))

    def placed(self, origin: Index) -> Region:
        """A region of a crop's voxel coordinates in those of the grid where the crop was taken; undoes `within`."""
        start = _index([a + o for a, o in zip(self.start, origin, strict=True)])
        return Region(start, _index([b + o for b, o in zip(self.stop, origin, strict=True)]))


EMPTY_REGION = Region((0, 0, 0), (0, 0, 0))
"""Holds no voxel."""


@dataclass(frozen=True, eq=False)
class Geometry:
    """A voxel grid in patient space.

    Args:
        shape: Voxels along the array axes (k, j, i), each at least 1.
        affine: 4x4, maps (i, j, k, 1) at voxel centres to RAS millimetres.

    Raises:
        BadInput: when the affine is not finite or cannot be inverted, or the shape holds no voxel.
    """

    shape: Index
    affine: Affine

    def __post_init__(self) -> None:
        affine = np.array(self.affine, dtype=np.float64)
        if affine.shape != (4, 4) or not np.isfinite(affine).all():
            raise BadInput("The image's position in space (its affine) is not a finite 4x4 matrix.")
        lengths = np.linalg.norm(affine[:3, :3], axis=0)
        if not (lengths > 0).all() or abs(np.linalg.det(affine[:3, :3] / np.where(lengths > 0, lengths, 1))) < 1e-6:
            raise BadInput("The image's axes do not span space (its affine cannot be inverted).")
        if len(self.shape) != 3 or min(self.shape) < 1:
            raise BadInput(f"An image needs at least one voxel along each of three axes, this one has {self.shape}.")
        affine.flags.writeable = False
        object.__setattr__(self, "affine", affine)
        object.__setattr__(self, "shape", _index(self.shape))

    @classmethod
    def from_lps(cls, shape: Index, affine: ArrayLike) -> Geometry:
        """From an affine that maps (i, j, k) to LPS millimetres (DICOM, ITK)."""
        return cls(shape, LPS_FROM_RAS @ np.asarray(affine, dtype=np.float64))

    @property
    def lps_affine(self) -> Affine:
        """4x4 that maps (i, j, k) to LPS millimetres."""
        return LPS_FROM_RAS @ self.affine

    @cached_property
    def spacing(self) -> tuple[float, float, float]:
        """Millimetres between neighbouring voxel centres along (k, j, i)."""
        i, j, k = np.linalg.norm(self.affine[:3, :3], axis=0)
        return float(k), float(j), float(i)

    @property
    def voxel_volume(self) -> float:
        """Cubic millimetres of one voxel (the determinant, so right for sheared grids too)."""
        return float(abs(np.linalg.det(self.affine[:3, :3])))

    @cached_property
    def directions(self) -> NDArray[np.float64]:
        """(3, 3): row a is the RAS unit vector along which array axis a (k, j, i) grows."""
        columns = self.affine[:3, :3]
        return np.ascontiguousarray((columns / np.linalg.norm(columns, axis=0)).T[::-1])

    @property
    def region(self) -> Region:
        """The whole grid."""
        return Region.whole(self.shape)

    def world(self, index: ArrayLike) -> NDArray[np.float64]:
        """RAS millimetres of voxel positions (..., 3) given as (k, j, i); fractions lie between voxel centres."""
        ijk = np.asarray(index, dtype=np.float64)[..., ::-1]
        return np.asarray(ijk @ self.affine[:3, :3].T + self.affine[:3, 3], dtype=np.float64)

    def index(self, world: ArrayLike) -> NDArray[np.float64]:
        """Fractional (k, j, i) of points (..., 3) in RAS millimetres; the exact inverse of `world`."""
        offset = np.asarray(world, dtype=np.float64) - self.affine[:3, 3]
        return np.asarray((offset @ self._inverse.T)[..., ::-1], dtype=np.float64)

    def nearest(self, world: ArrayLike) -> Index | None:
        """The voxel that holds a RAS point (3,), or None when the point lies outside the grid."""
        index = _index(np.floor(self.index(world) + 0.5))
        return index if self.region.contains(index) else None

    @cached_property
    def _inverse(self) -> NDArray[np.float64]:
        return np.asarray(np.linalg.inv(self.affine[:3, :3]), dtype=np.float64)

    @cached_property
    def world_axes(self) -> Index:
        """For each array axis (k, j, i) the world axis (0 = R-L, 1 = A-P, 2 = S-I) that it follows, each used once."""
        cosines = np.abs(self.directions)
        best = max(permutations(range(3)), key=lambda p: sum(cosines[a, w] for a, w in enumerate(p)))
        return _index(best)

    def axis_of(self, world_axis: int) -> int:
        """The array axis that follows a world axis: 2 gives the axis across axial slices, 1 coronal, 0 sagittal."""
        return self.world_axes.index(world_axis)

    def grows(self, axis: int) -> bool:
        """Whether array axis `axis` grows towards R, A or S (True) or towards L, P or I (False)."""
        return bool(self.directions[axis, self.world_axes[axis]] > 0)

    @property
    def orientation(self) -> str:
        """Three letters, where i, j and k grow to, as NIfTI tools print it: "RAS", "LPS", "PIR"."""
        return "".join(_LETTERS[self.world_axes[a]][self.grows(a)] for a in (2, 1, 0))

    def letters(self, axis: int) -> tuple[str, str]:
        """What lies at the low and the high end of an array axis, nearest letter first: ("R", "L"), ("PI", "AS")."""
        cosine = self.directions[axis]
        order = sorted(range(3), key=lambda w: (w != self.world_axes[axis], -abs(cosine[w])))
        order = [w for w in order if w == self.world_axes[axis] or abs(cosine[w]) > _OBLIQUE_COSINE]
        high = "".join(_LETTERS[w][int(cosine[w] > 0)] for w in order)
        low = "".join(_LETTERS[w][int(cosine[w] <= 0)] for w in order)
        return low, high

    def matches(self, other: Geometry, tolerance: float = 1e-3) -> bool:
        """Same shape, and every corner within `tolerance` millimetres."""
        if self.shape != other.shape:
            return False
        far = np.array(self.shape) - 1
        corners = np.array([[a, b, c] for a in (0, far[0]) for b in (0, far[1]) for c in (0, far[2])])
        return bool(np.abs(self.world(corners) - other.world(corners)).max() <= tolerance)


def _index(values: ArrayLike) -> Index:
    k, j, i = (int(v) for v in np.asarray(values).tolist())
    return k, j, i
