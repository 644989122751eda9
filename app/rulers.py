"""`Ruler`: a length or an angle that was drawn on a slice, in voxel positions; what it measures, in millimetres."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from app.geometry import Geometry

Position = tuple[float, float, float]
"""(k, j, i), with fractions."""


@dataclass(frozen=True, slots=True)
class Ruler:
    """Two points are a length; three are an angle, its corner in the middle.

    Args:
        axis: Array axis across the slice that it was drawn on.
    """

    points: tuple[Position, ...]
    axis: int

    @property
    def is_angle(self) -> bool:
        """Whether it measures degrees."""
        return len(self.points) == 3

    @property
    def slice_index(self) -> int:
        """The slice along `axis`."""
        return round(self.points[0][self.axis])

    def value(self, geometry: Geometry) -> float:
        """Millimetres between the two points, or degrees between the two legs (0 where a leg has no length)."""
        world = geometry.world(self.points)
        if not self.is_angle:
            return float(np.linalg.norm(world[1] - world[0]))
        legs = world[[0, 2]] - world[1]
        lengths = np.linalg.norm(legs, axis=1)
        if not lengths.all():
            return 0.0
        return float(np.degrees(np.arccos(np.clip(legs[0] @ legs[1] / lengths.prod(), -1.0, 1.0))))

    def text(self, geometry: Geometry) -> str:
        """The value with its unit."""
        value = self.value(geometry)
        return f"{value:.1f}°" if self.is_angle else f"{value:.1f} mm"
