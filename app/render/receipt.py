"""`Receipt`: what a mesh file holds, in the words of the person who prints it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

FRAME = "LPS"
UNIT = "mm"


@dataclass(frozen=True, slots=True)
class Solid:
    """One segment in the file.

    Args:
        watertight: Closed, consistently oriented, facing outwards; checked on the points as they are written.
        mesh_ml: Millilitres that the surface encloses.
        voxel_ml: Millilitres of the segment's voxels.
    """

    name: str
    triangles: int
    watertight: bool
    mesh_ml: float
    voxel_ml: float

    @property
    def difference(self) -> float:
        """Per cent that the surface holds more than the voxels."""
        return 100 * (self.mesh_ml - self.voxel_ml) / self.voxel_ml


@dataclass(frozen=True, slots=True)
class Receipt:
    """What was written. Coordinates are patient coordinates as in DICOM: LPS, in millimetres."""

    path: str
    solids: tuple[Solid, ...]
    frame: str = FRAME
    unit: str = UNIT

    @property
    def watertight(self) -> bool:
        """Whether every solid is."""
        return all(solid.watertight for solid in self.solids)

    @property
    def triangles(self) -> int:
        """Of all solids."""
        return sum(solid.triangles for solid in self.solids)

    @property
    def mesh_ml(self) -> float:
        """Of all solids."""
        return sum(solid.mesh_ml for solid in self.solids)

    @property
    def voxel_ml(self) -> float:
        """Of all solids."""
        return sum(solid.voxel_ml for solid in self.solids)

    @property
    def difference(self) -> float:
        """Per cent, all solids together."""
        return 100 * (self.mesh_ml - self.voxel_ml) / self.voxel_ml

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        solids = [{**asdict(solid), "difference_percent": round(solid.difference, 4)} for solid in self.solids]
        return {
            "path": self.path,
            "frame": self.frame,
            "unit": self.unit,
            "watertight": self.watertight,
            "triangles": self.triangles,
            "mesh_ml": self.mesh_ml,
            "voxel_ml": self.voxel_ml,
            "difference_percent": round(self.difference, 4),
            "solids": solids,
        }

    def text(self) -> str:
        """A few lines for people."""
        lines = [f"{self.path}: {self.frame} (as in DICOM), {self.unit}, {self.triangles} triangles"]
        for solid in self.solids:
            state = "watertight" if solid.watertight else "NOT watertight"
            volume = f"{solid.mesh_ml:.3f} mL, voxels {solid.voxel_ml:.3f} mL ({solid.difference:+.2f} %)"
            lines.append(f"  {solid.name}: {state}, {volume}")
        return "\n".join(lines)
