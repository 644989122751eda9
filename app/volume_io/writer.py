"""Writes NIfTI-1 (NIfTI-2 where a side is too long for it), whole or not at all."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import nibabel as nib
import numpy as np
from numpy.typing import NDArray

from app.atomic_file import replacing
from app.errors import BadInput
from app.geometry import Geometry
from app.volume import NiftiCodes, Volume
from app.volume_io import nifti_header

_COMPRESSION = 3  # of 9; level 6 makes a CT 4 % smaller in three times the time
_LONGEST = 32767  # voxels along an axis in NIfTI-1
_TO_UNIT = {1: 0.001, 3: 1000.0}  # a millimetre in NIFTI_UNITS_METER, _MICRON; the others mean millimetres


def write_volume(volume: Volume, path: str | Path) -> None:
    """The image as .nii or .nii.gz with its exact affine, its codes and its unit.

    Raises:
        BadInput: when the name does not end so.
        AppError: when it cannot be written; an old file of that name stays as it was.
    """
    target = nifti_name(path)
    with replacing(target) as temporary:
        write_array(temporary, volume.array, volume.geometry, volume.codes)


def nifti_name(path: str | Path) -> Path:
    """The path, when it ends as a NIfTI file does.

    Raises:
        BadInput: when it does not.
    """
    target = Path(path)
    if not target.name.lower().endswith((".nii", ".nii.gz")):
        raise BadInput(f"{target.name} is not a NIfTI name.", "Let it end in .nii.gz or .nii.")
    return target


def write_array(path: Path, array: NDArray[np.generic], geometry: Geometry, codes: NiftiCodes) -> None:
    """The bytes of a NIfTI file; (k, j, i) in C order is what NIfTI stores, i fastest.

    Raises:
        OSError: when the disk is full or the folder cannot be written.
    """
    header = _header(array, geometry, codes)
    with path.open("wb") as file:
        if path.name.lower().endswith(".gz"):
            _compress(file, header, array)
        else:
            file.write(header)
            for plane in _planes(array):
                file.write(plane)


def _compress(file: BinaryIO, header: bytes, array: NDArray[np.generic]) -> None:
    packer = zlib.compressobj(_COMPRESSION, wbits=31)  # gzip without a name or a date in it
    file.write(packer.compress(header))
    for plane in _planes(array):
        file.write(packer.compress(plane))
    file.write(packer.flush())


def _planes(array: NDArray[np.generic]) -> Iterator[memoryview]:
    for plane in array:
        yield np.ascontiguousarray(plane, plane.dtype.newbyteorder("<")).reshape(-1).view(np.uint8).data


def _header(array: NDArray[np.generic], geometry: Geometry, codes: NiftiCodes) -> bytes:
    """Header and the four bytes that say: no extensions. The position is read back and compared."""
    block = _block(array, geometry, codes)
    if not _places(block, geometry):
        # Codes of 0, or a qform alone, cannot say where this grid lies (resampled, sheared): then the sform must.
        block = _block(array, geometry, NiftiCodes(max(1, codes.sform, codes.qform), codes.qform, codes.units))
    return block + bytes(4)


def _block(array: NDArray[np.generic], geometry: Geometry, codes: NiftiCodes) -> bytes:
    short = max(geometry.shape) <= _LONGEST
    header: Any = nib.Nifti1Header(endianness="<") if short else nib.Nifti2Header(endianness="<")
    header.set_data_shape(geometry.shape[::-1])
    header.set_data_dtype(array.dtype.newbyteorder("="))
    scale = _TO_UNIT.get(codes.units, 1.0)
    affine = np.diag([scale, scale, scale, 1.0]) @ geometry.affine
    header.set_qform(affine, codes.qform, strip_shears=True)
    header.set_sform(affine, codes.sform)
    header["xyzt_units"] = codes.units
    header["magic"] = b"n+1" if short else b"n+2"
    header["vox_offset"] = len(header.binaryblock) + 4
    header["scl_slope"], header["scl_inter"] = 1, 0
    return bytes(header.binaryblock)


def _places(block: bytes, geometry: Geometry) -> bool:
    try:
        return nifti_header.parse(block, "", pair=False).geometry.matches(geometry, 1e-4 * min(geometry.spacing))
    except BadInput:
        return False
