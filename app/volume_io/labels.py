"""Label maps in and out: NIfTI with the names in a sidecar; any readable image of whole numbers in.

The sidecar `NAME.json` beside `NAME.nii.gz`:

    {"format": "volumask labels", "version": 1, "image": "NAME.nii.gz",
     "labels": [{"value": 1, "name": "Liver", "colour": [r, g, b]}, ...]}

A second one, `NAME.label.txt`, holds the same as an ITK-SNAP label description.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from app.atomic_file import replacing
from app.errors import AppError, BadInput
from app.geometry import Geometry
from app.volume import NiftiCodes
from app.volume_io import nifti
from app.volume_io.blob import Blob
from app.volume_io.reader import read_volume
from app.volume_io.writer import nifti_name, write_array

Colour = tuple[int, int, int]

_FORMAT = "volumask labels"
_ROUNDING = 1e-3  # a label stored as a float may be this far from a whole number
_MOST = 2**32 - 1


@dataclass(frozen=True, eq=False)
class LabelFile:
    """A label map.

    Args:
        labels: (k, j, i), unsigned, of the smallest type that holds its values.
        names: Of the labels that have one.
        colours: Red, green, blue, 0 to 255, of the labels that have one.
    """

    labels: NDArray[np.unsignedinteger]
    geometry: Geometry
    names: dict[int, str] = field(default_factory=dict)
    colours: dict[int, Colour] = field(default_factory=dict)


def sidecar(path: Path) -> Path:
    """Where the names of a label map lie: `labels.nii.gz` -> `labels.json`."""
    return path.with_name(_stem(path) + ".json")


def write_labels(
    path: str | Path,
    labels: NDArray[np.unsignedinteger],
    geometry: Geometry,
    codes: NiftiCodes,
    names: Mapping[int, tuple[str, Colour]],
) -> None:
    """A label map (k, j, i) on its grid, and its names beside it; read back and compared before it gets its name.

    Raises:
        BadInput: when the name does not end in .nii or .nii.gz.
        AppError: when it cannot be written; old files of that name stay as they were.
    """
    target = nifti_name(path)
    if labels.shape != geometry.shape:
        raise BadInput(f"The labels have shape {labels.shape}, the grid {geometry.shape}.")
    with replacing(target) as temporary:
        write_array(temporary, labels, geometry, codes)
        _compare(temporary, target.name, labels, geometry)
    with replacing(sidecar(target)) as temporary:
        temporary.write_text(_as_json(target.name, names), encoding="utf-8")
    with replacing(target.with_name(_stem(target) + ".label.txt")) as temporary:
        temporary.write_text(_as_itksnap(names), encoding="utf-8")


def read_labels(path: str | Path) -> LabelFile:
    """A label map of any format that `read_volume` takes, with its names where a sidecar has them.

    Raises:
        BadInput: when it cannot be opened, or its values are not whole numbers from 0 on.
    """
    path = Path(path)
    volume = read_volume(path)
    names, colours = _names(path)
    return LabelFile(_whole(volume.array, path.name), volume.geometry, names, colours)


def _whole(array: NDArray[np.generic], name: str) -> NDArray[np.unsignedinteger]:
    values = np.rint(array) if array.dtype.kind == "f" else array
    if array.dtype.kind == "f" and np.abs(array - values).max() > _ROUNDING:  # type: ignore[operator]  # floats
        raise BadInput(
            f"{name} is no label map: it holds fractions, as a resampled or probability map does.",
            "Threshold it first, or resample labels with the nearest neighbour.",
        )
    low, high = int(values.min()), int(values.max())
    if low < 0 or high > _MOST:
        raise BadInput(f"{name} is no label map: its values run from {low} to {high}, labels count from 0.")
    smallest = next(t for t in (np.uint8, np.uint16, np.uint32) if high <= np.iinfo(t).max)
    return np.asarray(values, dtype=smallest)


def _compare(temporary: Path, name: str, labels: NDArray[np.unsignedinteger], geometry: Geometry) -> None:
    back = nifti.read(Blob.on_disk(temporary))
    if not np.array_equal(back.array, labels) or not back.geometry.matches(geometry):
        raise AppError(f"{name} was not written: reading it back gave something else.", "Save it on another disk.")


def _as_json(image: str, names: Mapping[int, tuple[str, Colour]]) -> str:
    rows = [{"value": value, "name": name, "colour": list(colour)} for value, (name, colour) in sorted(names.items())]
    return json.dumps({"format": _FORMAT, "version": 1, "image": image, "labels": rows}, indent=2, ensure_ascii=False)


def _as_itksnap(names: Mapping[int, tuple[str, Colour]]) -> str:
    """Columns: index, red, green, blue, opacity, shown in slices, shown as mesh, quoted name."""
    lines = ['    0     0    0    0        0  0  0    "Clear Label"']
    for value, (name, (red, green, blue)) in sorted(names.items()):
        plain = " ".join(name.replace('"', "'").split())
        lines.append(f'{value:5d} {red:5d} {green:4d} {blue:4d}        1  1  1    "{plain}"')
    return "\n".join(lines) + "\n"


def _names(path: Path) -> tuple[dict[int, str], dict[int, Colour]]:
    """From the sidecar; nothing where there is none or it is of another kind."""
    try:
        content = json.loads(sidecar(path).read_text(encoding="utf-8"))
        rows = content["labels"] if content["format"] == _FORMAT else []
        names = {int(row["value"]): str(row["name"]) for row in rows}
        return names, {int(row["value"]): _colour(row["colour"]) for row in rows}
    except (OSError, ValueError, KeyError, TypeError):
        return {}, {}


def _colour(values: list[int]) -> Colour:
    red, green, blue = (min(255, max(0, int(v))) for v in values)
    return red, green, blue


def _stem(path: Path) -> str:
    name = path.name
    ending = next((e for e in (".nii.gz", ".nii") if name.lower().endswith(e)), path.suffix)
    return name[: len(name) - len(ending)]
