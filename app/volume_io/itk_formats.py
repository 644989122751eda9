"""Reads NRRD, MetaImage and GIPL with SimpleITK, and FreeSurfer's MGH and MGZ with nibabel."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import SimpleITK as sitk  # noqa: N813 - the name that its manual uses
from numpy.typing import NDArray

from app.errors import BadInput
from app.geometry import Geometry
from app.volume import Source, Volume
from app.volume_io import memory
from app.volume_io.blob import Blob
from app.volume_io.formats import GZIP_MAGIC, MGH
from app.volume_io.gzip_stream import GzipStream
from app.volume_io.sentences import megabytes
from app.volume_io.series import SeriesInfo
from app.volume_io.values import finite, rescaled

_MGH_HEAD = 284
_DETACHED = re.compile(rb"^\s*(?:data ?file|ElementDataFile)\s*[:=]\s*(.+?)\s*$", re.IGNORECASE | re.MULTILINE)

sitk.ProcessObject.SetGlobalWarningDisplay(False)


def info(path: Path, key: str = "") -> SeriesInfo:
    """What the header says.

    Raises:
        BadInput: when it cannot be read as an image.
    """
    geometry, times = _mgh_header(path)[:2] if _is_mgh(path) else _itk_header(path)[1:]
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
    array, geometry, times = (_read_mgh if _is_mgh(path) else _read_itk)(path, time)
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


def _itk_header(path: Path) -> tuple[Any, Geometry, int]:
    """SimpleITK's reader with the header read, the grid and the number of time points."""
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
    _check_itk_size(reader, path, geometry, times)
    return reader, geometry, times


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


def _check_itk_size(reader: Any, path: Path, geometry: Geometry, times: int) -> None:
    item = np.dtype(sitk.extra._get_numpy_dtype(sitk.Image([1, 1], reader.GetPixelID()))).itemsize
    needed = geometry.region.size * times * item
    on_disk = sum(file.stat().st_size for file in (path, *_detached(path)))
    if needed > on_disk * memory.DEFLATE_LIMIT:
        raise BadInput(
            f"{path.name} is not complete: its header promises {megabytes(needed)} and the file has "
            f"{megabytes(on_disk)}.",
            "Copy or download it again.",
        )
    memory.require(path.name, 2 * needed)


def _detached(path: Path) -> list[Path]:
    """Data files that the header names (.nhdr, .mhd); a list of them (LIST, a pattern) counts as its folder's files."""
    if path.suffix.lower() not in (".nhdr", ".mhd"):
        return []
    found = _DETACHED.search(path.read_bytes()[:65536])
    name = found.group(1).decode("utf-8", "replace") if found else ""
    data = path.parent / name
    return [data] if data.is_file() else [f for f in path.parent.iterdir() if f.is_file() and f != path]


def _read_itk(path: Path, time: int) -> tuple[NDArray[np.generic], Geometry, int]:
    reader, geometry, times = _itk_header(path)
    _check_time(path.name, time, times)
    try:
        array = sitk.GetArrayFromImage(reader.Execute())
    except RuntimeError as error:
        raise BadInput(
            f"The voxels of {path.name} could not be read.", "The file, or its data file, is damaged."
        ) from error
    if array.ndim == 4:
        array = array[time]
    return np.ascontiguousarray(array).reshape(geometry.shape), geometry, times


def _mgh_header(path: Path) -> tuple[Geometry, int, Any]:
    blob = Blob.on_disk(path)
    with blob.open() as file:
        packed = file.read(2) == GZIP_MAGIC
        file.seek(0)
        head = (GzipStream(file, blob.label) if packed else file).read(_MGH_HEAD)
    try:
        header = nib.freesurfer.mghformat.MGHHeader(head, check=False)
        dims, version = [int(d) for d in header["dims"]], int(header["version"])
        item = header.get_data_dtype().itemsize
    except Exception as error:  # nibabel raises several types on a damaged header
        raise BadInput(f"{path.name} is not an MGH image: its header is damaged.") from error
    if version != 1 or min(dims) < 1:
        raise BadInput(f"{path.name} is not an MGH image: its header makes no sense.")
    needed = int(np.prod(dims, dtype=np.float64)) * item
    if needed > blob.size * (memory.DEFLATE_LIMIT if packed else 1):
        raise BadInput(f"{path.name} is not complete: its header promises {megabytes(needed)}.")
    memory.require(path.name, 3 * needed)
    return Geometry((dims[2], dims[1], dims[0]), header.get_affine()), dims[3], header


def _read_mgh(path: Path, time: int) -> tuple[NDArray[np.generic], Geometry, int]:
    geometry, times, header = _mgh_header(path)
    _check_time(path.name, time, times)
    dtype = header.get_data_dtype().newbyteorder(">")
    array = np.empty(geometry.shape, dtype)
    start = _MGH_HEAD + time * array.nbytes
    blob = Blob.on_disk(path)
    with blob.open() as file:
        packed = file.read(2) == GZIP_MAGIC
        file.seek(0)
        stream = GzipStream(file, blob.label) if packed else None
        content = b""
        if stream is not None and stream.skip(start) == start:
            content = stream.read(array.nbytes)
            stream.skip((times - 1 - time) * array.nbytes)
            stream.finish()
        elif stream is None:
            file.seek(start)
            content = file.read(array.nbytes)
    if len(content) != array.nbytes:
        raise BadInput(f"{path.name} ends before its last voxel.", "Copy or download it again.")
    return np.frombuffer(content, dtype).reshape(geometry.shape), geometry, times


def _check_time(name: str, time: int, times: int) -> None:
    if not 0 <= time < times:
        raise BadInput(f"{name} has {times} time points; number {time} does not exist.")
