"""Siemens mosaics: the slices of one volume tiled into one picture. Found and taken apart with nibabel's CSA reader."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from app.volume_io.dicom_header import Header


@dataclass(frozen=True, slots=True)
class Tile:
    """One slice of a mosaic: its place in the picture, its size, and the LPS millimetres of its first pixel."""

    corner: tuple[int, int]
    shape: tuple[int, int]
    position: tuple[float, float, float]


def tiles(header: Header) -> list[Tile]:
    """The slices of a mosaic in stored order; empty for any other picture."""
    if "MOSAIC" not in (header.get("ImageType") or []):
        return []
    # Imported here: it warns on import that it reads Siemens only, which is what it is used for.
    from nibabel.nicom import csareader

    try:
        csa = csareader.get_csa_header(header.dataset, "image")
        count = csareader.get_n_mosaic(csa) if csa else 0
        normal = csareader.get_slice_normal(csa) if csa else None
    except Exception:  # a private header of another make; the picture is then shown as it is stored
        return []
    position, spacing = header.get("ImagePositionPatient"), header.get("PixelSpacing")
    six = header.get("ImageOrientationPatient")
    if not count or position is None or spacing is None or six is None:
        return []
    return _laid_out(header, int(count), normal, [float(v) for v in six], [float(v) for v in spacing])


def _laid_out(
    header: Header, count: int, normal: np.ndarray | None, six: list[float], spacing: list[float]
) -> list[Tile]:
    side = math.ceil(math.sqrt(count))
    rows, columns = int(header.number("Rows")), int(header.number("Columns"))
    high, wide = rows // side, columns // side
    row, column = np.array(six[:3]), np.array(six[3:])
    across = np.asarray(normal, np.float64) if normal is not None else np.cross(row, column)
    step = header.number("SpacingBetweenSlices") or header.number("SliceThickness") or 1.0
    # The header places the corner of the picture as if all of it were one slice with the first tile in its middle.
    first = np.array([float(v) for v in header.get("ImagePositionPatient")])
    first = first + row * spacing[1] * (columns - wide) / 2 + column * spacing[0] * (rows - high) / 2
    found = []
    for n in range(count):
        x, y, z = (float(v) for v in first + n * step * across)
        found.append(Tile(((n // side) * high, (n % side) * wide), (high, wide), (x, y, z)))
    return found
