"""`.seg.nrrd` in: one image or several layers of one, with 3D Slicer's names, colours and terms."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from app.errors import BadInput
from app.exchange.incoming import Incoming, IncomingSegment
from app.exchange.terms import SCHEME, SIDES, term
from app.geometry import Geometry
from app.volume_io import itk_formats, read_volume
from app.volume_io.stored_image import StoredImage

Fields = Mapping[str, str]


def fields_of(path: str | Path) -> dict[str, str]:
    """The key and value pairs of an NRRD file's header; none where it has none or is no NRRD file."""
    if not str(path).lower().endswith(".nrrd"):
        return {}
    try:
        return dict(itk_formats.stored(Path(path)).fields)
    except BadInput:
        return {}


def is_seg_nrrd(fields: Fields) -> bool:
    """Whether they describe segments."""
    return "Segment0_ID" in fields or "Segment0_Name" in fields


def read(path: str | Path) -> Incoming:
    """Every segment of a file.

    Raises:
        BadInput: when it is damaged.
    """
    path = Path(path)
    image = itk_formats.stored(path)
    fields = image.fields
    layers, geometry = _layers(path, image)
    segments = []
    number = 0
    while f"Segment{number}_ID" in fields or f"Segment{number}_Name" in fields:
        segments.append(_segment(fields, f"Segment{number}_", layers, path.name))
        number += 1
    return Incoming(geometry, tuple(segments))


def _layers(path: Path, image: StoredImage) -> tuple[list[NDArray[np.generic]], Geometry]:
    """The label maps of a file, each (k, j, i), and their grid."""
    if image.components == 1:
        volume = read_volume(path)
        return [volume.array], volume.geometry
    if image.sizes[3] > 1:
        raise BadInput(f"{path.name} has 4 dimensions; segmentations of 3 can be opened.")
    geometry = itk_formats.grid(image)
    array = image.voxels(0)
    return [array[..., n] for n in range(image.components)], geometry


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
