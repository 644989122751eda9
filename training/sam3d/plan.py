"""`Plan`: spacing, crop and intensities of a training, from the scans themselves (as nnU-Net plans SAM3D's)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.engine.sam3d.recipe import Sam3dRecipe, Spacing
from app.errors import BadInput
from app.volume import Volume
from training.sam3d.cases import Case, load

_SAMPLED = 10_000  # voxels of structures of a case
_DEEPEST, _WIDEST = 64, 176  # the paper's largest crop (Synapse)
_ANISOTROPIC = 1.2  # times the other spacings, from which an axis is the one across the slices


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the user decides; None and 0 leave it to the plan."""

    spacing: Spacing | None = None
    side: int = 0
    depth: int = 0
    names: tuple[str, ...] = ()
    encoder: str = "sam_vit_b"


@dataclass(frozen=True)
class _Seen:
    """What a plan needs of a case."""

    spacing: NDArray[np.float64]  # (3,), by world axis R, A, S
    extent: NDArray[np.float64]  # millimetres, by world axis
    labels: tuple[int, ...]
    names: Mapping[int, str]
    values: NDArray[np.float32]  # of voxels of structures
    hounsfield: bool


def make_plan(cases: Sequence[Case], wishes: Wishes, progress: Callable[[float], None]) -> Sam3dRecipe:
    """Look at every case.

    Raises:
        BadInput: when there is no label, or the names do not fit the labels.
    """
    seen = []
    for number, case in enumerate(cases, start=1):
        seen.append(_look(*load(case)))
        progress(number / len(cases))
    spacings = np.median([one.spacing for one in seen], axis=0)
    coarsest = int(spacings.argmax())
    across = coarsest if spacings[coarsest] > _ANISOTROPIC * np.median(spacings) else 2
    order = {2: (2, 1, 0), 1: (1, 2, 0), 0: (0, 2, 1)}[across]
    k, j, i = wishes.spacing or tuple(float(round(spacings[axis], 4)) for axis in order)
    extents = np.median([one.extent for one in seen], axis=0)
    slices, rows, columns = (extents[axis] / step for axis, step in zip(order, (k, j, i), strict=True))
    side = wishes.side or min(_WIDEST, 16 * max(1, round(max(rows, columns) / 16)))
    depth = wishes.depth or max(1, min(_DEEPEST, round(slices)))
    intensity = _ct(seen) if all(one.hounsfield for one in seen) else ((0.0, 0.0), 0.0, 0.0)
    return Sam3dRecipe(_classes(seen, wishes.names), depth, side, (k, j, i), across, *intensity, wishes.encoder)


def _look(volume: Volume, labels: NDArray[np.unsignedinteger], names: Mapping[int, str]) -> _Seen:
    geometry = volume.geometry
    axes = [geometry.axis_of(world) for world in range(3)]
    spacing = np.array([geometry.spacing[axis] for axis in axes])
    lengths = np.array([geometry.shape[axis] for axis in axes])
    values = volume.array[labels > 0].astype(np.float32)
    values = values[:: max(1, len(values) // _SAMPLED)]
    low, high = volume.usual_range
    hounsfield = volume.modality == "CT" or (volume.modality == "" and low < -200 < 200 < high)
    present = tuple(int(label) for label in np.unique(labels) if label)
    return _Seen(spacing, spacing * lengths, present, names, values, hounsfield)


def _ct(seen: Sequence[_Seen]) -> tuple[tuple[float, float], float, float]:
    """Clip, mean and deviation of the voxels of structures in all cases, because HU mean the same in each."""
    values = np.concatenate([one.values for one in seen])
    low, high = (float(end) for end in np.percentile(values, (0.5, 99.5)))
    clipped = np.clip(values, low, high)
    return (low, high), float(clipped.mean(dtype=np.float64)), max(1e-3, float(clipped.std(dtype=np.float64)))


def _classes(seen: Sequence[_Seen], names: tuple[str, ...]) -> tuple[str, ...]:
    """Names of the labels 1, 2, ...; a number that no case has keeps its place."""
    largest = max((label for one in seen for label in one.labels), default=0)
    if not largest:
        raise BadInput("The labels hold no structure.", "Label 0 is the background, 1 and above are structures.")
    if largest > 255:
        raise BadInput(f"The labels go up to {largest}; 255 is the most.")
    if names and len(names) != largest:
        raise BadInput(f"{len(names)} names are given for labels up to {largest}.", "Name each, in their order.")
    told = {label: name for one in seen for label, name in one.names.items()}
    return names or tuple(told.get(label, f"Class {label}") for label in range(1, largest + 1))
