"""Shortens highdicom's table of DICOM modules: what no image has goes, and so do blanks; 12 MB of a bundle."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

_PIXELS = {"PixelData", "FloatPixelData", "DoubleFloatPixelData"}


def shorten(folder: Path) -> None:
    """Write the tables below `folder` (a highdicom) anew."""
    standard = folder / "_standard"
    for path in standard.glob("*.json"):
        table = json.loads(path.read_text("utf-8"))
        if path.name == "module_attribute_map.json":
            table = of_images(table, json.loads((standard / "iod_module_map.json").read_text("utf-8")))
        path.write_text(json.dumps(table, separators=(",", ":")), "utf-8")


def of_images(modules: dict[str, list[dict[str, Any]]], objects: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
    """Module -> attributes, whole for the modules of every kind of object that has pixels, else no attributes.

    highdicom asks whether a module exists, whether a kind has pixels, and for the attributes of the kinds it writes.
    """
    used = set()
    for parts in objects.values():
        names = {part["key"] for part in parts}
        if any(entry["keyword"] in _PIXELS for name in names for entry in modules.get(name, [])):
            used |= names
    return {name: entries if name in used else [] for name, entries in modules.items()}
