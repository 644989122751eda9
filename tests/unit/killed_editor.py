"""A process that edits cases with autosave until it is killed; each line on stdin starts one editor by fork.

A line is `seed<TAB>folder`. The folder holds `scan.nii`; the editor keeps `journal.txt` there: after every edit the
monotonic clock and the fingerprint of the case. Recovery files go to `recovery` below it.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import time
import zlib
from pathlib import Path
from typing import TextIO

import numpy as np

from app import volume_io
from app.autosave import Autosave
from app.document import Document
from app.editing.islands import KeepLargest
from app.engine import engine, fake, worker  # noqa: F401  # loaded once, before the forks
from app.errors import AppError
from app.prompts import Point, Scribble
from app.session import Session

TICK = 0.5  # seconds, as the window's timer


def fingerprint(document: Document) -> str:
    """Of all that a project keeps: voxels, segments, prompts, confidences and both ends of the history."""
    states = [document.state(segment.label) for segment in document.segments]
    history = document.history
    titles = [(step.title, step.label, step.group) for step in (*history.done, *history.undone)]
    words = repr([(s.segment, s.prompts, _sorted(s.confidences), s.edits) for s in states])
    words += repr((titles, len(history.done)))
    return f"{zlib.crc32(np.ascontiguousarray(document.segmentation.labels).data):08x}{zlib.crc32(words.encode()):08x}"


def _sorted(confidences: object) -> list[object]:
    return sorted((axis, sorted(line.items())) for axis, line in confidences.items())  # type: ignore[attr-defined]


class Editor:
    """Does at random what a user does, and writes down what has become of the case."""

    def __init__(self, session: Session, autosave: Autosave, journal: TextIO, seed: int) -> None:
        self.session, self.autosave, self.journal = session, autosave, journal
        self.random = random.Random(seed)
        self.next_tick = 0.0

    def run(self) -> None:
        nursery = os.getppid()
        while os.getppid() == nursery:  # nobody is left to kill it otherwise
            case = self.session.case
            act = self.random.choices(
                (self.click, self.brush, self.back, self.forth, self.propagate, self.island, self.segment),
                (6, 6, 4, 2, 1, 1, 1 if len(case.segments) < 6 else 0),
            )[0]
            try:
                act()
            except AppError:
                self.session.cancel()  # nothing to correct in an empty segment
            self.note()
            time.sleep(self.random.random() * 0.03)

    def note(self) -> None:
        self.journal.write(f"{time.monotonic():.4f} {fingerprint(self.session.case)}\n")
        self.journal.flush()
        if time.monotonic() >= self.next_tick:
            self.next_tick = time.monotonic() + TICK
            self.autosave.tick()

    def click(self) -> None:
        prompts = [Point(self._index(), positive=self.random.random() < 0.7) for _ in range(self.random.randint(1, 3))]
        if self.random.random() < 0.2:
            k, j, i = self._index()
            prompts.append(Scribble([(k, j, max(0, i - n)) for n in range(4)]))
        label = self._label()
        for prompt in prompts:
            if prompt not in self.session.prompts(label):
                self.session.add_prompt(label, prompt)
        self.session.wait()

    def brush(self) -> None:
        corrections = self.session.corrections
        corrections.change_brush(millimetres=self.random.uniform(1, 8), ball=self.random.random() < 0.5)
        stroke = corrections.begin_stroke(self._label(), erase=self.random.random() < 0.3)
        tip, here = corrections.brush.tip(0), self._index()
        for index in (here, self._index()):
            stroke.to(index, tip)
        corrections.apply(stroke.proposal("Paint"))

    def back(self) -> None:
        for _ in range(self.random.randint(1, 3)):
            self.session.undo()

    def forth(self) -> None:
        self.session.redo()

    def propagate(self) -> None:
        label = self._label()
        extent = self.session.case.segmentation.extent(label)
        if extent is None:
            return
        self.session.begin_propagation(label, 0, extent.start[0])
        while self.session.propagating:
            self.session.step(0.1)
            self.note()

    def island(self) -> None:
        self.session.correct(self._label(), KeepLargest())

    def segment(self) -> None:
        self.session.add_segment()

    def _label(self) -> int:
        segments = self.session.case.segments
        return self.random.choice(segments or (self.session.add_segment(),)).label

    def _index(self) -> tuple[int, int, int]:
        k, j, i = (self.random.randrange(n) for n in self.session.case.volume.shape)
        return k, j, i


def edit(seed: int, folder: Path) -> None:
    """Until killed, or left alone."""
    with (folder / "journal.txt").open("w") as journal, Session.headless("fake", engine="inline") as session:
        session.open(folder / "scan.nii")
        Editor(session, Autosave(session, folder / "recovery"), journal, seed).run()


def main() -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the killed are gone at once, as if their parent had been the system
    for line in sys.stdin:
        seed, folder = line.rstrip("\n").split("\t")
        volume_io.read_volume(Path(folder) / "scan.nii")  # loads what reading needs, once for all forks
        pid = os.fork()
        if not pid:
            try:
                edit(int(seed), Path(folder))
            finally:
                os._exit(1)  # an editor ends by being killed only
        print(pid, flush=True)


if __name__ == "__main__":
    main()
