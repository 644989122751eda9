"""Reads what research programs write besides NIfTI: NRRD, MetaImage, GIPL, and FreeSurfer's MGH."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from app.geometry import Geometry
from app.volume import Source, Volume
from app.volume_io import gipl, metaimage, mgh, nrrd
from app.volume_io.formats import MGH
from app.volume_io.series import SeriesInfo
from app.volume_io.stored_image import StoredImage
from app.volume_io.values import finite, rescaled


def info(path: Path, key: str = "") -> SeriesInfo:
    """What the header says.

    Raises:
        BadInput: when it cannot be read as an image.
    """
    geometry, times = _header(path)
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
    array, geometry, times = _voxels(path, time)
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
    """What the header of an NRRD, MetaImage or GIPL promises; its name says which it is.

    Raises:
        BadInput: when it cannot be understood.
    """
    name = path.name.lower()
    if name.endswith((".mha", ".mhd")):
        return metaimage.header(path)
    return gipl.header(path) if name.endswith((".gipl", ".gipl.gz")) else nrrd.header(path)


def _header(path: Path) -> tuple[Geometry, int]:
    """Its grid and the number of time points."""
    if _is_mgh(path):
        return mgh.header(path)[:2]
    image = stored(path).grey()
    return image.geometry, image.times


def _voxels(path: Path, time: int) -> tuple[NDArray[np.generic], Geometry, int]:
    if _is_mgh(path):
        return mgh.read(path, time)
    image = stored(path).grey()
    mgh.check_time(path.name, time, image.times)
    return image.read(time), image.geometry, image.times
