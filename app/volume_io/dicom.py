"""DICOM series: from files to `SeriesInfo` and `Volume`."""

from __future__ import annotations

import warnings
from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from app.errors import BadInput, Cancelled
from app.volume import NiftiCodes, Source, Volume
from app.volume_io import memory
from app.volume_io.blob import Blob
from app.volume_io.dicom_header import Header, read_header
from app.volume_io.formats import HEAD, is_dicom
from app.volume_io.frame import Frame
from app.volume_io.isolated import Isolated
from app.volume_io.pixels import decode, stored_dtype
from app.volume_io.series import ReportProgress, SeriesInfo, Stop
from app.volume_io.stack import Stack, stacks_of
from app.volume_io.values import finite, rescaled

_THREADS = 4  # codecs release the GIL and the disk waits; more did not help on 2 cores


def scan(
    blobs: Sequence[Blob], progress: ReportProgress | None = None, token: Stop | None = None
) -> tuple[list[Stack], list[BadInput]]:
    """Every series in some files, and what was wrong with those that began as DICOM and could not be read."""
    headers: list[Header] = []
    errors: list[BadInput] = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pydicom's advice to writers of files; see dicom_header
        for n, blob in enumerate(blobs):
            if token is not None:
                token.raise_if_cancelled()
            if progress is not None and n % 20 == 0:
                progress(n / len(blobs), "Looking for images")
            try:
                if is_dicom(blob.head(HEAD)) and not (header := read_header(blob)).is_directory:
                    headers.append(header)
            except BadInput as error:
                errors.append(error)
        return stacks_of(headers), errors


def info(stack: Stack) -> SeriesInfo:
    """The public face of a stack."""
    geometry = stack.plan.geometry if stack.plan else None
    return SeriesInfo(
        key=stack.key,
        description=stack.description,
        modality=stack.modality,
        shape=geometry.shape if geometry else (0, 0, 0),
        geometry=geometry,
        times=max(1, len(stack.times)),
        notes=stack.notes,
        reason=stack.reason,
        picture=(lambda: _picture(stack)) if geometry else None,
    )


def read(stack: Stack, source: Source, progress: ReportProgress | None = None, token: Stop | None = None) -> Volume:
    """The voxels of one time point (`source.time`).

    Raises:
        BadInput: when the series cannot be shown, its pixels are damaged or it does not fit in memory.
    """
    if stack.plan is None:
        raise BadInput(stack.reason)
    if not 0 <= source.time < len(stack.times):
        raise BadInput(f"This series has {len(stack.times)} time points; number {source.time} does not exist.")
    frames = stack.times[source.time]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        stored = _stored(frames, stack, progress, token)
    values = _scaled(stored, frames)
    values, notes = finite(stack.plan.apply(values), stack.description or stack.modality)
    if len(stack.times) > 1:
        notes = (*notes, f"time point {source.time} is shown (counted from 0)")
    return Volume(
        values,
        stack.plan.geometry,
        modality=stack.modality,
        description=stack.description,
        notes=(*stack.notes, *notes),
        source=source,
        codes=NiftiCodes(1, 1, 2),
    )


def _stored(
    frames: Sequence[Frame], stack: Stack, progress: ReportProgress | None, token: Stop | None
) -> NDArray[np.generic]:
    """Stored values (slices, rows, columns), decoded by several threads."""
    dtype = np.result_type(*{stored_dtype(f.header) for f in frames})
    shape = (len(frames), *frames[0].shape)
    assert stack.plan is not None
    needed = int(np.prod(shape, dtype=np.float64)) * dtype.itemsize * (3 if stack.plan.resamples else 2)
    memory.require(stack.description or stack.modality or "This series", needed)
    out = np.empty(shape, dtype)
    by_object: dict[Header, list[int]] = defaultdict(list)
    for n, frame in enumerate(frames):
        by_object[frame.header].append(n)

    isolated = Isolated()

    def fill(header: Header) -> int:
        if token is not None:
            token.raise_if_cancelled()
        places = by_object[header]
        for place, plane in zip(places, decode(header, [frames[n] for n in places], isolated), strict=True):
            out[place] = plane
        return len(places)

    done = 0
    with isolated, ThreadPoolExecutor(_THREADS, thread_name_prefix="dicom") as pool:
        try:
            for count in pool.map(fill, by_object):
                done += count
                if progress is not None:
                    progress(done / len(frames), "Reading slices")
        except (BadInput, Cancelled):
            pool.shutdown(cancel_futures=True)
            raise
    return out


def _scaled(stored: NDArray[np.generic], frames: Sequence[Frame]) -> NDArray[np.generic]:
    """Rescaled and, for MONOCHROME1, inverted values."""
    first = frames[0]
    if first.header.get("PhotometricInterpretation") == "MONOCHROME1":
        top = stored.max() if stored.dtype.kind == "f" else 2 ** int(first.header.number("BitsStored", 16)) - 1
        low = -(int(top) + 1) // 2 if stored.dtype.kind == "i" else 0
        stored = (int(top) + 2 * low - stored.astype(np.int64)).astype(np.int32)
    if len({(f.slope, f.intercept) for f in frames}) == 1:
        return rescaled(stored, first.slope, first.intercept)
    parts = [rescaled(stored[k : k + 1].copy(), f.slope, f.intercept) for k, f in enumerate(frames)]
    joined = np.concatenate(parts)
    return joined.astype(np.float32) if joined.dtype.kind == "f" else joined


def _picture(stack: Stack) -> NDArray[np.generic]:
    frame = stack.frames[len(stack.frames) // 2]
    with warnings.catch_warnings(), Isolated() as isolated:
        warnings.simplefilter("ignore")
        plane: NDArray[np.generic] = _scaled(decode(frame.header, [frame], isolated)[0][None], [frame])[0]
        return plane
