"""`Case`: a scan and its labels, found by name in two folders."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from app import volume_io
from app.errors import BadInput
from app.volume import Volume

_ENDINGS = (".nii.gz", ".nii", ".nrrd", ".mha", ".mhd", ".mgz")


@dataclass(frozen=True, slots=True)
class Case:
    """Where a pair lies; `name` is the same for both."""

    name: str
    image: Path
    labels: Path


def find_cases(images: Path, labels: Path) -> tuple[Case, ...]:
    """Every scan of a folder with the labels of its name in the other; nnU-Net's ending _0000 of a scan is left aside.

    Raises:
        BadInput: when a folder cannot be read, or there is no pair.
    """
    scans, answers = _by_name(images, "_0000"), _by_name(labels, "")
    pairs = tuple(Case(name, scans[name], answers[name]) for name in sorted(scans.keys() & answers.keys()))
    if not pairs:
        message = f"No scan in {images.name} has labels of the same name in {labels.name}."
        raise BadInput(message, "Give scan case1.nii.gz and its labels the same name, in two folders.")
    return pairs


def load(case: Case) -> tuple[Volume, NDArray[np.unsignedinteger], Mapping[int, str]]:
    """The scan, its labels (k, j, i) and the names that the labels' file gives them.

    Raises:
        BadInput: when one cannot be read or they are not on the same grid.
    """
    volume = volume_io.read_volume(case.image)
    file = volume_io.read_labels(case.labels)
    if not file.geometry.matches(volume.geometry, tolerance=0.1):
        message = f"The labels of {case.name} are on another grid than the scan."
        raise BadInput(message, "Resample them to the scan first.")
    return volume, file.labels, file.names


def _by_name(folder: Path, ending: str) -> dict[str, Path]:
    try:
        files = sorted(path for path in folder.iterdir() if path.is_file())
    except OSError as error:
        raise BadInput(f"{folder.name} could not be read: {error.strerror}.", "Give a folder of scans.") from error
    found: dict[str, Path] = {}
    for path in files:
        kind = next((kind for kind in _ENDINGS if path.name.lower().endswith(kind)), None)
        if kind:
            found[path.name[: -len(kind)].removesuffix(ending)] = path
    return found
