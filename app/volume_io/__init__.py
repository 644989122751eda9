"""Images and labels in and out: NIfTI, NRRD, MetaImage, MGZ, DICOM; the only package that knows LPS files from RAS.

The libraries behind it take 0.3 s to import, so they are loaded when a file is first read, not when a window starts.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from app.volume_io.formats import can_read
from app.volume_io.series import SeriesInfo

if TYPE_CHECKING:
    from app.volume_io.labels import LabelFile, read_labels, write_labels
    from app.volume_io.reader import find_series, find_stack, read_volume
    from app.volume_io.writer import nifti_name, write_volume

__all__ = [
    "LabelFile",
    "SeriesInfo",
    "can_read",
    "find_series",
    "find_stack",
    "nifti_name",
    "read_labels",
    "read_volume",
    "write_labels",
    "write_volume",
]

_HOMES = {
    "LabelFile": "labels",
    "read_labels": "labels",
    "write_labels": "labels",
    "find_series": "reader",
    "find_stack": "reader",
    "read_volume": "reader",
    "nifti_name": "writer",
    "write_volume": "writer",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
