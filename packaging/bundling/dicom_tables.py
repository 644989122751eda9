"""Shortens highdicom's table of DICOM modules to what it is asked here; 21 MB of a bundle."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

_PIXELS = {"PixelData", "FloatPixelData", "DoubleFloatPixelData"}
_WRITTEN = "segmentation"


def shorten(folder: Path) -> None:
    """Write the tables below `folder` (a highdicom) anew."""
    standard = folder / "_standard"
    for path in standard.glob("*.json"):
        table = json.loads(path.read_text("utf-8"))
        if path.name == "module_attribute_map.json":
            table = as_asked(table, json.loads((standard / "iod_module_map.json").read_text("utf-8")))
        path.write_text(json.dumps(table, separators=(",", ":")), "utf-8")


def as_asked(modules: dict[str, list[dict[str, Any]]], objects: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
    """Module -> attributes: whole for the modules of segmentations, which are written; else the top level and pixels.

    highdicom asks whether a module exists, whether a kind has pixels, for the top attributes of the kind that a
    segmentation is of, which it copies, and for the whole of the kinds it writes.
    """
    whole = {part["key"] for name, parts in objects.items() if _WRITTEN in name for part in parts}
    return {
        name: [entry for entry in entries if name in whole or not entry["path"] or entry["keyword"] in _PIXELS]
        for name, entries in modules.items()
    }
