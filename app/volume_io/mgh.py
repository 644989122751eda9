"""Reads FreeSurfer's MGH and MGZ; nibabel understands the header."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from numpy.typing import NDArray

from app.errors import BadInput
from app.geometry import Geometry
from app.volume_io import memory
from app.volume_io.blob import Blob
from app.volume_io.formats import GZIP_MAGIC
from app.volume_io.gzip_stream import GzipStream
from app.volume_io.sentences import megabytes

_HEAD = 284


def header(path: Path) -> tuple[Geometry, int, Any]:
    """The grid, the number of time points, and nibabel's header; checked before anything is allocated.

    Raises:
        BadInput: when it makes no sense or promises more than the file holds.
    """
    blob = Blob.on_disk(path)
    with blob.open() as file:
        packed = file.read(2) == GZIP_MAGIC
        file.seek(0)
        head = (GzipStream(file, blob.label) if packed else file).read(_HEAD)
    try:
        fields = nib.freesurfer.mghformat.MGHHeader(head, check=False)
        dims, version = [int(d) for d in fields["dims"]], int(fields["version"])
        item = fields.get_data_dtype().itemsize
    except Exception as error:  # nibabel raises several types on a damaged header
        raise BadInput(f"{path.name} is not an MGH image: its header is damaged.") from error
    if version != 1 or min(dims) < 1:
        raise BadInput(f"{path.name} is not an MGH image: its header makes no sense.")
    needed = int(np.prod(dims, dtype=np.float64)) * item
    if needed > blob.size * (memory.DEFLATE_LIMIT if packed else 1):
        raise BadInput(f"{path.name} is not complete: its header promises {megabytes(needed)}.")
    memory.require(path.name, 3 * needed)
    return Geometry((dims[2], dims[1], dims[0]), fields.get_affine()), dims[3], fields


def read(path: Path, time: int) -> tuple[NDArray[np.generic], Geometry, int]:
    """Voxels (k, j, i) of one time point, the grid, the number of time points.

    Raises:
        BadInput: when the file is damaged or cut off.
    """
    geometry, times, fields = header(path)
    check_time(path.name, time, times)
    dtype = fields.get_data_dtype().newbyteorder(">")
    array = np.empty(geometry.shape, dtype)
    start = _HEAD + time * array.nbytes
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


def check_time(name: str, time: int, times: int) -> None:
    """Refuse a time point that is not there."""
    if not 0 <= time < times:
        raise BadInput(f"{name} has {times} time points; number {time} does not exist.")
