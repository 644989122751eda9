"""`header_text`: what people and programs wrote in words into the header of a NIfTI, Analyze, NRRD, MetaImage or GIPL.

None of it is needed to show the image, and all of it may name the patient: dcm2niix can put the identifier into
db_name and comments into aux_file, others a whole DICOM header into an extension or into key-value pairs.
"""

from __future__ import annotations

import re
from pathlib import Path

from app.errors import BadInput
from app.volume_io import formats
from app.volume_io.blob import Blob
from app.volume_io.formats import GZIP_MAGIC
from app.volume_io.gzip_stream import GzipStream

_MOST = 1 << 20
"""Bytes of a header that are looked at; extensions are rarely longer."""

_NIFTI1 = (slice(4, 32), slice(148, 228), slice(228, 252), slice(328, 344))
"""data_type and db_name, descrip, aux_file, intent_name (nifti1.h)."""
_ANALYZE = (slice(4, 32), slice(148, 228), slice(228, 252), slice(263, 313))
"""As above, then generated, scannum, patient_id, exp_date, exp_time (dbh.h)."""
_NIFTI2 = (slice(240, 320), slice(320, 344), slice(508, 524))
"""descrip, aux_file, intent_name (nifti2.h)."""
_GIPL = (slice(26, 106),)
"""The patient field, after 8 bytes of sizes, 2 of type and 16 of voxel sizes."""

_PAIR = re.compile(rb"^(?:#\s*(?P<comment>.*)|(?P<key>[^:=\n]+?)\s*(?::=|[:=])\s*(?P<value>.*?))\s*$", re.MULTILINE)
_TECHNICAL = frozenset(
    b"""type dimension space sizes spacedimension spacedirections kinds endian encoding spaceorigin spaceunits units
    spacings thicknesses axismins axismaxs centers centerings datafile lineskip byteskip measurementframe min max oldmin
    oldmax objecttype ndims binarydata binarydatabyteordermsb elementbyteordermsb compresseddata compresseddatasize
    compressionlevel transformmatrix rotation orientation offset position origin centerofrotation
    anatomicalorientation elementspacing elementsize dimsize elementtype elementnumberofchannels elementdatafile
    headersize elementmin elementmax itkoriginaldirection itkoriginalspacing""".split()
)
"""Fields of NRRD and MetaImage that hold no free words; compared without case, blanks and underscores."""
_SEGMENTS = b"segment"
"""How the fields begin that name the segments of a .seg.nrrd."""
_ENDS = (b"\n\n", b"\r\n\r\n", b"ElementDataFile")


def header_text(path: Path) -> tuple[str, ...]:
    """The texts that are not empty; none of a file that is of another kind or cannot be read."""
    name = path.name.lower()
    try:
        if name.endswith(formats.NIFTI) or not name.endswith(formats.RESEARCH):
            return _of_nifti(_head(path))
        return _of_gipl(_head(path)) if ".gipl" in name else _of_lines(_head(path))
    except (BadInput, OSError):
        return ()


def _head(path: Path) -> bytes:
    blob = Blob.on_disk(path)
    with blob.open() as file:
        packed = file.read(2) == GZIP_MAGIC
        file.seek(0)
        return (GzipStream(file, blob.label) if packed else file).read(_MOST)


def _of_nifti(head: bytes) -> tuple[str, ...]:
    if head[4:7] in (b"n+2", b"ni2"):
        return _texts([head[place] for place in _NIFTI2] + _extensions(head, 540))
    if head[344:347] in (b"n+1", b"ni1"):
        return _texts([head[place] for place in _NIFTI1] + _extensions(head, 348))
    return _texts([head[place] for place in _ANALYZE]) if len(head) == 348 else ()


def _extensions(head: bytes, start: int) -> list[bytes]:
    """Their contents: 4 bytes that say whether there are any, then (size, code, content) one after the other."""
    order = "little" if int.from_bytes(head[:4], "little") == start else "big"
    place, found = start + 4, []
    while head[start : start + 1] not in (b"", b"\0"):
        size = int.from_bytes(head[place : place + 4], order)  # type: ignore[arg-type]  # one of the two words
        if size < 16 or size % 16 or place + 8 > len(head):
            break
        found.append(head[place + 8 : place + size])
        place += size
    return found


def _of_gipl(head: bytes) -> tuple[str, ...]:
    return _texts([head[place] for place in _GIPL])


def _of_lines(head: bytes) -> tuple[str, ...]:
    """Comments and values of `key: value`, `key:=value` and `key = value`."""
    ends = [place for end in _ENDS if (place := head.find(end)) >= 0]
    found = _PAIR.finditer(head[: min(ends, default=len(head))])
    return _texts([match["comment"] or match["value"] for match in found if not _technical(match["key"] or b"")])


def _technical(key: bytes) -> bool:
    bare = re.sub(rb"[\s_]", b"", key).lower()
    return bare in _TECHNICAL or bare.startswith(_SEGMENTS)


def _texts(parts: list[bytes]) -> tuple[str, ...]:
    """Words as UTF-8, or else Latin-1; what is no letter or digit parts them."""
    return tuple(text for part in parts if (text := _text(part.replace(b"\0", b" "))))


def _text(part: bytes) -> str:
    try:
        text = part.decode("utf-8")
    except UnicodeDecodeError:
        text = part.decode("latin-1")
    return " ".join(re.findall(r"\w+", text.replace("_", " ")))
