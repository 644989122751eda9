"""Reads the header of GIPL, the Guy's Image Processing Lab format, plain or in gzip."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np

from app.errors import BadInput
from app.volume_io.blob import Blob
from app.volume_io.formats import GZIP_MAGIC
from app.volume_io.gzip_stream import GzipStream
from app.volume_io.stored_image import StoredImage
from app.volume_io.voxel_bytes import VoxelBytes

_SIZE = 256
_MAGIC = (0xEFFFE9B0, 0x2AE389B8)
_TYPES = {1: "u1", 7: "i1", 8: "u1", 15: ">i2", 16: ">u2", 31: ">u4", 32: ">i4", 64: ">f4", 65: ">f8"}
"""The numbers of the types; 1 is binary, which is stored in whole bytes."""


def header(path: Path) -> StoredImage:
    """What the 256 bytes say (big-endian): sizes at 0, type at 8, millimetres at 10, position at 204, magic at 252.

    There is a matrix in them too, which programs leave empty: the axes are taken for those of the patient (L, P, S),
    as ITK takes them.

    Raises:
        BadInput: when it is none, or promises more than the file holds.
    """
    blob = Blob.on_disk(path)
    packed = blob.head(2) == GZIP_MAGIC
    with blob.open() as file:
        head = (GzipStream(file, blob.label) if packed else file).read(_SIZE)
    if len(head) < _SIZE or struct.unpack_from(">I", head, 252)[0] not in _MAGIC:
        raise BadInput(f"{path.name} is not a GIPL image.", "It may be damaged or of another format.")
    kind, sizes = struct.unpack_from(">H", head, 8)[0], struct.unpack_from(">4H", head, 0)
    if kind not in _TYPES:
        raise BadInput(f"{path.name} holds numbers of a type that is not shown ({kind}).", "Convert it to NIfTI.")
    count = sum(n > 0 for n in sizes[:3]) + (sizes[3] > 1)
    dtype: np.dtype[np.generic] = np.dtype(_TYPES[kind])
    return StoredImage(
        path.name,
        sizes[:count],
        np.diag(np.array(struct.unpack_from(">4f", head, 10)[:count], np.float64)),
        np.array(struct.unpack_from(">4d", head, 204)[:count]),
        VoxelBytes(path.name, (path,), dtype, "zlib" if packed else "raw", skip=_SIZE),
    )
