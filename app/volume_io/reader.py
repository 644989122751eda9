"""The front door: `find_series`, `read_volume`, for a file, a folder, an archive or a DICOMDIR."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import pydicom

from app.errors import BadInput
from app.volume import Source, Volume
from app.volume_io import archive, dicom, formats, nifti, research_formats
from app.volume_io.blob import Blob
from app.volume_io.dicom_header import read_header
from app.volume_io.formats import GZIP_MAGIC, HEAD, is_dicom, is_nifti
from app.volume_io.sentences import counted
from app.volume_io.series import ReportProgress, SeriesInfo, Stop
from app.volume_io.stack import Stack, with_note

_FILES = 100_000  # of a folder; a whole disk dropped by mistake should not be read
_JUNK = ("__MACOSX", ".git", ".svn")


@dataclass(frozen=True, slots=True)
class Found:
    """A series and the way to read it: (time, progress, token) -> Volume; with its planes where it is DICOM."""

    info: SeriesInfo
    read: Callable[[int, ReportProgress | None, Stop | None], Volume]
    stack: Stack | None = None


def find_series(
    path: str | Path, progress: ReportProgress | None = None, token: Stop | None = None
) -> tuple[SeriesInfo, ...]:
    """Every series, images first and the largest of them before the others; then what is there and is no image.

    Raises:
        BadInput: when there is nothing to read, naming the path and the reason.
        Cancelled: when the token was cancelled.
    """
    return tuple(found.info for found in _find(Path(path), progress, token))


def read_volume(
    path: str | Path,
    series: str | int | None = None,
    time: int = 0,
    progress: ReportProgress | None = None,
    token: Stop | None = None,
) -> Volume:
    """The voxels of one series and time point.

    Args:
        series: Its key, or its position in `find_series`; None takes the one with the most voxels.

    Raises:
        BadInput: when it cannot be opened, naming the file and the reason.
        Cancelled: when the token was cancelled.
    """
    path = Path(path)
    found = _find(path, progress, token)
    chosen = _choose(found, series, path)
    volume = chosen.read(time, progress, token)
    others = sum(f.info.readable for f in found) - 1
    notes = volume.notes
    if series is None and others:
        notes = (*notes, f"the largest of {others + 1} series was opened")
    return replace(volume, notes=notes, source=Source(str(path), chosen.info.key, time))


def find_stack(source: Source) -> Stack | None:
    """The DICOM planes that a volume was made from; None where it came from something else.

    A volume keeps only where it came from: names and identifiers stay in the files until something must refer to them.

    Raises:
        BadInput: when the files are not there any more or cannot be read.
    """
    path = Path(source.path)
    return _choose(_find(path, None, None), source.series or None, path).stack if source.path else None


def _choose(found: list[Found], series: str | int | None, path: Path) -> Found:
    readable = [f for f in found if f.info.readable]
    if isinstance(series, int) and not 0 <= series < len(found):
        raise BadInput(f"{path.name} has {len(found)} series; number {series} does not exist (they count from 0).")
    if isinstance(series, int):
        chosen = found[series]
    elif series is not None:
        match = [f for f in found if f.info.key == series]
        if not match:
            raise BadInput(f"{path.name} has no series {series}.", "List its series with `volumask info`.")
        chosen = match[0]
    else:
        chosen = readable[0] if readable else found[0]
    if not chosen.info.readable:
        raise BadInput(chosen.info.reason)
    return chosen


def _find(path: Path, progress: ReportProgress | None, token: Stop | None) -> list[Found]:
    """At least one series, images first, the largest first."""
    if not path.exists() and not path.is_symlink():
        raise BadInput(f"{path.name or path} does not exist.", "Check the name, or whether its disk is connected.")
    if path.is_dir():
        found = _in_folder(path, progress, token)
    elif path.name.lower().endswith(formats.ARCHIVES):
        found = _in_archive(path, progress, token)
    else:
        found = _in_file(path, progress, token)
    return sorted(found, key=lambda f: (not f.info.readable, -f.info.size * f.info.times))


def _in_file(path: Path, progress: ReportProgress | None, token: Stop | None) -> list[Found]:
    name = path.name.lower()
    if name.endswith((*formats.RESEARCH, *formats.MGH)):
        return [_research(path, "")]
    blob = Blob.on_disk(path)
    if not blob.size:
        raise BadInput(f"{path.name} is empty.", "Copy or download it again.")
    head = blob.head(HEAD)
    if is_dicom(head) and not is_nifti(head):
        return _dicom_file(path, blob, progress, token)
    if name.endswith(formats.NIFTI) or is_nifti(head):
        return [_nifti(Blob.on_disk(nifti.header_of_pair(path)), "")]
    kind = "a DICOM file" if name.endswith(formats.DICOM) else "an image that can be opened"
    raise BadInput(
        f"{path.name} is not {kind}.", "NIfTI, NRRD, MetaImage, MGZ and DICOM files, folders and zips can be opened."
    )


def _dicom_file(path: Path, blob: Blob, progress: ReportProgress | None, token: Stop | None) -> list[Found]:
    """The whole series of one file: slices of the same series usually lie beside it."""
    header = read_header(blob)
    if header.is_directory:
        return _dicomdir(path, header.dataset, progress, token)
    if header.reason:
        raise BadInput(header.reason)
    siblings = [Blob.on_disk(f) for f in sorted(path.parent.iterdir()) if f.is_file()]
    stacks, _ = dicom.scan(siblings, progress, token)
    mine = [s for s in stacks if s.key.split("#")[0] == header.series]
    with_it = [s for s in mine if any(f.header.blob.path == path for t in s.times for f in t)] or mine
    if len({f.header.blob.name for s in with_it for t in s.times for f in t}) > 1:
        with_it = [
            with_note(s, f"the whole series of {path.name} was opened, from the files beside it") for s in with_it
        ]
    return [_dicom(stack) for stack in with_it]


def _dicomdir(path: Path, dataset: pydicom.Dataset, progress: ReportProgress | None, token: Stop | None) -> list[Found]:
    """The files that a DICOMDIR lists and that lie below it; where none does, its whole folder."""
    root = path.parent.resolve()
    listed = [record.get("ReferencedFileID") for record in dataset.DirectoryRecordSequence]
    files = []
    for parts in (p for p in listed if p):
        file = root.joinpath(*([parts] if isinstance(parts, str) else list(parts))).resolve()
        if file.is_relative_to(root) and file.is_file():
            files.append(Blob.on_disk(file))
    if not files:
        return _in_folder(root, progress, token)
    return _dicoms(files, path, progress, token)


def _in_folder(folder: Path, progress: ReportProgress | None, token: Stop | None) -> list[Found]:
    files, unreadable = _files(folder, token)
    found, errors = _from_blobs(files, progress, token, folder)
    if found:
        return _with_losses(found, errors)
    if errors:
        raise errors[0]
    if unreadable and not files:
        raise BadInput(f"{folder.name} could not be read.", "Check that you may open this folder.")
    raise BadInput(f"No images were found in {folder.name} ({len(files):,} files were looked at).")


def _in_archive(path: Path, progress: ReportProgress | None, token: Stop | None) -> list[Found]:
    Blob.on_disk(path)
    blobs, notes = archive.images(path, progress, token)
    found, errors = _from_blobs(blobs, progress, token, None)
    if not found:
        raise errors[0] if errors else BadInput(f"No images were found in {path.name}.")
    return _with_losses([_noted(f, notes) for f in found] if notes else found, errors)


def _with_losses(found: list[Found], errors: list[BadInput]) -> list[Found]:
    """Say at every series that some files could not be read: one of its slices may be among them."""
    if not errors:
        return found
    note = f"{counted(len(errors), 'file')} could not be read: {errors[0].message}"
    return [_noted(f, (note,)) for f in found]


def _noted(found: Found, notes: tuple[str, ...]) -> Found:
    def read(time: int, progress: ReportProgress | None, token: Stop | None) -> Volume:
        volume = found.read(time, progress, token)
        return replace(volume, notes=(*volume.notes, *notes))

    return Found(replace(found.info, notes=(*found.info.notes, *notes)), read, found.stack)


def _from_blobs(
    blobs: list[Blob], progress: ReportProgress | None, token: Stop | None, folder: Path | None
) -> tuple[list[Found], list[BadInput]]:
    """DICOM series and other images among some files."""
    stacks, errors = dicom.scan(blobs, progress, token)
    found = [_dicom(stack) for stack in stacks]
    for blob in blobs:
        if token is not None:
            token.raise_if_cancelled()
        try:
            other = _other_format(blob, folder)
        except BadInput as error:
            errors.append(error)
            continue
        if other is not None:
            found.append(other)
    return found, errors


def _other_format(blob: Blob, folder: Path | None) -> Found | None:
    """A NIfTI, NRRD or such among other files; its key is its path inside the folder or archive."""
    name = blob.name.lower()
    key = str(blob.path.relative_to(folder)) if blob.path is not None and folder is not None else blob.name
    if name.endswith((".nii", ".nii.gz", ".hdr", ".hdr.gz")) and not is_dicom(blob.head(HEAD)):
        head = blob.head(HEAD)
        return _nifti(blob, key) if is_nifti(head) or head[:2] == GZIP_MAGIC else None
    if blob.path is not None and name.endswith((*formats.RESEARCH, *formats.MGH)):
        return _research(blob.path, key)
    return None


def _dicoms(blobs: list[Blob], path: Path, progress: ReportProgress | None, token: Stop | None) -> list[Found]:
    stacks, errors = dicom.scan(blobs, progress, token)
    if not stacks:
        raise errors[0] if errors else BadInput(f"No images were found in {path.name}.")
    return [_dicom(stack) for stack in stacks]


def _dicom(stack: Stack) -> Found:
    return Found(dicom.info(stack), lambda t, p, c: dicom.read(stack, Source("", stack.key, t), p, c), stack)


def _nifti(blob: Blob, key: str) -> Found:
    return Found(nifti.info(blob, key), lambda t, p, c: nifti.read(blob, t, p, c))


def _research(path: Path, key: str) -> Found:
    return Found(research_formats.info(path, key), partial(_read_research, path))


def _read_research(path: Path, time: int, progress: ReportProgress | None, token: Stop | None) -> Volume:
    return research_formats.read(path, time)


def _files(folder: Path, token: Stop | None) -> tuple[list[Blob], bool]:
    """Files below a folder, each once however many links lead to it; and whether a folder could not be read."""
    files: list[Blob] = []
    seen: set[tuple[int, int]] = set()
    failed: list[OSError] = []
    for path in _walk(folder, seen, failed):
        if token is not None:
            token.raise_if_cancelled()
        try:
            status = path.stat()
            if status.st_ino and (status.st_dev, status.st_ino) in seen:
                continue
            seen.add((status.st_dev, status.st_ino))
            files.append(Blob.on_disk(path))
        except (OSError, BadInput):
            continue  # a dangling link, a pipe, a file that went away: not an image
        if len(files) > _FILES:
            raise BadInput(f"{folder.name} holds more than {_FILES:,} files.", "Open the folder of one patient.")
    return files, bool(failed)


def _walk(folder: Path, seen: set[tuple[int, int]], failed: list[OSError]) -> Iterator[Path]:
    for here, folders, names in os.walk(folder, followlinks=True, onerror=failed.append):
        kept = []
        for name in sorted(folders):
            try:
                status = (Path(here) / name).stat()
            except OSError as error:
                failed.append(error)
                continue
            if name not in _JUNK and (status.st_dev, status.st_ino) not in seen:
                seen.add((status.st_dev, status.st_ino))
                kept.append(name)
        folders[:] = kept
        yield from (Path(here) / name for name in sorted(names) if not name.startswith("._"))
