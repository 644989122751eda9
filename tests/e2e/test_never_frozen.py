"""A whole case on 512x512x300 voxels in the real window: the event loop never stands still for long."""

from __future__ import annotations

import gc
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import QApplication

from app.ui.app import set_aside
from tests.data import SAMPLE
from tests.e2e.watchdog import Watchdog

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not SAMPLE.exists(), reason="resources/sample is not in this checkout"),
]
SHAPE = (300, 512, 512)
LIVER = (102, 47, 86)  # of the sample
FROZEN = 0.1  # seconds of the main thread's own work without a return to the event loop, whoever else uses the cores
BEFORE_ANYBODY_WAITS = {"start"}  # OpenGL begins and compiles
CTRL, SHIFT, NONE = (
    Qt.KeyboardModifier.ControlModifier,
    Qt.KeyboardModifier.ShiftModifier,
    Qt.KeyboardModifier.NoModifier,
)


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bundled sample on the grid of a large CT."""
    image = nib.load(SAMPLE)
    array = np.asarray(image.dataobj).astype(np.int16)
    nearest = [np.arange(new) * old // new for new, old in zip(SHAPE[::-1], array.shape, strict=True)]
    affine = image.affine @ np.diag([*(old / new for new, old in zip(SHAPE[::-1], array.shape, strict=True)), 1])
    path = tmp_path_factory.mktemp("large") / "large.nii"
    nib.save(nib.Nifti1Image(array[np.ix_(*nearest)], affine), path)
    return path


def place(index: tuple[int, int, int]) -> tuple[int, int, int]:
    old = nib.load(SAMPLE).shape[::-1]
    k, j, i = (round(n * new / size) for n, new, size in zip(index, SHAPE, old, strict=True))
    return k, j, i


def wheel(view, notches: int, keys=NONE) -> None:
    pixel = QPointF(view.rect().center())
    event = QWheelEvent(
        pixel, view.mapToGlobal(pixel), QPoint(), QPoint(0, 120 * notches), Qt.MouseButton.NoButton, keys,
        Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    QApplication.sendEvent(view, event)


class Case:
    """The scripted case; each part says its name to the watchdog."""

    def __init__(self, hands, dog: Watchdog) -> None:
        self.hands, self.dog, self.window, self.session = hands, dog, hands.window, hands.window.session

    def settle(self) -> None:
        self.hands.until(lambda: not self.session.inference.busy, 300_000)
        self.hands.until(lambda: not self.window.views.volume.view.busy and self.window.jobs.running == 0, 300_000)
        self.hands.qtbot.wait(2500)  # autosave follows within it

    def wheel(self) -> None:
        for frame in self.window.views.slices:
            for notch in [1] * 10 + [-1] * 10:
                wheel(frame.view, notch)
                self.hands.qtbot.wait(5)

    def zoom(self) -> None:
        for notch in (1, 1, -1, -1):
            wheel(self.hands.view(), notch, CTRL)
            self.hands.qtbot.wait(10)

    def window_level(self) -> None:
        for high in range(100, 400, 30):
            self.session.view.window = type(self.session.view.window)(-100, high)
            self.hands.qtbot.wait(10)

    def stroke(self) -> None:
        k, j, i = place(LIVER)
        self.session.view.tool = "brush"
        self.session.corrections.change_brush(millimetres=8.0)
        for step in range(3):
            self.hands.drag((k, j + 20 * step, i), (k, j + 20 * step, i + 120))
        self.settle()

    def ball(self) -> None:
        k, j, i = place(LIVER)
        self.session.corrections.change_brush(millimetres=15.0, ball=True)
        self.hands.drag((k, j, i), (k, j + 60, i + 60))
        self.settle()
        self.session.view.tool = "point"

    def back_and_forth(self) -> None:
        for key in (Qt.Key.Key_Z,) * 4 + (Qt.Key.Key_Y,) * 4:
            self.hands.key(key, CTRL)
            self.hands.qtbot.wait(30)
        self.settle()

    def propagate(self) -> None:
        self.hands.key(Qt.Key.Key_S, SHIFT)
        self.hands.until(lambda: self.session.propagating)
        self.settle()

    def uncertainty(self) -> None:
        self.window.actions_.refresh()
        self.window.estimates.toggle()
        self.settle()
        self.window.estimates.toggle()

    def export(self, folder: Path) -> None:
        self.window.exports.write_labels(folder / "labels.nii.gz")
        self.window.exports.write_mesh(folder / "liver.stl", 1)
        self.hands.until(lambda: self.window.jobs.running == 0, 300_000)
        self.settle()

    def click(self, index) -> None:
        self.hands.click(index)
        self.settle()


def test_a_whole_case_never_freezes_the_window(hands, large, tmp_path, capsys):
    set_aside()  # as the program does when it starts
    dog = Watchdog(hands.window)
    case = Case(hands, dog)
    k, j, i = place(LIVER)
    parts = {
        "start": lambda: hands.qtbot.wait(2000),  # views compile what they draw with, before anybody waits for them
        "open": lambda: hands.open(large),
        "wheel while preparing": case.wheel,
        "first click": lambda: case.click((k, j, i)),
        "wheel": case.wheel,
        "zoom": case.zoom,
        "window": case.window_level,
        "second click": lambda: case.click((k + 20, j + 10, i - 20)),
        "brush": case.stroke,
        "ball": case.ball,
        "undo and redo": case.back_and_forth,
        "propagate": case.propagate,
        "wheel after it": case.wheel,
        "undo and redo after it": case.back_and_forth,
        "uncertainty": case.uncertainty,
        "export": lambda: case.export(tmp_path),
        "save": lambda: case.window.cases._write(tmp_path / "case.volumask") or case.settle(),
    }
    try:
        for what, part in parts.items():
            with dog.during(what):
                part()
            with capsys.disabled():
                print("\n" + dog.line(what), end="", flush=True)
    finally:
        dog.close()
        gc.unfreeze()
    assert hands.voxels() > 100_000
    assert (tmp_path / "liver.stl").exists()
    assert set(parts) <= set(dog.stalls)
    assert {what: dog.own(what) for what in set(parts) - BEFORE_ANYBODY_WAITS if dog.own(what) > FROZEN} == {}
