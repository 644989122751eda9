"""`run_demo`: the main job unattended, through the real window with real mouse events; leaves picture, labels, mesh."""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PySide6.QtCore import QEventLoop, QSettings, Qt, QTimer
from PySide6.QtTest import QTest
from scipy import ndimage

from app.errors import AppError
from app.geometry import Index
from app.render.vtk_widget import picture_of
from app.ui.app import end, make_application, make_window
from app.ui.icons import RESOURCES
from app.ui.main_window import MainWindow
from app.view_state import in_hounsfield
from app.volume import Volume

PATIENCE_S = 120.0
SAMPLE = RESOURCES / "sample" / "ct_abdomen.nii.gz"
KIDNEY = (74, 43, 86)
"""(k, j, i), deep in the right one of the bundled scan; in other scans something large is looked for."""

TARGET = (35, 120)
"""Hounsfield units of the structure to click: liver and spleen, softer than bone, denser than fat and water."""


def run_demo(path: str | Path, folder: str | Path) -> int:
    """Open, click, propagate, undo, redo, export; says each step on stderr.

    Returns:
        0, or 1 when a step did not come to its end.
    """
    out = Path(folder)
    out.mkdir(parents=True, exist_ok=True)
    make_application()
    with tempfile.TemporaryDirectory() as recovery:
        window = make_window(recovery=Path(recovery))
        window.cases.leave = lambda: True  # type: ignore[method-assign]  # nobody is there to answer "save first?"
        try:
            _Demo(window, out).play(Path(path))
        except AppError as error:
            print(f"volumask: {error}", file=sys.stderr)
            return 1
        finally:
            window.close()
            end(window)
    return 0


class _Demo:
    def __init__(self, window: MainWindow, folder: Path) -> None:
        self._window, self._session, self._folder = window, window.session, folder

    def play(self, path: Path) -> None:
        window, session = self._window, self._session
        window.resize(1440, 900)
        window.show()
        window.activateWindow()
        self._wait("window", window.isActiveWindow)
        window.open(path)
        self._wait(f"{path.name} opened", lambda: session.document is not None)
        index = KIDNEY if path.resolve() == SAMPLE.resolve() else deep_inside(session.case.volume)
        session.view.crosshair = index
        self._click(index)
        self._wait("first mask after a click", lambda: bool(session.case.segments) and self._voxels() > 0)
        self._wait("surface", lambda: bool(window.views.volume.view.shown_labels))
        before = self._voxels()
        window.actions_["propagate"].trigger()
        self._wait("propagated both ways", lambda: not session.propagating and not session.inference.busy)
        self._key(Qt.Key.Key_Z)
        self._wait("undone", lambda: self._voxels() == before and session.can_redo)
        self._key(Qt.Key.Key_Y)
        self._wait("redone", lambda: not session.can_redo)
        self._key(Qt.Key.Key_Z)
        self._wait("undone again", lambda: session.can_redo)
        self._export()

    def _export(self) -> None:
        window, folder = self._window, self._folder
        for name in ("labels.nii.gz", "mesh.stl", "screenshot.png"):
            (folder / name).unlink(missing_ok=True)
        self._wait("surface up to date", lambda: not window.views.volume.view.busy)
        _pause(300)
        picture_of(window).save(str(folder / "screenshot.png"))
        window.exports.write_labels(folder / "labels.nii.gz")
        self._wait("labels.nii.gz", (folder / "labels.nii.gz").exists)
        window.exports.write_mesh(folder / "mesh.stl", self._session.view.active)
        self._wait("mesh.stl", (folder / "mesh.stl").exists)
        self._wait("screenshot.png", (folder / "screenshot.png").exists)
        self._wait("the end of writing", lambda: window.jobs.running == 0)

    def _voxels(self) -> int:
        label = self._session.view.active
        return int(self._session.mask(label).sum()) if label in self._session.case.segmentation.segments else 0

    def _click(self, index: Index) -> None:
        view = self._window.views.slices[0].view
        _pause(100)
        QTest.mouseMove(view, view.pixel_at(index).toPoint())
        QTest.mouseClick(
            view, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, view.pixel_at(index).toPoint()
        )

    def _key(self, key: Qt.Key) -> None:
        self._window.views.slices[0].view.setFocus()
        QTest.keyClick(self._window.views.slices[0].view, key, Qt.KeyboardModifier.ControlModifier)

    def _wait(self, what: str, done: Callable[[], bool]) -> None:
        start = time.monotonic()
        banner = self._window.banner
        while not done():
            if banner.text and banner.kind == "error":
                raise AppError(banner.text)
            if time.monotonic() - start > PATIENCE_S:
                raise AppError(f"The demo waited {PATIENCE_S:.0f} s for: {what}.")
            _pause(20)
        print(f"{what}: {time.monotonic() - start:.2f} s", file=sys.stderr)


def _pause(milliseconds: int) -> None:
    """Let the event loop run. Unlike QTest.qWait it lets Python's other threads run too."""
    loop = QEventLoop()
    QTimer.singleShot(milliseconds, loop.quit)
    loop.exec()


def deep_inside(volume: Volume) -> Index:
    """A voxel deep inside the largest structure of organ brightness: something that is worth a click."""
    low, high = TARGET if in_hounsfield(volume) else np.percentile(volume.array.astype(np.float32), (60, 90)).tolist()
    step = max(1, max(volume.shape) // 128)
    smooth = ndimage.uniform_filter(volume.array[::step, ::step, ::step].astype(np.float32), 3)
    inside = np.pad((smooth > low) & (smooth < high), 1)  # the scan's edge is a border, too
    depth = ndimage.distance_transform_edt(inside, sampling=volume.geometry.spacing)[1:-1, 1:-1, 1:-1]
    k, j, i = (int(n) * step for n in np.unravel_index(int(np.argmax(depth)), depth.shape))
    return k, j, i


def main() -> int:
    """The demo with settings of its own: the user's recent files and window stay as they are."""
    with tempfile.TemporaryDirectory() as folder:
        QSettings.setPath(QSettings.defaultFormat(), QSettings.Scope.UserScope, folder)
        return run_demo(*sys.argv[1:3])


if __name__ == "__main__":
    sys.exit(main())
