"""`Watchdog`: how long Qt's event loop stood still, what it was that stood, and what other threads did meanwhile."""

from __future__ import annotations

import statistics
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from PySide6.QtCore import QObject, Qt, QTimer

BEAT_MS = 4
IDLE = {"wait", "get", "select", "poll", "accept", "recv", "_worker", "_look"}  # functions in which a thread waits


@dataclass(frozen=True, slots=True)
class Stall:
    """The time between two beats, in seconds.

    Args:
        wall: By the clock, less the beat.
        own: That the main thread computed.
        queued: That it could have run but every core was busy with other threads and processes (Linux tells).
    """

    wall: float = 0.0
    own: float = 0.0
    queued: float = 0.0

    @property
    def blocked(self) -> float:
        """That it waited for something: Python's lock, or the threads in which Mesa draws."""
        return max(0.0, self.wall - self.own - self.queued)


class Watchdog:
    """A timer beats in the loop. A thread looks at what all threads do while a beat is `suspicious` seconds late.

    On a machine that others use the main thread's own work is the measure, and the clock says little.
    """

    def __init__(self, parent: QObject, suspicious: float = 0.06) -> None:
        self.stalls: dict[str, list[Stall]] = defaultdict(list)
        self.seen: dict[str, tuple[float, str]] = {}
        self.worked: dict[str, tuple[float, str]] = {}
        """What the main thread was seen at when it had worked longest, in seconds of its own."""
        self._doing = "nothing"
        self._main = threading.current_thread()
        self._counted = Path(f"/proc/self/task/{self._main.native_id}/schedstat")
        self._last = self._now()
        self._suspicious = suspicious
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
        self._doing, self._last = what, self._now()
        yield
        self._beat()
        self._doing = "nothing"

    def close(self) -> None:
        """Stop watching."""
        self._timer.stop()
        self._ended.set()
        self._thread.join()

    def own(self, what: str) -> float:
        """The most seconds that the main thread worked without coming back to its loop."""
        return max((stall.own for stall in self.stalls[what]), default=0.0)

    def line(self, what: str) -> str:
        """The longest stall and what it consisted of, the median of all over 8 ms, the most own work, what was seen."""
        longest = max(self.stalls[what], key=lambda stall: stall.wall, default=Stall())
        felt = [stall.wall for stall in self.stalls[what] if stall.wall > 0.008] or [0.0]
        parts = (longest.wall, longest.own, longest.queued, longest.blocked, statistics.median(felt), self.own(what))
        wall, own, queued, blocked, median, most = (round(1000 * part) for part in parts)
        return (
            f"{what:<24} stall {wall:4} ms ({own:3} own, {queued:3} queued, {blocked:3} blocked), median {median:3}, "
            f"most own work {most:3} ms   [{self.worked.get(what, (0, ''))[1]}] {self.seen.get(what, (0, ''))[1]}"
        )

    def _now(self) -> tuple[float, float, float]:
        """Of the main thread, from any thread: the clock, seconds computed, seconds waited for a core."""
        if not self._counted.exists():
            return time.perf_counter(), time.thread_time(), 0.0
        own, queued, _ = self._counted.read_text().split()
        return time.perf_counter(), int(own) / 1e9, int(queued) / 1e9

    def _beat(self) -> None:
        now = self._now()
        wall, own, queued = (new - old for new, old in zip(now, self._last, strict=True))
        self.stalls[self._doing].append(Stall(max(0.0, wall - BEAT_MS / 1000), own, queued))
        self._last = now

    def _look(self) -> None:
        while not self._ended.wait(0.02):
            now, what = self._now(), self._doing
            late, own = now[0] - self._last[0], now[1] - self._last[1]
            if own > max(0.02, self.worked.get(what, (0.0, ""))[0]):
                self.worked[what] = own, _stack(sys._current_frames().get(self._main.ident or 0), 4)
            if late > max(self._suspicious, self.seen.get(what, (0.0, ""))[0]):
                self.seen[what] = late, self._told()

    def _told(self) -> str:
        """What the main thread and every thread that does not wait are in the middle of."""
        frames = sys._current_frames()
        names = {thread.ident: thread.name for thread in threading.enumerate()}
        main = _stack(frames.pop(self._main.ident or 0, None), 4)
        others = {names.get(number, ""): frame for number, frame in frames.items()}
        busy = [f"{name}: {_stack(f, 2)}" for name, f in others.items() if f.f_code.co_name not in IDLE]
        return " | ".join([main, *(words for words in busy if not words.startswith("watchdog"))])


def _stack(frame: FrameType | None, most: int) -> str:
    """The innermost calls of ours, newest first."""
    calls: list[str] = []
    while frame is not None and len(calls) < most:  # not by traceback, which reads sources and so makes stalls itself
        name = frame.f_code.co_filename
        if "/app/" in name or "/tests/" in name:
            calls.append(f"{name.rsplit('/', 1)[1]}:{frame.f_lineno} {frame.f_code.co_name}")
        frame = frame.f_back
    return " < ".join(calls)
