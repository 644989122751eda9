"""Reads NRRD, MetaImage and GIPL with SimpleITK; the door of FreeSurfer's MGH too."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from app.errors import BadInput
from app.geometry import Geometry
from app.volume import Source, Volume
from app.volume_io import memory, mgh, packed_data
from app.volume_io.blob import Blob
from app.volume_io.formats import MGH
from app.volume_io.sentences import megabytes
from app.volume_io.series import SeriesInfo
from app.volume_io.values import finite, rescaled

sitk.ProcessObject.SetGlobalWarningDisplay(False)


def info(path: Path, key: str = "") -> SeriesInfo:
    """What the header says.

    Raises:
        BadInput: when it cannot be read as an image.
    """
    geometry, times = mgh.header(path)[:2] if _is_mgh(path) else _itk_header(path)[1:3]
    return SeriesInfo(
        key=key,
        description=path.name.split(".")[0],
        shape=geometry.shape,
        geometry=geometry,
        times=times,
        notes=(f"{times} time points",) if times > 1 else (),
        picture=lambda: _middle(read(path)),
    )


def read(path: Path, time: int = 0) -> Volume:
    """One time point.

    Raises:
        BadInput: when the file is damaged, too large, or of a kind that is not shown.
    """
    array, geometry, times = (mgh.read if _is_mgh(path) else _read_itk)(path, time)
    values, notes = finite(rescaled(array, 1.0, 0.0), path.name)
    if times > 1:
        notes = (f"{times} time points; number {time} is shown (counted from 0)", *notes)
    return Volume(
        values, geometry, description=path.name.split(".")[0], notes=notes, source=Source(str(path), "", time)
    )


def _middle(volume: Volume) -> NDArray[np.generic]:
    across = volume.geometry.axis_of(2)
    return np.asarray(volume.array.take(volume.shape[across] // 2, axis=across))


def _is_mgh(path: Path) -> bool:
    return path.name.lower().endswith(MGH)


def _itk_header(path: Path) -> tuple[Any, Geometry, int, int]:
    """SimpleITK's reader with the header read, the grid, the number of time points and the bytes of all voxels."""
    Blob.on_disk(path)  # refuses what is not a file, before ITK waits on it
    reader = sitk.ImageFileReader()
    reader.SetFileName(str(path))
    try:
        reader.ReadImageInformation()
    except RuntimeError as error:
        raise BadInput(f"{path.name} could not be understood.", "It may be damaged or of another format.") from error
    if reader.GetNumberOfComponents() > 1 or "complex" in sitk.GetPixelIDValueAsString(reader.GetPixelID()):
        raise BadInput(f"{path.name} holds several values in each voxel (colour, vectors or complex numbers).")
    geometry, times = _itk_geometry(reader, path.name)
    needed = geometry.region.size * times * _item_size(reader)
    _check_size(path, needed)
    return reader, geometry, times, needed


def _itk_geometry(reader: Any, name: str) -> tuple[Geometry, int]:
    size, count = [int(n) for n in reader.GetSize()], int(reader.GetDimension())
    if not 2 <= count <= 4:
        raise BadInput(f"{name} has {count} dimensions; images of 2, 3 or 4 can be opened.")
    spacing, origin = np.ones(3), np.zeros(3)
    direction, used = np.eye(3), min(count, 3)
    spacing[:used], origin[:used] = reader.GetSpacing()[:used], reader.GetOrigin()[:used]
    direction[:used, :used] = np.reshape(reader.GetDirection(), (count, count))[:used, :used]
    affine = np.eye(4)
    affine[:3, :3], affine[:3, 3] = direction * spacing, origin
    sizes = [*size, 1, 1]
    try:
        return Geometry.from_lps((sizes[2], sizes[1], sizes[0]), affine), sizes[3]
    except BadInput as error:
        raise BadInput(f"{name}: {error.message}") from error


def _item_size(reader: Any) -> int:
    """Bytes of one voxel."""
    sample = sitk.GetArrayViewFromImage(sitk.Image([1, 1], reader.GetPixelID()))
    return int(sample.dtype.itemsize)


def _check_size(path: Path, needed: int) -> None:
    on_disk = sum(file.stat().st_size for file in (path, *packed_data.data_files(path)))
    growth = 1 if path.suffix.lower() == ".gipl" else memory.DEFLATE_LIMIT
    if needed > on_disk * growth:
        raise BadInput(
            f"{path.name} is not complete: its header promises {megabytes(needed)} and the file has "
            f"{megabytes(on_disk)}.",
            "Copy or download it again.",
        )
    memory.require(path.name, 2 * needed)


def _read_itk(path: Path, time: int) -> tuple[NDArray[np.generic], Geometry, int]:
    reader, geometry, times, needed = _itk_header(path)
    mgh.check_time(path.name, time, times)
    packed_data.check(path, needed)
    try:
        array = sitk.GetArrayFromImage(reader.Execute())
    except RuntimeError as error:
        raise BadInput(
            f"The voxels of {path.name} could not be read.", "The file, or its data file, is damaged."
        ) from error
    if array.ndim == 4:
        array = array[time]
    return np.ascontiguousarray(array).reshape(geometry.shape), geometry, times
