"""`.seg.nrrd` in: one image or several layers of one, with 3D Slicer's names, colours and terms."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from app.errors import BadInput
from app.exchange.incoming import Incoming, IncomingSegment
from app.exchange.terms import SCHEME, SIDES, term
from app.volume_io import nrrd, read_volume
from app.volume_io.stored_image import StoredImage

Fields = Mapping[str, str]


def fields_of(path: str | Path) -> Fields:
    """The key and value pairs of an NRRD file's header; none where it has none or is no NRRD file."""
    return nrrd.pairs(Path(path)) if str(path).lower().endswith(".nrrd") else {}


def is_seg_nrrd(fields: Fields) -> bool:
    """Whether they describe segments."""
    return "Segment0_ID" in fields or "Segment0_Name" in fields


def read(path: str | Path) -> Incoming:
    """Every segment of a file.

    Raises:
        BadInput: when it is damaged.
    """
    path = Path(path)
    image = nrrd.header(path)
    layers, fields = _layers(path, image), image.pairs
    segments = []
    number = 0
    while f"Segment{number}_ID" in fields or f"Segment{number}_Name" in fields:
        segments.append(_segment(fields, f"Segment{number}_", layers, path.name))
        number += 1
    return Incoming(image.geometry, tuple(segments))


def _layers(path: Path, image: StoredImage) -> list[NDArray[np.generic]]:
    """The label maps of a file, each (k, j, i)."""
    return [read_volume(path).array] if image.channels == 1 else image.layers()


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
