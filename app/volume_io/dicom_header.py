"""`Header`: a DICOM object without its pixels, read defensively; says whether it is an image."""

from __future__ import annotations

import io
import logging
import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, BinaryIO

import pydicom
from pydicom.uid import UID

from app.errors import BadInput
from app.volume_io import memory
from app.volume_io.blob import Blob
from app.volume_io.sentences import megabytes

# Damaged and old files are the rule; pydicom's advice about them is for the people who write such files, and its
# log lines can hold the values that it dislikes, which may be a patient's name.
pydicom.config.settings.reading_validation_mode = pydicom.config.IGNORE
logging.getLogger("pydicom").setLevel(logging.CRITICAL)
logging.getLogger("highdicom").setLevel(logging.CRITICAL)

TAGS = [
    "SpecificCharacterSet", "ImageType", "SOPClassUID", "SOPInstanceUID", "Modality", "PatientName",
    "SeriesDescription", "ProtocolName", "SeriesInstanceUID", "SeriesNumber", "AcquisitionNumber", "InstanceNumber",
    "TemporalPositionIdentifier", "EchoTime", "SliceThickness", "SpacingBetweenSlices", "ImagePositionPatient",
    "ImageOrientationPatient", "PixelSpacing", "ImagerPixelSpacing", "NominalScannedPixelSpacing",
    "PixelAspectRatio", "SamplesPerPixel", "PhotometricInterpretation", "NumberOfFrames", "Rows", "Columns",
    "BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation", "RescaleSlope", "RescaleIntercept",
    "ModalityLUTSequence", "SequenceOfUltrasoundRegions", "SharedFunctionalGroupsSequence",
    "PerFrameFunctionalGroupsSequence", "DetectorInformationSequence", "Manufacturer", "DirectoryRecordSequence",
    (0x0019, 0x0010), (0x0019, 0x100A), (0x0029, 0x0010), (0x0029, 0x1010), (0x0029, 0x1020),
]  # fmt: skip

_DEFLATED = "1.2.840.10008.1.2.1.99"
_NOT_IMAGES = {
    "SEG": "a segmentation (SEG)",
    "RTSTRUCT": "a set of radiotherapy contours (RTSTRUCT)",
    "RTDOSE": "a radiotherapy dose (RTDOSE)",
    "RTPLAN": "a radiotherapy plan (RTPLAN)",
    "SR": "a structured report (SR)",
    "ECG": "a waveform (ECG)",
    "PR": "a presentation state (PR)",
    "KO": "a selection of key images (KO)",
    "REG": "a registration (REG)",
    "DOC": "a document (DOC)",
}


@dataclass(frozen=True, slots=True, eq=False)
class Header:
    """One DICOM object.

    Args:
        dataset: The elements named in `TAGS`.
        pixels: Bytes of pixel data that the file really holds; None when unknown (deflated or compressed).
        compressed: Whether the pixels are encapsulated.
        reason: Why it cannot be shown, "" when it can.
    """

    blob: Blob
    dataset: pydicom.Dataset
    pixels: int | None
    compressed: bool
    reason: str = ""
    damaged: bool = False

    def get(self, name: str, default: Any = None) -> Any:
        """An element's value; the default where it is absent or empty."""
        try:
            value = self.dataset.get(name)
        except Exception:  # pydicom converts lazily; a value of nonsense counts as absent
            return default
        return default if value is None or value == "" else value

    def number(self, name: str, default: float = 0.0) -> float:
        """An element as a number; the default where it is absent or no number."""
        try:
            return float(self.get(name, default))
        except (TypeError, ValueError):
            return default

    @property
    def is_directory(self) -> bool:
        """Whether it is a DICOMDIR, which only names other files."""
        return "DirectoryRecordSequence" in self.dataset

    @property
    def series(self) -> str:
        """The SeriesInstanceUID, or the file's name for an object without one."""
        return str(self.get("SeriesInstanceUID", "")) or self.blob.name

    @property
    def modality(self) -> str:
        """DICOM's two letters or so."""
        return _plain(str(self.get("Modality", "")))[:16]

    @property
    def description(self) -> str:
        """The series' description without the patient's name, control characters and line ends."""
        text = _plain(str(self.get("SeriesDescription", "") or self.get("ProtocolName", "")))
        names = re.split(r"[\W_]+", str(self.get("PatientName", "")))
        for name in (n for n in names if len(n) > 2):
            text = re.sub(re.escape(name), "...", text, flags=re.IGNORECASE)
        return text[:80].strip(" ._-/")

    @property
    def frames(self) -> int:
        """Number of frames, at least 1."""
        return max(1, int(self.number("NumberOfFrames", 1)))

    @property
    def is_enhanced(self) -> bool:
        """Whether each frame brings its own geometry."""
        return bool(self.get("PerFrameFunctionalGroupsSequence"))


def read_header(blob: Blob) -> Header:
    """Everything but the pixels, which are only measured.

    Raises:
        BadInput: when the file is no DICOM object or its header is damaged.
    """
    with _opened(blob) as file:
        try:
            _guard_deflated(file, blob)
            dataset = pydicom.dcmread(file, stop_before_pixels=True, force=True, specific_tags=TAGS)  # type: ignore[arg-type]  # keywords are taken
            pixels, compressed = _measure(file, dataset, blob.size)
        except BadInput:
            raise
        except Exception as error:  # the door: pydicom raises dozens of types on damaged files
            raise BadInput(f"{blob.label} is a damaged DICOM file.", "Export it again from its source.") from error
    if not len(dataset):  # read with the wrong byte order, no element has a number that we asked for
        raise BadInput(
            f"{blob.label} is a damaged DICOM file: what follows its header is not written as the header says.",
            "Export it again from its source.",
        )
    header = Header(blob, dataset, pixels, compressed)
    reason, damaged = _judge(header)
    return Header(blob, dataset, pixels, compressed, reason, damaged)


