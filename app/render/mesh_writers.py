"""STL, OBJ, PLY and 3MF: each writes `Part`s to an open place on the disk. Coordinates are LPS millimetres."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

import numpy as np
from numpy.typing import NDArray

from app.render.mesh import Mesh
from app.render.receipt import FRAME, UNIT

NOTE = f"Volumask {FRAME} {UNIT} SPACE={FRAME}"
"""Said in every file; 3D Slicer looks for the second half in STL, OBJ and PLY."""


@dataclass(frozen=True, eq=False)
class Part:
    """One segment to write.

    Args:
        points: (n, 3) float32, LPS millimetres.
        triangles: (m, 3) int32, anticlockwise from outside.
    """

    name: str
    colour: tuple[int, int, int]
    points: NDArray[np.float32]
    triangles: NDArray[np.int32]

    @classmethod
    def of(cls, name: str, colour: tuple[int, int, int], mesh: Mesh) -> Part:
        """From RAS to LPS: half a turn about the long axis of the body, so triangles keep facing outwards."""
        lps = mesh.points * np.array([-1.0, -1.0, 1.0])
        return cls(name, colour, lps.astype(np.float32), mesh.triangles)

    @property
    def mesh(self) -> Mesh:
        """As written: LPS."""
        return Mesh(self.points.astype(np.float64), self.triangles)


def write_stl(path: Path, parts: Sequence[Part]) -> None:
    """Binary STL, all parts in one."""
    record = np.dtype([("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("attribute", "<u2")])
    with path.open("wb") as file:
        file.write(NOTE.encode("ascii").ljust(80))
        file.write(sum(len(part.triangles) for part in parts).to_bytes(4, "little"))
        for part in parts:
            rows = np.zeros(len(part.triangles), record)
            rows["corners"] = part.points[part.triangles]
            a, b, c = (rows["corners"][:, corner].astype(np.float64) for corner in range(3))
            normals = np.cross(b - a, c - a)
            rows["normal"] = normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-30)
            file.write(rows.tobytes())


def write_ply(path: Path, parts: Sequence[Part]) -> None:
    """Binary PLY with a colour at each point."""
    point = np.dtype([("place", "<f4", 3), ("colour", "u1", 3)])
    face = np.dtype([("count", "u1"), ("corners", "<i4", 3)])
    header = (
        f"ply\nformat binary_little_endian 1.0\ncomment {NOTE}\n"
        f"element vertex {sum(len(p.points) for p in parts)}\n"
        "property float x\nproperty float y\nproperty float z\n"
        "property uchar red\nproperty uchar green\nproperty uchar blue\n"
        f"element face {sum(len(p.triangles) for p in parts)}\nproperty list uchar int vertex_indices\nend_header\n"
    )
    with path.open("wb") as file:
        file.write(header.encode("ascii"))
        for part in parts:
            rows = np.zeros(len(part.points), point)
            rows["place"], rows["colour"] = part.points, part.colour
            file.write(rows.tobytes())
        for part, first in _numbered(parts):
            faces = np.full(len(part.triangles), 3, face)
            faces["corners"] = part.triangles + first
            file.write(faces.tobytes())


def write_obj(path: Path, parts: Sequence[Part]) -> None:
    """Wavefront OBJ, one object per part."""
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.write(f"# {NOTE}\n")
        for part, first in _numbered(parts):
            file.write(f"o {' '.join(part.name.split())}\n")
            _write_rows(file.write, "v %.9g %.9g %.9g\n", part.points)
            _write_rows(file.write, "f %d %d %d\n", part.triangles + first + 1)


def write_3mf(path: Path, parts: Sequence[Part]) -> None:
    """3MF core, version 1: says millimetres in the file, each part an object with its name and colour."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr("[Content_Types].xml", _CONTENT_TYPES)
        archive.writestr("_rels/.rels", _RELATIONS)
        with archive.open("3D/3dmodel.model", "w", force_zip64=True) as model:

            def write(text: str) -> None:
                model.write(text.encode("utf-8"))

            _write_model(write, parts)


WRITERS: dict[str, Callable[[Path, Sequence[Part]], None]] = {
    ".stl": write_stl,
    ".obj": write_obj,
    ".ply": write_ply,
    ".3mf": write_3mf,
}


def _numbered(parts: Sequence[Part]) -> Iterator[tuple[Part, int]]:
    """Every part with the number of points before it."""
    first = 0
    for part in parts:
        yield part, first
        first += len(part.points)


def _write_rows(write: Callable[[str], object], row: str, values: NDArray[np.generic]) -> None:
    """Format (n, 3) numbers, some thousand rows at a time: one `%` for many rows is five times faster than one each."""
    for block in np.array_split(values, max(1, len(values) // 10_000)):
        write(row * len(block) % tuple(block.ravel().tolist()))


_CONTENT_TYPES = (
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
    '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    '<Default Extension="model" ContentType="application/vnd.ms-package.3dmanufacturing-3dmodel+xml"/></Types>'
)
_RELATIONS = (
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
    '<Relationship Id="model" Target="/3D/3dmodel.model" '
    'Type="http://schemas.microsoft.com/3dmanufacturing/2013/01/3dmodel"/></Relationships>'
)


def _write_model(write: Callable[[str], None], parts: Sequence[Part]) -> None:
    write('<?xml version="1.0" encoding="UTF-8"?>\n<model unit="millimeter" xml:lang="en-US" ')
    write('xmlns="http://schemas.microsoft.com/3dmanufacturing/core/2015/02">\n')
    write(f'<metadata name="Description">{escape(NOTE)}</metadata>\n<resources>\n<basematerials id="1">\n')
    for part in parts:
        red, green, blue = part.colour
        write(f'<base name={quoteattr(part.name)} displaycolor="#{red:02X}{green:02X}{blue:02X}"/>\n')
    write("</basematerials>\n")
    for number, part in enumerate(parts):
        write(f'<object id="{number + 2}" type="model" pid="1" pindex="{number}" name={quoteattr(part.name)}>')
        write("<mesh><vertices>\n")
        _write_rows(write, '<vertex x="%.9g" y="%.9g" z="%.9g"/>\n', part.points)
        write("</vertices><triangles>\n")
        _write_rows(write, '<triangle v1="%d" v2="%d" v3="%d"/>\n', part.triangles)
        write("</triangles></mesh></object>\n")
    write("</resources>\n<build>\n")
    for number in range(len(parts)):
        write(f'<item objectid="{number + 2}"/>\n')
    write("</build>\n</model>\n")
