"""Reads NIfTI-1, NIfTI-2 and Analyze files, one time point at a time, plain or gzipped."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from app.errors import BadInput
from app.volume import Source, Volume
from app.volume_io import memory, nifti_header
from app.volume_io.blob import Blob
from app.volume_io.formats import GZIP_MAGIC
from app.volume_io.gzip_stream import GzipStream
from app.volume_io.nifti_header import NiftiHeader
from app.volume_io.sentences import megabytes
from app.volume_io.series import ReportProgress, SeriesInfo, Stop
from app.volume_io.values import finite, rescaled


def info(blob: Blob, key: str = "") -> SeriesInfo:
    """What the header says; the voxels are passed over only where a gzip's own length says that they are not all there.

    Raises:
        BadInput: when it cannot be read as an image.
    """
    header, voxels = _open_header(blob)
    _check_size(header, voxels)
    _check_whole(header, voxels)
    return SeriesInfo(
        key=key,
        description=_stem(blob.label),
        shape=header.geometry.shape,
        geometry=header.geometry,
        times=header.times,
        notes=_notes(header),
        picture=lambda: _middle(read(blob)),
    )


def read(blob: Blob, time: int = 0, progress: ReportProgress | None = None, token: Stop | None = None) -> Volume:
    """One time point.

    Raises:
        BadInput: when the file is damaged, too large, or of a kind that is not shown.
    """
    header, voxels = _open_header(blob)
    _check_size(header, voxels)
    if not 0 <= time < header.times:
        raise BadInput(f"{blob.label} has {header.times} time points; number {time} does not exist.")
    stored = _stored(header, voxels, time, progress, token)
    values, notes = finite(rescaled(stored, header.slope, header.intercept), blob.label)
    return Volume(
        values,
        header.geometry,
        description=_stem(blob.label),
        notes=(*_notes(header, time), *notes),
        source=Source(blob.name, "", time),
        codes=header.codes,
    )


def _open_header(blob: Blob) -> tuple[NiftiHeader, Blob]:
    """The header, and the file that holds the voxels."""
    with blob.open() as file:
        head = file.read(2)
        file.seek(0)
        stream = GzipStream(file, blob.label) if head == GZIP_MAGIC else file
        head = stream.read(nifti_header.HEAD)
    if len(head) < 348:
        raise BadInput(f"{blob.label} is too short to be an image: its header is not complete.")
    if head[:2] == GZIP_MAGIC:
        raise BadInput(f"{blob.label} was compressed twice.", "Unpack it once and open the result.")
    split = _is_pair(blob, head)
    header = nifti_header.parse(head, blob.label, split)
    return header, _voxel_file(blob) if split else blob


def _is_pair(blob: Blob, head: bytes) -> bool:
    single = head[344:347] == b"n+1" or head[4:7] == b"n+2"
    return not single and _name(blob).endswith((".hdr", ".hdr.gz", ".img", ".img.gz"))


def _voxel_file(blob: Blob) -> Blob:
    if blob.path is None:
        raise BadInput(f"{blob.label} is half of an image (.hdr and .img).", "Unpack the archive and open it there.")
    base = blob.path.with_suffix("") if _name(blob).endswith(".gz") else blob.path
    for suffix in (".img", ".IMG", ".img.gz", ".IMG.GZ"):
        if (path := base.with_suffix(suffix)).is_file():
            return Blob.on_disk(path)
    raise BadInput(f"{blob.label} needs a file {base.with_suffix('.img').name} beside it, which is missing.")


def header_of_pair(path: Path) -> Path:
    """The .hdr that belongs to an .img; the path itself for anything else."""
    lower = path.name.lower()
    if not lower.endswith((".img", ".img.gz")):
        return path
    base = path.with_suffix("") if lower.endswith(".gz") else path
    found = (base.with_suffix(s) for s in (".hdr", ".HDR", ".hdr.gz", ".HDR.GZ"))
    return next((p for p in found if p.is_file()), path)


def _check_size(header: NiftiHeader, voxels: Blob) -> None:
    """Compare what the header claims with what the file can hold, before any allocation."""
    packed = voxels.head(2) == GZIP_MAGIC
    most = voxels.size * memory.DEFLATE_LIMIT if packed else voxels.size
    if header.end > most:
        raise BadInput(
            f"{voxels.label} is not complete: its header promises {megabytes(header.end)} and the file has "
            f"{megabytes(voxels.size)}{' compressed' if packed else ''}.",
            "Copy or download it again.",
        )
    memory.require(voxels.label, 2 * header.bytes_per_time)


def _check_whole(header: NiftiHeader, voxels: Blob) -> None:
    """Find a gzip file that was cut without unpacking a whole one: its last four bytes are its length, modulo 2^32.

    Several members or padding behind the voxels give another length as well, so then the stream itself is asked.
    """
    if voxels.head(2) != GZIP_MAGIC:
        return
    with voxels.open() as file:
        file.seek(-4, os.SEEK_END)
        if int.from_bytes(file.read(4), "little") == header.end % 2**32:
            return
        file.seek(0)
        stream = GzipStream(file, voxels.label)
        if stream.skip(header.end) < header.end:
            raise _cut(voxels)
        stream.finish()


def _stored(
    header: NiftiHeader, voxels: Blob, time: int, progress: ReportProgress | None, token: Stop | None
) -> NDArray[np.generic]:
    """The numbers as stored, (k, j, i): NIfTI's i runs fastest, so the file order is ours."""
    array = np.empty(header.geometry.shape, header.dtype)
    target = array.reshape(-1).view(np.uint8)
    start = header.offset + time * header.bytes_per_time
    with voxels.open() as file:
        if file.read(2) == GZIP_MAGIC:
            file.seek(0)
            stream = GzipStream(file, voxels.label, voxels.size, progress, token)
            complete = stream.skip(start) == start and stream.fill(target) == target.size
            if complete:
                _finish(stream, header, time)
        else:
            file.seek(start)
            complete = file.readinto(target.data) == target.size  # type: ignore[attr-defined]  # a buffered reader has it
    if not complete:
        raise _cut(voxels)
    return array


def _cut(voxels: Blob) -> BadInput:
    return BadInput(f"{voxels.label} ends before its last voxel.", "Copy or download it again.")


def _finish(stream: GzipStream, header: NiftiHeader, time: int) -> None:
    rest = (header.times - 1 - time) * header.bytes_per_time
    if stream.skip(rest) == rest:
        stream.finish()


def _notes(header: NiftiHeader, time: int | None = None) -> tuple[str, ...]:
    if header.times == 1:
        return header.notes
    shown = "" if time is None else f"; number {time} is shown (counted from 0)"
    return (*header.notes, f"{header.times} time points{shown}")


def _middle(volume: Volume) -> NDArray[np.generic]:
    across = volume.geometry.axis_of(2)
    return np.asarray(volume.array.take(volume.shape[across] // 2, axis=across))


def _name(blob: Blob) -> str:
    return blob.label.lower()


def _stem(name: str) -> str:
    lower = name.lower()
    ending = next((e for e in (".nii.gz", ".nii", ".hdr.gz", ".hdr") if lower.endswith(e)), "")
    return name[: len(name) - len(ending)]
