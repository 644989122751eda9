"""NRRD, MetaImage and GIPL files written by hand, in all the ways that their definitions allow."""

import struct
import zlib

import numpy as np

VOXELS = np.arange(24, dtype="<i2").reshape(2, 3, 4)
RAW = VOXELS.tobytes()
SWAPPED = VOXELS.astype(">i2").tobytes()
HALVES = {"a.raw": RAW[:24], "b.raw": RAW[24:]}
NUMBERED = {"s05.raw": RAW[:24], "s07.raw": RAW[24:]}
TEXT = " ".join(map(str, VOXELS.ravel())).encode() + b"\n"
FRACTIONS = "\n".join(str(x + 0.7) for x in VOXELS.ravel().tolist()).encode() + b"\n"
PACKED = zlib.compress(RAW)
HEX = RAW.hex().encode()

_NRRD = {"type": "short", "dimension": "3", "sizes": "4 3 2", "encoding": "raw", "endian": "little"}
_META = {
    "ObjectType": "Image", "NDims": "3", "BinaryData": "True", "BinaryDataByteOrderMSB": "False",
    "CompressedData": "False", "DimSize": "4 3 2", "ElementType": "MET_SHORT",
}  # fmt: skip


def nrrd(fields=None, data=RAW, tail="", magic="NRRD0005", end="\n"):
    """A header with some fields changed (None leaves one out), its voxels after it."""
    said = {name: value for name, value in {**_NRRD, **(fields or {})}.items() if value is not None}
    lines = [magic, *(f"{name}: {value}" for name, value in said.items())]
    return (end.join(lines) + end + tail + end).encode() + data


def mha(fields=None, data=RAW, file="LOCAL", equals=" = ", end="\n"):
    """The same of MetaImage; `file` says where the voxels are."""
    said = {name: value for name, value in {**_META, **(fields or {})}.items() if value is not None}
    lines = [f"{name}{equals}{value}" for name, value in [*said.items(), ("ElementDataFile", file)]]
    return (end.join(lines) + end).encode() + data


def gipl(sizes=(4, 3, 2, 1), kind=15, data=SWAPPED, steps=(0.5, 0.7, 3, 1), magic=0xEFFFE9B0):
    """The same of GIPL."""
    head = struct.pack(">4HH4f", *sizes, kind, *steps).ljust(204, b"\0") + struct.pack(">4d", 1, -2, 3, 4)
    return head.ljust(252, b"\0") + struct.pack(">I", magic) + data


def write(folder, name, content, others=None):
    """Put it, and the files of its voxels, into a folder; its path."""
    for other, its in (others or {}).items():
        (folder / other).parent.mkdir(exist_ok=True)
        (folder / other).write_bytes(its)
    (folder / name).write_bytes(content)
    return folder / name
