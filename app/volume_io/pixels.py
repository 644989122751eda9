"""Decodes the pixels of DICOM frames: pydicom with Pillow, pyjpegls and GDCM. Colour becomes brightness."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.pixels.decoders.base import get_decoder
from pydicom.pixels.processing import apply_color_lut, apply_modality_lut

from app.errors import BadInput
from app.volume_io.dicom_header import Header, content, load
from app.volume_io.frame import Frame
from app.volume_io.isolated import Isolated

Plane = NDArray[np.generic]

_SAFE = ("pydicom", "pillow", "pyjpegls")
"""Codecs that answer damage with an error: 6,000 files with changed bytes ended no process. GDCM comes after them."""

_BRIGHTNESS = np.array([0.299, 0.587, 0.114])  # ITU-R BT.601, as DICOM's own conversion to grey (PS3.3 C.7.6.3.1.2)


def decode(header: Header, frames: Sequence[Frame], isolated: Isolated) -> list[Plane]:
    """The stored values of some frames of one object, each (rows, columns), not rescaled.

    Raises:
        BadInput: when the pixels are damaged or of a coding that cannot be read.
    """
    dataset = load(header)
    numbers = sorted({frame.number for frame in frames})
    try:
        coded = _decoded(dataset, header, numbers, isolated)
        whole = {number: _plain(plane, dataset) for number, plane in zip(numbers, coded, strict=True)}
        planes = [_cut(whole[frame.number], frame) for frame in frames]
    except Exception as error:  # the door: every codec raises its own types
        name = header.blob.label
        raise BadInput(
            f"The pixels of {name} could not be read.", "It is damaged or compressed in an unknown way."
        ) from error
    if any(plane.shape != frame.shape for plane, frame in zip(planes, frames, strict=True)):
        raise BadInput(f"The pixels of {header.blob.label} are not of the size that its header says.")
    return planes


def stored_dtype(header: Header) -> np.dtype[np.generic]:
    """Of `decode`'s planes, known before they are decoded."""
    if "PALETTE" in _photometric(header.dataset) or header.number("SamplesPerPixel", 1) > 1:
        return np.dtype(np.uint8)
    if header.get("ModalityLUTSequence"):
        return np.dtype(np.float32)
    bits = int(header.number("BitsAllocated", 16))
    signed = int(header.number("PixelRepresentation"))
    return np.dtype(f"{'i' if signed else 'u'}{max(8, bits) // 8}")


def _decoded(
    dataset: pydicom.Dataset, header: Header, numbers: Sequence[int], isolated: Isolated
) -> list[NDArray[np.generic]]:
    """By a codec that survives damage, else by GDCM in a process of its own."""
    decoder = get_decoder(dataset.file_meta.TransferSyntaxUID)
    plugins = decoder.available_plugins
    codec = next((c for c in _SAFE if c in plugins), "")
    if codec or "gdcm" not in plugins:  # without any, pydicom says what is missing
        try:
            raw = not _in_colour(dataset)
            return [decoder.as_array(dataset, index=n, raw=raw, decoding_plugin=codec)[0] for n in numbers]
        except Exception:  # 12-bit JPEG, for one, is beyond Pillow
            if "gdcm" not in plugins:
                raise
    return isolated.decode(content(header), numbers)


def _in_colour(dataset: pydicom.Dataset) -> bool:
    return int(dataset.get("SamplesPerPixel", 1)) > 1


def _plain(plane: Plane, dataset: pydicom.Dataset) -> Plane:
    """One number for each pixel: without drawings, colours and tables."""
    if (0x6000, 0x0102) in dataset and (0x6000, 0x3000) not in dataset:
        plane = _without_overlay(plane, int(dataset.BitsStored))
    if _in_colour(dataset):
        return _grey(plane, int(dataset.BitsStored))
    if "PALETTE" in _photometric(dataset):
        rgb = apply_color_lut(plane, dataset)
        return _grey(rgb, 8 * rgb.dtype.itemsize)
    if dataset.get("ModalityLUTSequence"):
        return np.asarray(apply_modality_lut(plane, dataset), np.float32)
    return plane


def _without_overlay(plane: Plane, bits: int) -> Plane:
    """Old scanners drew into the bits above the stored ones (PS3.3 C.9.2, retired): take the stored bits alone."""
    spare = 8 * plane.dtype.itemsize - bits
    return np.right_shift(np.left_shift(plane, spare), spare) if spare > 0 else plane


def _grey(rgb: Plane, bits: int) -> NDArray[np.uint8]:
    """(rows, columns, 3) of `bits` bits to 0..255."""
    bright = rgb[..., :3].astype(np.float32) @ _BRIGHTNESS.astype(np.float32)
    return np.asarray(np.rint(bright / (2.0 ** (bits - 8))), np.uint8)


def _cut(plane: Plane, frame: Frame) -> Plane:
    if frame.tile is None:
        return plane
    (row, column), (high, wide) = frame.tile, frame.shape
    return plane[row : row + high, column : column + wide]


def _photometric(dataset: pydicom.Dataset) -> str:
    return str(dataset.get("PhotometricInterpretation", ""))
