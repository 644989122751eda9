"""`NiftiHeader`: a NIfTI-1, NIfTI-2 or Analyze header, checked field by field before anything is allocated."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import nibabel as nib
import numpy as np

from app.errors import BadInput
from app.geometry import Affine, Geometry
from app.volume import NiftiCodes

HEAD = 540  # bytes of the longer of both headers

_REFUSED = {1: "1-bit", 32: "complex", 1792: "complex", 2048: "complex", 128: "RGB colour", 2304: "RGBA colour"}
_MILLIMETRES = {1: 1000.0, 2: 1.0, 3: 0.001}  # NIFTI_UNITS_METER, _MM, _MICRON
_FARTHEST = 1e8  # millimetres; a number beyond is damage, and squares of it overflow
_UNIT_NAMES = {1: "metres", 3: "micrometres"}


@dataclass(frozen=True, slots=True)
class NiftiHeader:
    """What is needed to read the voxels. `offset` counts from the start of the file that holds them."""

    geometry: Geometry
    times: int
    dtype: np.dtype[np.generic]
    offset: int
    slope: float
    intercept: float
    codes: NiftiCodes
    notes: tuple[str, ...]

    @property
    def bytes_per_time(self) -> int:
        """Of one time point, as stored."""
        k, j, i = self.geometry.shape
        return k * j * i * self.dtype.itemsize

    @property
    def end(self) -> int:
        """Where the last voxel ends."""
        return self.offset + self.times * self.bytes_per_time


def parse(head: bytes, name: str, pair: bool) -> NiftiHeader:
    """Read the header from the first bytes of a file.

    Args:
        head: At least 348 bytes, 540 for NIfTI-2.
        pair: Whether the voxels lie in another file (.hdr with .img).

    Raises:
        BadInput: when a field makes no sense, or the image is of a kind that is not shown.
    """
    with np.errstate(all="ignore"):  # a damaged affine overflows; it is judged by what comes out
        return _checked(head, name, pair)


def _checked(head: bytes, name: str, pair: bool) -> NiftiHeader:
    header, is_nifti = _parsed(head, name, pair)
    shape, times = _shape(header, name)
    dtype = _dtype(header, name)
    affine, codes, notes = _affine(header, name) if is_nifti else _analyze_affine(header)
    slope, intercept = _scaling(header, name)
    if np.abs(affine).max() > _FARTHEST:
        raise BadInput(f"{name} is placed kilometres away: its header is damaged.", "Export the image again.")
    try:
        geometry = Geometry((shape[2], shape[1], shape[0]), affine)
    except BadInput as error:
        raise BadInput(f"{name}: {error.message}", "Its header is damaged; export the image again.") from error
    offset = _offset(header, name, 0 if pair or not is_nifti else len(header.binaryblock) + 4)
    return NiftiHeader(geometry, times, dtype, offset, slope, intercept, codes, notes)


def _parsed(head: bytes, name: str, pair: bool) -> tuple[Any, bool]:
    """Nibabel's header, and whether it is NIfTI (or Analyze)."""
    sizes = {int.from_bytes(head[:4], order) for order in ("little", "big")}
    if 540 in sizes and len(head) >= 540 and head[4:7] in (b"n+2", b"ni2"):
        return nib.Nifti2Header(head[:540], check=False), True
    if 348 in sizes and len(head) >= 348:
        if head[344:347] in (b"n+1", b"ni1"):
            return nib.Nifti1Header(head[:348], check=False), True
        if pair:
            return nib.Spm2AnalyzeHeader(head[:348], check=False), False
    raise BadInput(f"{name} is not a NIfTI image: its header does not begin as one.", "Check that it was saved whole.")


def _shape(header: Any, name: str) -> tuple[tuple[int, int, int], int]:
    dims = [int(d) for d in header["dim"]]
    count = dims[0]
    if not 1 <= count <= 7 or min(dims[1 : count + 1]) < 1:
        raise BadInput(f"{name} claims the size {_times(dims[1 : max(0, min(count, 7)) + 1])}, which is no image.")
    sizes = dims[1 : count + 1] + [1] * (7 - count)
    if 3000 <= _field(header, "intent_code") < 3100:
        raise BadInput(f"{name} is a CIFTI file (a matrix over a surface), not an image.")
    if max(sizes[4:]) > 1:
        raise BadInput(
            f"{name} holds several values in each voxel (size {_times(sizes[:count])}), as a warp or a tensor does.",
            "Save one of its components as an image of its own.",
        )
    return (sizes[0], sizes[1], sizes[2]), sizes[3]


