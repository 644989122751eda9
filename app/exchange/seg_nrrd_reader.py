"""`.seg.nrrd` in: one image or several layers of one, with 3D Slicer's names, colours and terms."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from app.errors import BadInput
from app.exchange.incoming import Incoming, IncomingSegment
from app.exchange.terms import SCHEME, SIDES, term
from app.geometry import Geometry
from app.volume_io import memory, read_volume

Fields = Mapping[str, str]


def fields_of(path: str | Path) -> dict[str, str]:
    """The key and value pairs of an NRRD file's header; none where it has none or is no NRRD file."""
    return _header(Path(path))[1] if str(path).lower().endswith(".nrrd") else {}


def is_seg_nrrd(fields: Fields) -> bool:
    """Whether they describe segments."""
    return "Segment0_ID" in fields or "Segment0_Name" in fields


def read(path: str | Path) -> Incoming:
    """Every segment of a file.

    Raises:
        BadInput: when it is damaged.
    """
    path = Path(path)
    reader, fields = _header(path)
    if reader is None:
        raise BadInput(f"{path.name} could not be understood.", "It may be damaged or of another format.")
    layers, geometry = _layers(path, reader)
    segments = []
    number = 0
    while f"Segment{number}_ID" in fields or f"Segment{number}_Name" in fields:
        segments.append(_segment(fields, f"Segment{number}_", layers, path.name))
        number += 1
    return Incoming(geometry, tuple(segments))


def _header(path: Path) -> tuple[sitk.ImageFileReader | None, dict[str, str]]:
    reader = sitk.ImageFileReader()
    reader.SetFileName(str(path))
    try:
        reader.ReadImageInformation()
    except RuntimeError:
        return None, {}
    return reader, {key: reader.GetMetaData(key) for key in reader.GetMetaDataKeys()}


def _layers(path: Path, reader: sitk.ImageFileReader) -> tuple[list[NDArray[np.generic]], Geometry]:
    """The label maps of a file, each (k, j, i), and their grid."""
    if reader.GetNumberOfComponents() == 1:
        volume = read_volume(path)
        return [volume.array], volume.geometry
    if reader.GetDimension() != 3:
        raise BadInput(f"{path.name} has {reader.GetDimension()} dimensions; segmentations of 3 can be opened.")
    size, spacing = reader.GetSize(), np.array(reader.GetSpacing())
    memory.require(path.name, 2 * int(np.prod(size, dtype=np.int64)) * reader.GetNumberOfComponents())
    affine = np.eye(4)
    affine[:3, :3] = np.reshape(reader.GetDirection(), (3, 3)) * spacing
    affine[:3, 3] = reader.GetOrigin()
    try:
        array = sitk.GetArrayFromImage(reader.Execute())
    except RuntimeError as error:
        raise BadInput(f"The voxels of {path.name} could not be read.", "The file is damaged.") from error
    geometry = Geometry.from_lps((size[2], size[1], size[0]), affine)
    return [array[..., n] for n in range(array.shape[-1])], geometry


def _segment(fields: Fields, prefix: str, layers: list[NDArray[np.generic]], name: str) -> IncomingSegment:
    try:
        label, layer = int(fields.get(prefix + "LabelValue", "1")), int(fields.get(prefix + "Layer", "0"))
        mask = np.asarray(layers[layer] == label)
    except (ValueError, IndexError) as error:
        raise BadInput(f"{name} contradicts itself: a segment's layer or label is not there.") from error
    own = fields.get(prefix + "Name", "").replace("\\\\", "\\").strip() or fields.get(prefix + "ID", "Segment")
    return IncomingSegment.of(
        own, mask, _colour(fields.get(prefix + "Color", "")), _term(fields.get(prefix + "Tags", ""))
    )


def _colour(text: str) -> tuple[int, int, int] | None:
    try:
        red, green, blue = (round(255 * min(1.0, max(0.0, float(part)))) for part in text.split())
    except ValueError:
        return None
    return red, green, blue


def _term(tags: str) -> str:
    """Out of "TerminologyEntry:context~category~type~modifier~...", each of them "scheme^code^meaning"."""
    entry = next((t.partition(":")[2] for t in tags.split("|") if t.startswith("TerminologyEntry:")), "")
    parts = [part.split("^") for part in entry.split("~")]
    if len(parts) < 4 or len(parts[2]) < 2 or parts[2][0] != SCHEME:
        return ""
    code = parts[2][1]
    modifier = parts[3][1] if len(parts[3]) > 1 else ""
    side = next((letter for letter, (own, _) in SIDES.items() if own == modifier), "")
    return next((key for key in (code + side, code) if term(key)), "")
