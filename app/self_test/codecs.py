"""Every coding of pixels that a DICOM disc may bring: a made slice is coded, then opened as any scan is."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import (
    JPEG2000,
    UID,
    CTImageStorage,
    ExplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
    generate_uid,
)

from app import volume_io
from app.errors import AppError

Pixels = NDArray[np.uint8]
_SIDE = 32


@dataclass(frozen=True, slots=True)
class Codec:
    """A coding and who makes a stream of it here.

    Args:
        tolerance: Largest difference of a voxel after coding and decoding; 0 for what loses nothing.
    """

    syntax: UID
    encoded: Callable[[Pixels], bytes]
    tolerance: int = 0


def check(codec: Codec, folder: Path) -> str:
    """Code, write, open, compare.

    Raises:
        AppError: when it cannot be opened, or the voxels differ.
    """
    step = np.add.outer(np.arange(_SIDE), np.arange(_SIDE)) * 4
    pixels = step.astype(np.uint8)
    path = folder / f"{codec.syntax}.dcm"
    _dataset(pixels, codec).save_as(path, enforce_file_format=True)
    found = volume_io.read_volume(str(path)).array
    # A single slice may be shown from another side: the values alone say that the codec works.
    apart = np.abs(np.sort(found, axis=None).astype(int) - np.sort(pixels, axis=None).astype(int)).max()
    if found.size != pixels.size or apart > codec.tolerance:
        raise AppError(f"{codec.syntax.name} was decoded wrongly.")
    return codec.syntax.name


def _dataset(pixels: Pixels, codec: Codec) -> Dataset:
    ds = Dataset()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = codec.syntax
    ds.SOPClassUID, ds.SOPInstanceUID = CTImageStorage, generate_uid()
    ds.file_meta.MediaStorageSOPClassUID, ds.file_meta.MediaStorageSOPInstanceUID = CTImageStorage, ds.SOPInstanceUID
    ds.StudyInstanceUID, ds.SeriesInstanceUID, ds.FrameOfReferenceUID = (generate_uid() for _ in range(3))
    ds.Modality, ds.SeriesDescription, ds.InstanceNumber = "CT", "Self-test", 1
    ds.ImageOrientationPatient, ds.ImagePositionPatient = [1, 0, 0, 0, 1, 0], [0, 0, 0]
    ds.PixelSpacing, ds.SliceThickness = [1, 1], 1
    ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
    ds.Rows, ds.Columns = pixels.shape
    ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 8, 8, 7, 0
    ds.RescaleSlope, ds.RescaleIntercept = 1, 0
    content = codec.encoded(pixels)
    ds.PixelData = encapsulate([content]) if codec.syntax.is_compressed else content
    ds["PixelData"].VR = "OB"
    return ds


def _pillow(form: str, **options: object) -> Callable[[Pixels], bytes]:
    def encoded(pixels: Pixels) -> bytes:
        from PIL import Image

        stream = io.BytesIO()
        Image.fromarray(pixels).save(stream, form, **options)
        return stream.getvalue()

    return encoded


def _jpeg_ls(pixels: Pixels) -> bytes:
    import jpeg_ls

    return bytes(jpeg_ls.encode_array(pixels))


def _run_lengths(pixels: Pixels) -> bytes:
    """RLE of DICOM PS3.5 annex G: one segment of literal runs, behind a header of 64 bytes."""
    flat = pixels.tobytes()
    runs = b"".join(bytes([len(run) - 1]) + run for run in (flat[n : n + 128] for n in range(0, len(flat), 128)))
    return np.array([1, 64, *[0] * 14], "<u4").tobytes() + runs + b"\0" * (len(runs) % 2)


def _lossless_jpeg(pixels: Pixels) -> bytes:
    """Process 14, selection value 1 (ITU-T T.81 annex H), one component of 8 bits: differences to the left pixel.

    Each difference is written with one Huffman table in which category n has the code n of 4 bits.
    """
    rows, columns = pixels.shape
    frame = b"\xff\xc3" + bytes([0, 11, 8, rows >> 8, rows & 255, columns >> 8, columns & 255, 1, 1, 0x11, 0])
    table = b"\xff\xc4" + bytes([0, 19 + 9, 0, 0, 0, 0, 9, *[0] * 12, *range(9)])
    scan = b"\xff\xda" + bytes([0, 8, 1, 1, 0, 1, 0, 0])
    values = pixels.astype(int)
    before = np.zeros_like(values)
    before[:, 1:], before[1:, 0], before[0, 0] = values[:, :-1], values[:-1, 0], 128
    bits = "".join(_difference(int(d)) for d in (values - before).ravel())
    bits += "1" * (-len(bits) % 8)
    coded = int(bits, 2).to_bytes(len(bits) // 8, "big").replace(b"\xff", b"\xff\x00")
    return b"\xff\xd8" + frame + table + scan + coded + b"\xff\xd9" + b"\0" * ((len(coded)) % 2)


def _difference(value: int) -> str:
    category = abs(value).bit_length()
    low = value if value > 0 else value + (1 << category) - 1
    return f"{category:04b}" + (f"{low:0{category}b}" if category else "")


CODECS = {
    "raw": Codec(ExplicitVRLittleEndian, lambda pixels: pixels.tobytes()),
    "RLE": Codec(RLELossless, _run_lengths),
    "JPEG": Codec(JPEGBaseline8Bit, _pillow("JPEG", quality=95), tolerance=8),
    "JPEG 14": Codec(JPEGLosslessSV1, _lossless_jpeg),
    "JPEG-LS": Codec(JPEGLSLossless, _jpeg_ls),
    "JPEG 2000": Codec(JPEG2000Lossless, _pillow("JPEG2000", no_jp2=True)),
    "JPEG 2000 L": Codec(JPEG2000, _pillow("JPEG2000", irreversible=True, no_jp2=True), tolerance=8),
}
"""By the name that the self-test prints."""
