"""What this copy of the program is made of: its versions and flavour; from the bill in a bundle, or from pip."""

from __future__ import annotations

import json
import platform
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from app import __version__

NOTICES, BILL = "THIRD_PARTY_NOTICES.txt", "sbom.cdx.json"
_PARTS = (
    ("PySide6_Essentials", "Qt, Qt for Python"),
    ("vtk", "VTK"),
    ("numpy", "NumPy"),
    ("scipy", "SciPy"),
    ("nibabel", "nibabel"),
    ("pydicom", "pydicom"),
    ("highdicom", "highdicom"),
    ("openvino", "OpenVINO"),
    ("torch", "PyTorch"),
)
"""The distribution of each part that a report of an error should name, and what it is called."""


def frozen() -> bool:
    """Whether this is an installed bundle and no checkout."""
    return bool(getattr(sys, "frozen", False))


def folder() -> Path:
    """Where the bundle's papers lie: beside its executable, on macOS in its resources; of a checkout, its root."""
    if not frozen():
        return Path(__file__).resolve().parents[1]
    beside = Path(sys.executable).resolve().parent
    resources = beside.parent / "Resources"
    return resources if (resources / BILL).is_file() else beside


def notices() -> Path | None:
    """The file of the licences of others; None where there is none, as in a checkout."""
    path = folder() / NOTICES
    return path if path.is_file() else None


def for_graphics_cards() -> bool:
    """Whether this is the flavour with NVIDIA's libraries."""
    return any(name.startswith("nvidia-cublas") for name, _ in _bill())


def versions() -> list[tuple[str, str]]:
    """Name and version of the program, of Python, of the parts that matter, and of the system."""
    inside = dict(_bill())
    found = [(title, inside.get(name.lower()) or _installed(name)) for name, title in _PARTS]
    system = f"{platform.system()} {platform.release()} ({platform.machine()})"
    return [
        ("Volumask", __version__),
        ("Python", platform.python_version()),
        *((title, version) for title, version in found if version),
        ("System", system),
    ]


def _bill() -> Iterator[tuple[str, str]]:
    """Lower-case name and version of each part in the bundle's bill; nothing where there is none to read."""
    try:
        parts = json.loads((folder() / BILL).read_text(encoding="utf-8"))["components"]
        yield from ((str(part["name"]).lower(), str(part.get("version", ""))) for part in parts)
    except (OSError, ValueError, LookupError, TypeError):
        return


def _installed(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""
