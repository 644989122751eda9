"""`export`: segments as a file for printing or planning. Checked before it is written; written whole or not at all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from app.atomic_file import replacing
from app.errors import AppError, BadInput
from app.geometry import Geometry, Region
from app.render.mesh import Mesh, check, mesh_volume, welded
from app.render.mesh_writers import WRITERS, Part
from app.render.receipt import Receipt, Solid
from app.render.surfaces import SMOOTH, surface
from app.segmentation import Segment

__all__ = ["FORMATS", "Receipt", "export", "format_of", "inspect", "solid_surface"]

FORMATS = tuple(WRITERS)
"""Endings of the files that `export` can write."""


def format_of(path: str | Path) -> str:
    """The ending that decides the format.

    Raises:
        BadInput: naming the formats that there are.
    """
    name = Path(path).name.lower()
    for ending in FORMATS:
        if name.endswith(ending):
            return ending
    known = ", ".join(ending[1:] for ending in FORMATS)
    raise BadInput(f"{Path(path).name} has an ending that no format of ours has.", f"Choose one of: {known}.")


def export(
    path: str | Path, labels: NDArray[np.unsignedinteger], segments: Sequence[Segment], geometry: Geometry
) -> Receipt:
    """Write segments as closed surfaces in LPS millimetres: STL, OBJ, PLY or 3MF, by the ending of `path`.

    Args:
        labels: (k, j, i) on the geometry's grid.
        segments: Those to write; of several, the ones without voxels are left out.

    Raises:
        BadInput: for an unknown ending, or when there is nothing to write.
        AppError: when a surface is not closed, or the file cannot be written (the old one stays).
    """
    ending = format_of(path)
    parts, solids = inspect(labels, segments, geometry)
    if not parts:
        names = ", ".join(segment.name for segment in segments)
        raise BadInput(f"There is no voxel to export in {names or 'this case'}.", "Segment something first.")
    with replacing(path) as temporary:
        WRITERS[ending](temporary, parts)
    return Receipt(str(path), solids)


def inspect(
    labels: NDArray[np.unsignedinteger], segments: Sequence[Segment], geometry: Geometry
) -> tuple[list[Part], tuple[Solid, ...]]:
    """The surfaces that `export` writes, and what is to be known of each; segments without voxels are left out.

    Raises:
        AppError: when a surface is not closed.
    """
    parts, solids = [], []
    for segment in segments:
        mask = labels == segment.label
        region = Region.around(mask)
        if region is None:
            continue
        mesh = solid_surface(mask[region.slices], region, geometry, segment.name)
        parts.append(Part.of(segment.name, segment.colour, mesh))
        voxels = int(mask[region.slices].sum()) * geometry.voxel_volume / 1000
        solids.append(_solid(parts[-1], voxels))
    return parts, tuple(solids)


def solid_surface(mask_crop: NDArray[np.bool_], region: Region, geometry: Geometry, name: str = "The segment") -> Mesh:
    """The smoothest surface that stays closed when read back in single precision.

    Where voxels touch in very many edges and corners (noise), full smoothing can bring two vertices to one place.

    Raises:
        AppError: when even the voxels' own faces are not closed in this grid's coordinates.
    """
    for smooth in (SMOOTH, 2, 0):
        mesh = surface(mask_crop, region, geometry, smooth)
        single = welded(replace(mesh, points=mesh.points.astype(np.float32)))
        if check(single).printable:
            return single
    raise AppError(
        f"{name} has no closed surface, so it was not written.", "Save the labels as NIfTI, or smooth the segment."
    )


def _solid(part: Part, voxel_ml: float) -> Solid:
    mesh = part.mesh
    printable = check(mesh).printable
    return Solid(part.name, len(mesh.triangles), printable, mesh_volume(mesh) / 1000, voxel_ml)