def load(header: Header, pixels: bool = True) -> pydicom.Dataset:
    """The whole object, with pixels or without; names and identifiers included.

    Raises:
        BadInput: when it cannot be read.
    """
    with _opened(header.blob) as file:
        try:
            dataset = pydicom.dcmread(file, force=True, stop_before_pixels=not pixels)
        except Exception as error:  # the door, as above
            raise BadInput(f"{header.blob.label} is a damaged DICOM file.", "Export it again.") from error
    _complete_meta(dataset)
    return dataset


def content(header: Header) -> bytes:
    """The bytes of the whole object, preamble included."""
    with _opened(header.blob) as file:
        return file.read()


def _complete_meta(dataset: pydicom.Dataset) -> None:
    """A file without meta information is implicit little endian by the standard's default."""
    if "TransferSyntaxUID" not in dataset.file_meta:
        implicit = dataset.original_encoding[0] is not False
        dataset.file_meta.TransferSyntaxUID = UID("1.2.840.10008.1.2" if implicit else "1.2.840.10008.1.2.1")


@contextmanager
def _opened(blob: Blob) -> Iterator[BinaryIO]:
    """The file; one that begins with "DICM" gets the empty preamble that it lacks."""
    with blob.open() as file:
        lacking = file.read(4) == b"DICM"
        file.seek(0)
        yield io.BytesIO(bytes(128) + file.read()) if lacking else file


def _guard_deflated(file: BinaryIO, blob: Blob) -> None:
    """Inflate once, keeping nothing, because pydicom inflates without a bound."""
    start = file.tell()
    head = file.read(1024)
    # Group 2 begins with its own length (PS3.10 7.1); the deflated part follows it.
    if _DEFLATED.encode() in head and head[132:140] == b"\x02\x00\x00\x00UL\x04\x00":
        file.seek(144 + int.from_bytes(head[140:144], "little"))
        inflate, total, chunk = zlib.decompressobj(-zlib.MAX_WBITS), 0, file.read(1 << 20)
        while chunk and not inflate.eof:
            total += len(inflate.decompress(chunk, 1 << 22))
            if total > 64 << 20:
                memory.require(blob.label, 3 * total)
            chunk = inflate.unconsumed_tail or file.read(1 << 20)
    file.seek(start)


def _measure(file: BinaryIO, dataset: pydicom.Dataset, size: int) -> tuple[int | None, bool]:
    """Bytes of pixel data that are there, and whether they are compressed; the file stands at their element."""
    syntax = UID(str(dataset.file_meta.get("TransferSyntaxUID", "1.2.840.10008.1.2")))
    if str(syntax) == _DEFLATED:
        return None, False
    order = "big" if syntax == "1.2.840.10008.1.2.2" else "little"
    head = file.read(12)
    if len(head) < 8 or int.from_bytes(head[:2], order) != 0x7FE0:  # type: ignore[arg-type]  # a literal of two
        return 0, False
    explicit = head[4:6].isalpha()
    length = int.from_bytes(head[8:12] if explicit else head[4:8], order)  # type: ignore[arg-type]  # as above
    left = size - file.tell() + (0 if explicit else 4)
    if length == 0xFFFFFFFF:
        return left, True
    return (length if length <= left else -left), False


def _judge(header: Header) -> tuple[str, bool]:
    """Why it cannot be shown and whether that is damage; ("", False) for an image."""
    name = header.blob.label
    modality = header.modality
    if modality in _NOT_IMAGES:
        return f"{name} holds {_NOT_IMAGES[modality]}, not an image.", False
    if header.get("Rows") is None and header.get("PixelRepresentation") is None and not header.pixels:
        return f"{name} holds a DICOM object that is not an image ({modality or 'of unknown kind'}).", False
    why = _damage(header)
    return (f"{name} {why}.", True) if why else ("", False)


def _damage(header: Header) -> str:
    rows, columns, bits = (int(header.number(n)) for n in ("Rows", "Columns", "BitsAllocated"))
    samples = max(1, int(header.number("SamplesPerPixel", 1)))
    if header.pixels == 0:
        return "has no pixel data"
    if rows < 1 or columns < 1:
        return f"claims a picture of {rows} x {columns} pixels"
    if bits not in (1, 8, 16, 32, 64) or not 1 <= int(header.number("BitsStored", bits)) <= bits:
        return f"contradicts itself: {int(header.number('BitsStored'))} bits stored in {bits}"
    if header.pixels is not None and not header.compressed:
        packed = "422" in str(header.get("PhotometricInterpretation", ""))
        needed = header.frames * rows * columns * samples * bits // 8 * (2 if packed else 3) // 3
        if abs(header.pixels) < needed or header.pixels < 0:
            return (
                f"is cut off: its header promises {megabytes(needed)} of pixels, "
                f"{megabytes(abs(header.pixels))} are there"
            )
    if header.compressed and header.pixels is not None and header.pixels < 8 * header.frames:
        return f"claims {header.frames:,} frames, more than its pixel data can hold"
    return ""


def _plain(text: str) -> str:
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())
