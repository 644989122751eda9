"""The real window over the real compute process, and hands that work it with mouse and keys."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PySide6.QtCore import QMimeData, QPoint, QPointF, QSettings, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QImage
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget

from app.geometry import Index
from app.render.slice_view import SliceView
from app.render.vtk_widget import picture_of
from app.ui.app import make_application, make_window
from app.ui.main_window import MainWindow

LEFT, NONE = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
PATIENCE_MS = 120_000  # shared machines are slow; a test that hangs still ends


@pytest.fixture(scope="session")
def qapp() -> QApplication:
    return make_application()


class Hands:
    """What a person does with the window."""

    def __init__(self, window: MainWindow, qtbot) -> None:
        self.window, self.qtbot = window, qtbot

    def until(self, done: Callable[[], bool], patience: int = PATIENCE_MS) -> None:
        self.qtbot.waitUntil(done, timeout=patience)

    def drop(self, path: Path) -> bool:
        """Drag a file over the window and let it go; whether the window takes it."""
        mime = QMimeData()
        mime.setUrls([QUrl.fromLocalFile(str(path))])
        enter = QDragEnterEvent(QPoint(300, 300), Qt.DropAction.CopyAction, mime, LEFT, NONE)
        enter.ignore()
        QApplication.sendEvent(self.window, enter)
        if enter.isAccepted():
            event = QDropEvent(QPointF(300, 300), Qt.DropAction.CopyAction, mime, LEFT, NONE)
            QApplication.sendEvent(self.window, event)
        return enter.isAccepted()

    def open(self, path: Path) -> None:
        """Drop a scan and wait until it is shown."""
        before = self.window.session.document
        assert self.drop(path)
        self.until(lambda: self.window.session.document not in (None, before))
        self.qtbot.wait(50)

    def view(self, world_axis: int = 2) -> SliceView:
        return next(frame.view for frame in self.window.views.slices if frame.view.world_axis == world_axis)

    def click(self, index: Index, world_axis: int = 2, keys: Qt.KeyboardModifier = NONE) -> None:
        """Go to the slice, then press on the voxel."""
        self.window.session.view.crosshair = index
        self.qtbot.wait(50)
        view = self.view(world_axis)
        QTest.mouseClick(view, LEFT, keys, view.pixel_at(index).toPoint())

    def drag(self, start: Index, stop: Index) -> None:
        """A left drag over a slice, as the mouse reports it: in steps."""
        view = self.view()
        first, last = view.pixel_at(start), view.pixel_at(stop)
        QTest.mousePress(view, LEFT, NONE, first.toPoint())
        for step in range(1, 9):
            QTest.mouseMove(view, (first + (last - first) * step / 8).toPoint())
            self.qtbot.wait(10)
        QTest.mouseRelease(view, LEFT, NONE, last.toPoint())

    def key(self, key: Qt.Key, keys: Qt.KeyboardModifier = NONE) -> None:
        self.window.actions_.refresh()
        self.view().setFocus()
        QTest.keyClick(self.view(), key, keys)

    def answered(self) -> None:
        """The engine has answered everything and the picture shows it."""
        self.until(lambda: not self.window.session.inference.busy)
        self.until(lambda: not self.window.views.volume.view.busy)
        self.qtbot.wait(400)

    def voxels(self, label: int = 1) -> int:
        return int(self.window.session.mask(label).sum())


def coloured(widget: QWidget, colour: tuple[int, int, int]) -> int:
    """How many pixels have a colour's hue, in a picture that is otherwise grey."""
    image = picture_of(widget).toImage().convertToFormat(QImage.Format.Format_RGB888)
    rows = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine())
    pixels = rows[:, : 3 * image.width()].reshape(-1, 3).astype(float)
    return int((_close(pixels, np.array(colour, float))).sum())


def _close(pixels: NDArray[np.float64], colour: NDArray[np.float64]) -> NDArray[np.bool_]:
    saturation = pixels.max(axis=1) - pixels.min(axis=1)
    centred = pixels - pixels.mean(axis=1, keepdims=True)
    wanted = colour - colour.mean()
    cosine = (centred @ wanted) / (np.linalg.norm(centred, axis=1) * math.sqrt(wanted @ wanted) + 1e-9)
    return np.asarray((saturation > 25) & (cosine > 0.985))


@pytest.fixture
def hands(qtbot, tmp_path: Path) -> Iterator[Hands]:
    """A fresh window with the default model in its own process."""
    QSettings().clear()
    window = make_window(recovery=tmp_path / "recovery")
    window.resize(1400, 900)
    window.show()
    window.activateWindow()
    qtbot.waitActive(window)
    yield Hands(window, qtbot)
    window.cases.leave = lambda: True
    window.close()
    window.deleteLater()
