"""`Crop`: 128^3 samples around a voxel at the recipe's spacing, and the way back to the scan's own grid.

The samples lie along the scan's axes, turned and flipped so that they grow to R, A and S, as in training; an oblique
scan stays oblique. So every axis maps to one axis, and both ways are three one-dimensional interpolations.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from app.engine.interpolation import Line, interpolated, within
from app.engine.protocol import Logits, Prior
from app.engine.sam_volumetric.shape import LOW, SIDE
from app.geometry import Geometry, Index, Region

_MIDDLE = SIDE // 2  # the crop's sample that lies on the voxel it is taken around
ABSENT = -10.0  # logit where nothing is known of an object: 0.005 % probability


@dataclass(frozen=True)
class Crop:
    """Samples (x, y, z), growing to R, A and S, around the voxel `centre` of a grid.

    Args:
        spacing: Millimetres between samples.
    """

    geometry: Geometry
    centre: Index
    spacing: float

    @cached_property
    def region(self) -> Region:
        """The voxels of the scan that lie in the crop."""
        spans = [np.flatnonzero(within(self._positions(axis), SIDE)) for axis in range(3)]
        k, j, i = ((int(span[0]), int(span[-1]) + 1) for span in spans)
        return Region((k[0], j[0], i[0]), (k[1], j[1], i[1]))

    def holds(self, index: Index) -> bool:
        """Whether a voxel lies in the crop, not at its very edge, where the network sees half of what is around."""
        place = [self._positions(axis)[index[axis]] for axis in range(3)]
        return all(LOW // 8 <= position < SIDE - LOW // 8 for position in place)

    def sample(self, index: Index) -> tuple[int, int, int]:
        """The sample (x, y, z) nearest to a voxel of the crop."""
        near = [int(np.clip(round(float(self._positions(axis)[index[axis]])), 0, SIDE - 1)) for axis in self._order]
        return near[0], near[1], near[2]

    def take(self, array: NDArray[np.generic]) -> NDArray[np.float32]:
        """The samples (x, y, z) of a scan (k, j, i): linear in between, 0 beyond its border."""
        weights = [self._sampling(axis, length) for axis, length in enumerate(array.shape)]
        return interpolated(array, weights).transpose(self._order)

    def place(self, low: Logits) -> Logits:
        """Logits of the crop's `region` (k, j, i) from the decoder's, (32, 32, 32) as (x, y, z).

        Twice linear: to the 128^3 samples as in training, then to the voxels.
        """
        values: Logits = low.transpose(np.argsort(self._order))
        region = self.region
        for axis, span in enumerate(region.slices):
            to_samples = Line.at(self._positions(axis)[span], SIDE).matrix(SIDE)
            weights = to_samples @ Line.at((np.arange(SIDE) + 0.5) * LOW / SIDE - 0.5, LOW).matrix(LOW)
            values = np.moveaxis(np.tensordot(weights, values, axes=(1, axis)), 0, axis)
        return np.ascontiguousarray(values, dtype=np.float32)

    def lowered(self, prior: Prior) -> Logits:
        """Logits (32, 32, 32) as (x, y, z) of logits on any region; where it says nothing the object is absent."""
        centres = (np.arange(LOW) + 0.5) * SIDE / LOW - 0.5
        weights = []
        for axis, (start, length) in enumerate(zip(prior.region.start, prior.region.shape, strict=True)):
            weights.append(Line.at(self._indices(axis, centres) - start, length))
        known = interpolated(prior.logits - np.float32(ABSENT), weights) + np.float32(ABSENT)
        return np.ascontiguousarray(known.transpose(self._order))

    @property
    def _order(self) -> tuple[int, int, int]:
        """The scan's array axes that the crop's x, y and z follow."""
        return self.geometry.axis_of(0), self.geometry.axis_of(1), self.geometry.axis_of(2)

    def _step(self, axis: int) -> float:
        """Voxels of an array axis from one sample to the next, negative where the axis is turned round."""
        step = self.spacing / self.geometry.spacing[axis]
        return step if self.geometry.grows(axis) else -step

    def _indices(self, axis: int, samples: NDArray[np.float64]) -> NDArray[np.float64]:
        """Positions of samples on an array axis."""
        return self.centre[axis] + (samples - _MIDDLE) * self._step(axis)

    def _positions(self, axis: int) -> NDArray[np.float64]:
        """Where each voxel of an array axis lies among the samples."""
        return _MIDDLE + (np.arange(self.geometry.shape[axis]) - self.centre[axis]) / self._step(axis)

    def _sampling(self, axis: int, length: int) -> Line:
        return Line.at(self._indices(axis, np.arange(SIDE, dtype=np.float64)), length)