def _dtype(header: Any, name: str) -> np.dtype[np.generic]:
    code = int(header["datatype"])
    if code in _REFUSED:
        raise BadInput(
            f"{name} holds {_REFUSED[code]} voxels; only images with one real number in each voxel can be opened.",
            "Save it as a grey image first.",
        )
    try:
        dtype = np.dtype(header.get_data_dtype())
    except Exception as error:  # nibabel raises a type of its own for unknown codes
        raise BadInput(f"{name} says that its voxels are of the unknown type {code}.") from error
    if dtype.kind not in "uif" or dtype.itemsize > 8:
        raise BadInput(f"{name} says that its voxels are of the type {dtype}, which cannot be shown.")
    in_file: np.dtype[np.generic] = dtype.newbyteorder(header.endianness)
    return in_file


def _scaling(header: Any, name: str) -> tuple[float, float]:
    """Slope and intercept; (1, 0) where the slope is 0 or NaN, which the standard reads as none."""
    slope, intercept = _field(header, "scl_slope"), _field(header, "scl_inter")
    if slope == 0 or math.isnan(slope):
        return 1.0, 0.0
    if not math.isfinite(slope) or not math.isfinite(intercept):
        raise BadInput(f"{name} scales its values by {slope:g} and adds {intercept:g}; no image can come of that.")
    return slope, intercept


def _offset(header: Any, name: str, smallest: int) -> int:
    value = _field(header, "vox_offset")
    if value == 0:
        return smallest
    if not math.isfinite(value) or value < smallest:
        raise BadInput(f"{name} says that its voxels begin at byte {value:g}, inside its header.")
    return int(value)


def _affine(header: Any, name: str) -> tuple[Affine, NiftiCodes, tuple[str, ...]]:
    """Affine in millimetres: the sform where its code is set, else the qform, else the voxel size alone."""
    sform, qform = int(header["sform_code"]), int(header["qform_code"])
    units = int(header["xyzt_units"]) & 7
    codes, notes = NiftiCodes(sform, qform, units), []
    by_quaternion = _qform(header) if qform > 0 else None
    if sform > 0:
        affine = np.asarray(header.get_sform(), np.float64)
        if not _usable(affine) and by_quaternion is not None and _usable(by_quaternion):
            affine, codes = by_quaternion, NiftiCodes(0, qform, units)
            notes.append("the sform in the header is damaged, the qform was used")
        elif by_quaternion is not None and _usable(affine) and _apart(affine, by_quaternion, header) > 0.1:
            notes.append("sform and qform place this image differently; the sform was used")
    elif by_quaternion is not None:
        affine = by_quaternion
    else:
        affine = _by_voxel_size(header, name)
        notes.append("the header gives no position in space: left and right, and the origin, are a guess")
    if units in _UNIT_NAMES:
        notes.append(f"the header measures in {_UNIT_NAMES[units]}; shown in millimetres")
    scale = _MILLIMETRES.get(units, 1.0)
    return np.diag([scale, scale, scale, 1.0]) @ affine, codes, (*notes, *_shear(affine))


def _qform(header: Any) -> Affine | None:
    try:
        return np.asarray(header.get_qform(), np.float64)
    except Exception:  # nibabel refuses impossible quaternions and zooms with several exception types
        return None


def _usable(affine: Affine) -> bool:
    if not np.abs(affine).max() <= _FARTHEST:  # also for NaN
        return False
    try:
        Geometry((1, 1, 1), affine)
    except BadInput:
        return False
    return True


def _apart(affine: Affine, other: Affine, header: Any) -> float:
    """How far apart, in voxels, two affines place the farthest corner or the origin."""
    far = np.array([*(int(d) - 1 for d in header["dim"][1:4]), 1.0])
    near = np.array([0.0, 0.0, 0.0, 1.0])
    gap = max(float(np.linalg.norm((affine - other) @ corner)) for corner in (near, far))
    return gap / float(np.linalg.norm(affine[:3, :3], axis=0).min())


def _shear(affine: Affine) -> tuple[str, ...]:
    if not _usable(affine):
        return ()
    axes = affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0)
    cosine = float(np.abs(axes.T @ axes - np.eye(3)).max())
    if cosine < 1e-3:
        return ()
    return (f"the axes are not at right angles (sheared by {math.degrees(math.asin(min(1.0, cosine))):.1f} degrees)",)


def _by_voxel_size(header: Any, name: str) -> Affine:
    zooms = np.abs(np.asarray(header["pixdim"][1:4], np.float64))
    if not np.isfinite(zooms).all() or not (zooms > 0).all():
        raise BadInput(
            f"{name} says neither where it lies in space nor how large its voxels are.",
            "Export it again from the program that made it.",
        )
    return np.asarray(header.get_base_affine(), np.float64)


def _analyze_affine(header: Any) -> tuple[Affine, NiftiCodes, tuple[str, ...]]:
    note = "an Analyze file does not say which side is left: taken as stored from right to left"
    return np.asarray(header.get_best_affine(), np.float64), NiftiCodes(1, 1, 2), (note,)


def _field(header: Any, name: str) -> float:
    """A number of the header, 0 where its format has no such field (Analyze)."""
    return float(header[name]) if name in set(header.keys()) else 0.0


def _times(sizes: list[int]) -> str:
    return " x ".join(str(size) for size in sizes) or "0"
