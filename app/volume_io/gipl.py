"""The headers of GIPL files (Guy's Image Processing Lab): 256 bytes, big-endian, then the voxels; gzipped or not."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np

from app.volume_io.blob import Blob
from app.volume_io.formats import GZIP_MAGIC
from app.volume_io.gzip_stream import GzipStream
from app.volume_io.stored_image import DamagedHeader, DataFile, StoredImage

_HEAD = 256
_SIZES = ">4H"
_SPACINGS = (10, ">4f")
_ORIGIN = (204, ">4d")
_CODES = {1: "u1", 7: "i1", 8: "u1", 15: "i2", 16: "u2", 31: "u4", 32: "i4", 64: "f4", 65: "f8"}


def read_header(path: Path) -> StoredImage:
    """What it says.

    Raises:
        DamagedHeader: when it is no GIPL header, or of a kind that is not read.
        BadInput: when it is packed and damaged.
    """
    blob = Blob.on_disk(path)
    with blob.open() as file:
        packed = file.read(2) == GZIP_MAGIC
        file.seek(0)
        head = (GzipStream(file, blob.label) if packed else file).read(_HEAD)
    if len(head) < _HEAD:
        raise DamagedHeader("its header is cut off")
    sizes = [max(1, size) for size in struct.unpack_from(_SIZES, head)]
    (kind,) = struct.unpack_from(">H", head, 8)
    if kind not in _CODES:
        raise DamagedHeader("its type is not known")
    affine = np.eye(4)
    for axis in range(3):
        spacing = struct.unpack_from(_SPACINGS[1], head, _SPACINGS[0])[axis]
        affine[axis, axis] = spacing or 1.0
        affine[axis, 3] = struct.unpack_from(_ORIGIN[1], head, _ORIGIN[0])[axis]
    return StoredImage(
        path=path,
        sizes=(sizes[0], sizes[1], sizes[2], sizes[3]),
        components=1,
        dtype=np.dtype(">" + _CODES[kind]),
        affine=affine,
        packing="gzip" if packed else "raw",
        files=(DataFile(path, skip=_HEAD),),
    )
