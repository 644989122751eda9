"""Reads NRRD, MetaImage and GIPL, the formats of ITK's programs; the door of FreeSurfer's MGH too."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from app.errors import BadInput
from app.geometry import Geometry
from app.volume import Source, Volume
from app.volume_io import gipl, memory, metaimage, mgh, nrrd
from app.volume_io.blob import Blob
from app.volume_io.formats import MGH
from app.volume_io.sentences import megabytes
from app.volume_io.series import SeriesInfo
from app.volume_io.stored_image import DamagedHeader, StoredImage
from app.volume_io.values import finite, rescaled

_SEVERAL = "holds several values in each voxel (colour, vectors or complex numbers)."


def info(path: Path, key: str = "") -> SeriesInfo:
    """What the header says.

    Raises:
        BadInput: when it cannot be read as an image.
    """
    geometry, times = mgh.header(path)[:2] if _is_mgh(path) else _grid(_grey(path))
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


def stored(path: Path) -> StoredImage:
    """The header of an NRRD, MetaImage or GIPL file, with any number of values in each voxel.

    Raises:
        BadInput: when it cannot be understood, promises more than the files hold, or needs too much memory.
    """
    ending = path.suffix.lower()
    read_header = {
        ".nrrd": nrrd.read_header,
        ".nhdr": nrrd.read_header,
        ".mha": metaimage.read_header,
        ".mhd": metaimage.read_header,
    }.get(ending, gipl.read_header)
    Blob.on_disk(path)  # refuses what is not a file, before anything waits on it
    try:
        image = read_header(path)
    except (DamagedHeader, ValueError, ArithmeticError, IndexError) as error:
        why = f": {error}" if isinstance(error, DamagedHeader) else ""
        raise BadInput(
            f"{path.name} could not be understood{why}.", "It may be damaged or of another format."
        ) from error
    needed, on_disk = image.bytes_in_all, image.bytes_on_disk
    if needed > on_disk * image.growth:
        raise BadInput(
            f"{path.name} is not complete: its header promises {megabytes(needed)} and the file has "
            f"{megabytes(on_disk)}.",
            "Copy or download it again.",
        )
    memory.require(path.name, 2 * needed // image.sizes[3])
    return image


def grid(image: StoredImage) -> Geometry:
    """Where its voxels lie.

    Raises:
        BadInput: when its axes make no sense.
    """
    i, j, k, _ = image.sizes
    try:
        return Geometry.from_lps((k, j, i), image.affine)
    except BadInput as error:
        raise BadInput(f"{image.path.name}: {error.message}") from error


def _grey(path: Path) -> StoredImage:
    image = stored(path)
    if image.components != 1:
        raise BadInput(f"{path.name} {_SEVERAL}")
    return image


def _grid(image: StoredImage) -> tuple[Geometry, int]:
    return grid(image), image.sizes[3]


def _read_itk(path: Path, time: int) -> tuple[NDArray[np.generic], Geometry, int]:
    image = _grey(path)
    geometry, times = _grid(image)
    mgh.check_time(path.name, time, times)
    return image.voxels(time), geometry, times
