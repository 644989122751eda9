"""`Watchdog`: how long Qt's event loop stood still, for each thing that was done meanwhile."""

from __future__ import annotations

import statistics
import sys
import threading
import time
import traceback
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager

from PySide6.QtCore import QObject, Qt, QTimer

BEAT_MS = 4


class Watchdog:
    """A timer beats in the loop; the time between two beats, less the beat, is a stall.

    Beside it stands what the main thread itself worked in that time: on a machine that others use it is the smaller.
    A thread looks at what the main thread does while a beat is `suspicious` seconds late, so that a stall has a name.
    """

    def __init__(self, parent: QObject, suspicious: float = 0.08) -> None:
        self.stalls: dict[str, list[float]] = defaultdict(list)
        self.work: dict[str, list[float]] = defaultdict(list)
        self.seen: dict[str, str] = {}
        self._doing = "nothing"
        self._last, self._worked = time.perf_counter(), time.thread_time()
        self._suspicious = suspicious
        self._main = threading.get_ident()
        self._timer = QTimer(parent)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._beat)
        self._timer.start(BEAT_MS)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look, name="watchdog")
        self._thread.start()

    @contextmanager
    def during(self, what: str) -> Iterator[None]:
        """What happens in the block is called so."""
        self._doing, self._last, self._worked = what, time.perf_counter(), time.thread_time()
        yield
        self._beat()
        self._doing = "nothing"

    def close(self) -> None:
        """Stop watching."""
        self._timer.stop()
        self._ended.set()
        self._thread.join()

    def longest(self, what: str) -> float:
        """Seconds."""
        return max(self.stalls[what], default=0.0)

    def table(self) -> str:
        """A line for each thing done."""
        return "\n".join(self.line(what) for what in self.stalls)

    def line(self, what: str) -> str:
        """Longest stall, the median of all over 8 ms, the main thread's own share, and where it was seen."""
        felt = [1000 * stall for stall in self.stalls[what] if stall > 0.008] or [0.0]
        own = [1000 * work for work in self.work[what] if work > 0.004] or [0.0]
        return (
            f"{what:<24} stall: longest {max(felt):5.0f} ms, median {statistics.median(felt):4.0f}   "
            f"own work: longest {max(own):4.0f} ms, median {statistics.median(own):3.0f}   {self.seen.get(what, '')}"
        )

    def _beat(self) -> None:
        now, worked = time.perf_counter(), time.thread_time()
        self.stalls[self._doing].append(max(0.0, now - self._last - BEAT_MS / 1000))
        self.work[self._doing].append(worked - self._worked)
        self._last, self._worked = now, worked

    def _look(self) -> None:
        while not self._ended.wait(0.02):
            late, what = time.perf_counter() - self._last, self._doing
            frame = sys._current_frames().get(self._main)
            if late > self._suspicious and frame is not None and late > self.longest(what):
                frames = [f for f in traceback.extract_stack(frame) if "/app/" in f.filename or "/tests/" in f.filename]
                self.seen[what] = " < ".join(
                    f"{f.filename.rsplit('/', 1)[1]}:{f.lineno} {f.name}" for f in frames[:-5:-1]
                )
