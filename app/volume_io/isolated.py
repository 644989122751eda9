"""`Isolated`: decodes with GDCM in processes of their own, which may die without taking the window along.

GDCM (3.2.6) is the only codec here for lossless JPEG, the usual one on clinical discs. Damaged streams make it write
past its buffers: of files with changed bytes, one in a few hundred ended the process.
"""

from __future__ import annotations

import contextlib
import io
import os
import pickle
import queue
import subprocess
import sys
import warnings
from collections.abc import Sequence
from types import TracebackType
from typing import IO, Any

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.pixels.decoders.base import get_decoder

from app.child_process import launch

_PROCESSES = 2


class Isolated:
    """A context; the processes start (0.6 s) when something is first decoded, and end with it."""

    def __init__(self) -> None:
        self._idle: queue.LifoQueue[subprocess.Popen[bytes] | None] = queue.LifoQueue()
        self._processes: list[subprocess.Popen[bytes]] = []
        for _ in range(_PROCESSES):
            self._idle.put(None)  # a place whose process has not started, or has ended

    def __enter__(self) -> Isolated:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for process in self._processes:
            process.kill()
            with contextlib.suppress(BrokenPipeError):  # what a dead child never read
                process.communicate()

    def decode(self, content: bytes, numbers: Sequence[int]) -> list[NDArray[np.generic]]:
        """Frames of a whole DICOM file, each (rows, columns) or (rows, columns, 3); from any thread.

        Raises:
            ValueError: when the decoder's process ended, or it could not decode.
        """
        process = self._idle.get() or self._start()
        try:
            answer = _ask(process, content, tuple(numbers))
        except (OSError, EOFError, pickle.UnpicklingError) as error:
            process.kill()
            self._idle.put(None)
            raise ValueError("the decoder's process ended") from error
        self._idle.put(process)
        if isinstance(answer, str):
            raise ValueError(answer)
        frames: list[NDArray[np.generic]] = answer
        return frames

    def _start(self) -> subprocess.Popen[bytes]:
        quiet = subprocess.DEVNULL
        process = launch("app.volume_io.isolated", "--decode", stdout=subprocess.PIPE, stderr=quiet)
        self._processes.append(process)
        return process


def _ask(process: subprocess.Popen[bytes], content: bytes, numbers: tuple[int, ...]) -> Any:
    if process.stdin is None or process.stdout is None:
        raise EOFError
    pickle.dump((content, numbers), process.stdin)
    process.stdin.flush()
    return pickle.load(process.stdout)  # from our own child


def main() -> int:
    """The child: decode what comes in until there is no more. GDCM's own words on stdout go nowhere."""
    warnings.simplefilter("ignore")
    with os.fdopen(os.dup(1), "wb") as answers, open(os.devnull, "wb") as nowhere:  # noqa: PTH123  (a device)
        os.dup2(nowhere.fileno(), 1)
        with contextlib.suppress(EOFError):
            while True:
                _answer(sys.stdin.buffer, answers)
    return 0


def _answer(requests: IO[bytes], answers: IO[bytes]) -> None:
    content, numbers = pickle.load(requests)  # from our own parent
    answer: Any
    try:
        answer = _decode(content, numbers)
    except Exception as error:  # a door: whatever a decoder raises is told to the parent
        answer = str(error) or type(error).__name__
    pickle.dump(answer, answers)
    answers.flush()


def _decode(content: bytes, numbers: tuple[int, ...]) -> list[NDArray[np.generic]]:
    dataset = pydicom.dcmread(io.BytesIO(content), force=True)
    decoder = get_decoder(dataset.file_meta.TransferSyntaxUID)
    colour = int(dataset.get("SamplesPerPixel", 1)) > 1
    return [decoder.as_array(dataset, index=n, raw=not colour, decoding_plugin="gdcm")[0] for n in numbers]


if __name__ == "__main__":
    sys.exit(main())
