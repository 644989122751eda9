"""Which format a file is of, by its name and its first bytes; loads no library, so that a drag asks it at once."""

from __future__ import annotations

from pathlib import Path

from app.errors import BadInput
from app.volume_io.blob import Blob

NIFTI = (".nii", ".nii.gz", ".hdr", ".hdr.gz", ".img", ".img.gz")
RESEARCH = (".nrrd", ".nhdr", ".mha", ".mhd", ".gipl", ".gipl.gz")
MGH = (".mgh", ".mgz", ".mgh.gz")
DICOM = (".dcm", ".dicom", ".ima")
ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")

GZIP_MAGIC = b"\x1f\x8b"
HEAD = 352
"""Bytes that the functions here want to see."""


def can_read(path: str | Path) -> bool:
    """Whether `find_series` is worth a try; looks at the name and at most the first bytes."""
    path = Path(path)
    name = path.name.lower()
    try:
        if path.is_dir() or name == "dicomdir" or name.endswith((*NIFTI, *RESEARCH, *MGH, *DICOM, *ARCHIVES)):
            return path.exists()
        head = Blob.on_disk(path).head(HEAD)
    except (BadInput, OSError, ValueError):
        return False
    return is_dicom(head) or is_nifti(head)


def is_nifti(head: bytes) -> bool:
    """Whether the first bytes, not gzipped, carry NIfTI's magic."""
    return head[344:347] in (b"n+1", b"ni1") or head[4:7] in (b"n+2", b"ni2")


def is_dicom(head: bytes) -> bool:
    """Whether the first bytes of a file begin a DICOM object, with or without the preamble."""
    if head[128:132] == b"DICM" or head[:4] == b"DICM":
        return True
    # Without a preamble: the first element is of group 2 or 8, with a VR of two capitals or a short length.
    if len(head) < 8 or head[:2] not in (b"\x02\x00", b"\x08\x00") or head[3:4] != b"\x00":
        return False
    return (head[4:6].isalpha() and head[4:6].isupper()) or int.from_bytes(head[4:8], "little") < 256
