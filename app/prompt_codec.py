"""Prompts as JSON values and back, for the project file."""

from __future__ import annotations

import base64
import zlib
from typing import Any

import numpy as np

from app.errors import BadInput
from app.prompts import Box, Point, Prompt, Scribble, SliceMask


def encode(prompt: Prompt) -> dict[str, Any]:
    """A JSON object; all indices are (k, j, i), a slice mask is packed bits, deflated, in base64."""
    match prompt:
        case Point():
            value = {"kind": "point", "index": prompt.index, "positive": prompt.positive}
            return value if prompt.axis is None else value | {"axis": prompt.axis}
        case Box():
            return {"kind": "box", "start": prompt.start, "stop": prompt.stop}
        case Scribble():
            return {"kind": "scribble", "indices": prompt.indices, "positive": prompt.positive}
        case SliceMask():
            bits = base64.b64encode(zlib.compress(np.packbits(prompt.mask).tobytes())).decode()
            place = {"axis": prompt.axis, "index": prompt.index, "shape": prompt.shape}
            return {"kind": "mask", **place, "bits": bits}


def decode(value: dict[str, Any]) -> Prompt:
    """The inverse of `encode`.

    Raises:
        BadInput: for a kind this version does not know.
    """
    match value["kind"]:
        case "point":
            return Point(tuple(value["index"]), value["positive"], value.get("axis"))
        case "box":
            return Box(tuple(value["start"]), tuple(value["stop"]))
        case "scribble":
            return Scribble(value["indices"], value["positive"])
        case "mask":
            rows, columns = value["shape"]
            packed = np.frombuffer(zlib.decompress(base64.b64decode(value["bits"])), np.uint8)
            bits = np.unpackbits(packed, count=rows * columns).reshape(rows, columns)
            return SliceMask(value["axis"], value["index"], bits.astype(bool))
        case kind:
            raise BadInput(
                f"This project holds a prompt of the unknown kind {kind!r}.", "Open it with a newer Volumask."
            )
