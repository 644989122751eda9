"""`Volume`: a read-only 3D image on a grid, with what its file said about it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from app.errors import BadInput
from app.geometry import Geometry


@dataclass(frozen=True, slots=True)
class Source:
    """Where a volume came from, enough to open it again.

    Args:
        path: The file, folder or archive that the user named.
        series: Which series inside it (a SeriesInstanceUID, or "" where there is only one).
        time: Which time point of a 4D image.
    """

    path: str
    series: str = ""
    time: int = 0


@dataclass(frozen=True, slots=True)
class NiftiCodes:
    """Header fields of a NIfTI source that labels written beside it must repeat (nifti1.h)."""

    sform: int = 1
    qform: int = 1
    units: int = 2  # NIFTI_UNITS_MM


@dataclass(frozen=True, eq=False)
class Volume:
    """An image.

    Args:
        array: (k, j, i), real numbers, finite; made C-contiguous and read-only, so any thread may hold it.
        geometry: The grid, of the same shape.
        modality: DICOM's word ("CT", "MR", "US"), "" when unknown.
        description: What the file calls it; may hold words typed at the scanner, never a patient's name.
        notes: What a reader should know about how it was understood ("resampled ...", "rows 3 missing").
        source: Where it came from, None for an image made in memory.
        codes: NIfTI header codes to repeat in exports.

    Raises:
        BadInput: when the array is not 3D, not of real numbers, not finite or not of the geometry's shape.
    """

    array: NDArray[np.generic]
    geometry: Geometry
    modality: str = ""
    description: str = ""
    notes: tuple[str, ...] = ()
    source: Source | None = None
    codes: NiftiCodes = field(default_factory=NiftiCodes)

    def __post_init__(self) -> None:
        array = np.ascontiguousarray(self.array)
        if array.shape != self.geometry.shape:
            raise BadInput(f"The image has shape {array.shape} but its grid has shape {self.geometry.shape}.")
        if array.dtype.kind not in "uif":
            raise BadInput(f"The image holds {array.dtype} values; only real numbers can be shown.")
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            raise BadInput("The image holds values that are not numbers (NaN or infinite).")
        view = array.view()
        view.flags.writeable = False
        object.__setattr__(self, "array", view)

    @property
    def shape(self) -> tuple[int, int, int]:
        """(k, j, i)."""
        return self.geometry.shape

    @cached_property
    def digest(self) -> str:
        """Hash of voxels and grid: the same image opened again has the same digest, whatever its file is called."""
        h = hashlib.blake2b(digest_size=16)
        h.update(f"{self.array.dtype.str}{self.shape}".encode())
        h.update(np.round(self.geometry.affine, 6).tobytes())
        h.update(self.array.data)
        return h.hexdigest()

    @cached_property
    def intensity_range(self) -> tuple[float, float]:
        """Smallest and largest value."""
        return float(self.array.min()), float(self.array.max())

    @cached_property
    def usual_range(self) -> tuple[float, float]:
        """0.5th and 99.5th percentile of at most about a million voxels spread over the grid."""
        step = max(1, round((self.array.size / 1e6) ** (1 / 3)))
        sample = self.array[::step, ::step, ::step].astype(np.float64)
        low, high = np.percentile(sample, (0.5, 99.5))
        return float(low), float(high)
