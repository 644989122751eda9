"""The images inside a zip or tar, read in memory: nothing is ever written to the disk."""

from __future__ import annotations

import io
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import psutil

from app.errors import BadInput
from app.volume_io.blob import Blob
from app.volume_io.formats import HEAD, is_dicom, is_nifti
from app.volume_io.sentences import counted, megabytes
from app.volume_io.series import ReportProgress, Stop

_MEMBERS = 200_000
_SUSPICIOUS_RATIO, _SUSPICIOUS_SIZE = 400, 64 << 20
"""A member that shrank more than 400 : 1 and is larger than 64 MiB is no scan: air compresses to about 100 : 1."""


def images(
    path: Path, progress: ReportProgress | None = None, token: Stop | None = None
) -> tuple[list[Blob], tuple[str, ...]]:
    """The DICOM and NIfTI members, and notes on what was passed over.

    Raises:
        BadInput: when the archive is damaged, holds no image, or would grow out of memory.
    """
    try:
        with path.open("rb") as file:
            is_zip = file.read(2) == b"PK"
        return _collect(path, _zip_members(path) if is_zip else _tar_members(path), progress, token)
    except (zipfile.BadZipFile, tarfile.TarError, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        if "password" in str(error):
            raise BadInput(f"{path.name} is protected with a password.", "Unpack it and open the folder.") from error
        raise BadInput(f"{path.name} is a damaged archive.", "Copy or download it again.") from error
    except OSError as error:
        raise BadInput(f"{path.name} could not be read: {error.strerror or error}.") from error


class _Member:
    """One file in an archive: how long it claims to be, and a way to read it."""

    def __init__(self, name: str, size: int, packed: int, opener: object) -> None:
        self.name, self.size, self.packed, self._opener = name, size, packed, opener

    def read(self) -> Iterator[bytes]:
        """Its head, then the rest: the rest is only inflated when asked for."""
        with self._opener() as file:  # type: ignore[operator]  # a closure over the archive
            yield file.read(HEAD)
            yield file.read(max(0, self.size - HEAD))


def _collect(
    path: Path, members: Iterator[_Member], progress: ReportProgress | None, token: Stop | None
) -> tuple[list[Blob], tuple[str, ...]]:
    found: list[Blob] = []
    total, unsafe = 0, 0
    limit = psutil.virtual_memory().available // 3
    for n, member in enumerate(members):
        if token is not None:
            token.raise_if_cancelled()
        if progress is not None and n % 20 == 0:
            progress(0.0, "Unpacking")
        if n > _MEMBERS:
            raise BadInput(
                f"{path.name} holds more than {_MEMBERS:,} files.", "Unpack it and open the folder you need."
            )
        if _is_unsafe(member.name):
            unsafe += 1
            continue
        content = member.read()
        head = next(content)
        if not _is_image(member.name, head):
            continue
        total += member.size
        _check_growth(path, member, total, limit)
        found.append(Blob.in_memory(member.name, head + next(content)))
    notes = (f"{counted(unsafe, 'name')} left out: pointing outside of the archive",) if unsafe else ()
    return found, notes


def _check_growth(path: Path, member: _Member, total: int, limit: int) -> None:
    if member.size > _SUSPICIOUS_SIZE and member.size > _SUSPICIOUS_RATIO * max(1, member.packed):
        raise BadInput(
            f"{path.name} would unpack to {megabytes(member.size)} from {megabytes(member.packed)}; "
            "no scan is that empty.",
            "It may be made to harm; unpack it yourself if you trust it.",
        )
    if total > limit:
        raise BadInput(
            f"{path.name} would unpack to more than {megabytes(limit)}, too much for this computer's memory.",
            "Unpack it and open the folder.",
        )


def _is_image(name: str, head: bytes) -> bool:
    return is_dicom(head) or is_nifti(head) or name.lower().endswith((".nii", ".nii.gz"))


def _is_unsafe(name: str) -> bool:
    parts = PurePosixPath(name.replace("\\", "/")).parts
    return ".." in parts or name.startswith(("/", "\\")) or name[1:2] == ":"


def _zip_members(path: Path) -> Iterator[_Member]:
    with zipfile.ZipFile(path) as archive:
        for entry in archive.infolist():
            is_link = (entry.external_attr >> 16) & 0o170000 == 0o120000
            if not entry.is_dir() and not is_link:
                yield _Member(entry.filename, entry.file_size, entry.compress_size, lambda e=entry: archive.open(e))


def _tar_members(path: Path) -> Iterator[_Member]:
    with tarfile.open(path) as archive:
        for entry in archive:
            if entry.isfile():
                yield _Member(
                    entry.name, entry.size, entry.size, lambda e=entry: archive.extractfile(e) or io.BytesIO()
                )
