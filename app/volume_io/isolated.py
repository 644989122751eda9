"""`Isolated`: decodes with GDCM in processes of their own, which may die without taking the window along.

GDCM (3.2.6) is the only codec here for lossless JPEG, the usual one on clinical discs. Damaged streams make it write
past its buffers: of files with changed bytes, one in a few hundred ended the process.
"""

from __future__ import annotations

import io
import multiprocessing
import threading
import warnings
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from types import TracebackType

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.pixels.decoders.base import get_decoder

_PROCESSES = 2


class Isolated:
    """A context; the processes start (0.6 s) when something is first decoded, and end with it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pool: ProcessPoolExecutor | None = None

    def __enter__(self) -> Isolated:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)

    def decode(self, content: bytes, numbers: Sequence[int]) -> list[NDArray[np.generic]]:
        """Frames of a whole DICOM file, each (rows, columns) or (rows, columns, 3); from any thread.

        Raises:
            ValueError: when the decoder's process ended.
            Exception: whatever the decoder raises.
        """
        try:
            return self._started().submit(_decode, content, tuple(numbers)).result()
        except BrokenProcessPool as error:
            raise ValueError("the decoder's process ended") from error

    def _started(self) -> ProcessPoolExecutor:
        with self._lock:
            if self._pool is None:
                # spawn: a fork of a process with threads, a window or a GPU may hang
                context = multiprocessing.get_context("spawn")
                self._pool = ProcessPoolExecutor(_PROCESSES, mp_context=context)
            return self._pool


def _decode(content: bytes, numbers: tuple[int, ...]) -> list[NDArray[np.generic]]:
    """Runs in the other process."""
    warnings.simplefilter("ignore")
    dataset = pydicom.dcmread(io.BytesIO(content), force=True)
    decoder = get_decoder(dataset.file_meta.TransferSyntaxUID)
    colour = int(dataset.get("SamplesPerPixel", 1)) > 1
    return [decoder.as_array(dataset, index=n, raw=not colour, decoding_plugin="gdcm")[0] for n in numbers]
