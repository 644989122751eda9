"""`VtkWidget`: a VTK picture inside a Qt widget. The only place where Qt and VTK touch.

VTK draws off the screen and the picture is painted like any other Qt content, with annotations over it by QPainter.
Against a native OpenGL child window (VTK's own QVTKRenderWindowInteractor) this costs one read-back, 1 to 3 ms for 1.4
megapixels here, and buys: no flicker in splitters, no window of its own that Wayland refuses or that outlives its
parent, screenshots with QWidget.grab, text as sharp as the rest of the window, and no VTK frame when only a line or a
number over the picture moved.
"""

from __future__ import annotations

import os
import sys

import numpy as np
import vtkmodules.vtkRenderingOpenGL2  # noqa: F401  # registers the OpenGL implementations of the classes below
from numpy.typing import NDArray
from PySide6.QtCore import QCoreApplication, QSize, Qt, QTimer
from PySide6.QtGui import QColor, QImage, QPainter, QPaintEvent, QPixmap
from PySide6.QtWidgets import QSizePolicy, QWidget
from shiboken6 import isValid
from vtkmodules.vtkCommonCore import vtkUnsignedCharArray
from vtkmodules.vtkRenderingCore import vtkRenderer, vtkRenderWindow

from app.render.turns import Turns
from app.render.vtk_arrays import numpy_array

FRAME_MS = 16
"""Renders asked for within one frame are one render."""


def can_draw() -> bool:
    """Whether there is OpenGL to draw with. To be asked before the first picture: without, VTK ends the process."""
    window = _off_screen()
    window.Initialize()
    works = bool(window.GetInitialized())
    window.Finalize()
    return works


def _off_screen() -> vtkRenderWindow:
    if sys.platform.startswith("linux") and not os.environ.get("DISPLAY"):
        # Otherwise VTK tries an X server first and warns that there is none.
        os.environ.setdefault("VTK_DEFAULT_OPENGL_WINDOW", "vtkEGLRenderWindow")
    window = vtkRenderWindow()
    window.SetShowWindow(False)
    window.SetUseOffScreenBuffers(True)
    window.SetMultiSamples(0)
    return window


class Canvas:
    """An off-screen render window; made when first needed, so a widget that is never shown needs no OpenGL."""

    def __init__(self) -> None:
        self.renderers: list[vtkRenderer] = []
        self._window: vtkRenderWindow | None = None
        self._buffer = vtkUnsignedCharArray()
        self._pixels: NDArray[np.uint8] = np.zeros((1, 1, 4), np.uint8)

    def render(self, width: int, height: int) -> QImage:
        """The picture in device pixels. The image shares this canvas's memory until the next render.

        Memory is taken once for a size: fresh memory comes slowly to some virtual machines, 0.3 s for one frame.
        """
        window = self._window or self._open()
        window.SetSize(width, height)
        window.Render()
        window.GetRGBACharPixelData(0, 0, width - 1, height - 1, 0, self._buffer)  # type: ignore[call-overload]
        upwards = numpy_array(self._buffer).reshape(height, width, 4)
        if self._pixels.shape != upwards.shape:
            self._pixels = np.empty_like(upwards)
        self._pixels[...] = upwards[::-1]
        return QImage(self._pixels.data, width, height, 4 * width, QImage.Format.Format_RGBX8888)

    def close(self, *_: object) -> None:
        """Give the OpenGL context back, while there still is one to free textures in."""
        if self._window is not None:
            for renderer in self.renderers:
                renderer.RemoveAllViewProps()
                self._window.RemoveRenderer(renderer)
            self._window.Finalize()
            self._window = None

    def _open(self) -> vtkRenderWindow:
        window = _off_screen()
        for renderer in self.renderers:
            window.AddRenderer(renderer)
        window.SetNumberOfLayers(1 + max((r.GetLayer() for r in self.renderers), default=0))
        self._window = window
        return window


def picture_of(widget: QWidget) -> QPixmap:
    """What a widget shows, with every picture in it brought up to date first."""
    views = [widget] if isinstance(widget, VtkWidget) else widget.findChildren(VtkWidget)
    for view in views:
        if view is widget or view.isVisible():
            view.catch_up()
    return widget.grab()


class VtkWidget(QWidget):
    """A widget that shows `self.renderer`.

    Subclasses fill in `refresh` (bring VTK up to date, just before a frame) and `annotate` (draw over the picture).
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.renderer = vtkRenderer()
        self.canvas = Canvas()
        self.canvas.renderers.append(self.renderer)
        self._image = QImage()
        self._stale = True
        self._frame = QTimer(self)
        self._frame.setSingleShot(True)
        self._frame.setInterval(FRAME_MS)
        self._frame.timeout.connect(self._ask_for_turn)
        self.destroyed.connect(self.canvas.close)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.WheelFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(80, 80)

    def schedule_render(self) -> None:
        """Draw a new VTK frame soon; any number of calls within a frame cost one. Never draws at once."""
        self._stale = True
        if isValid(self) and not self._frame.isActive():
            self._frame.start()

    def schedule_paint(self) -> None:
        """Draw the annotations again over the same VTK frame."""
        if isValid(self):
            self.update()

    def refresh(self) -> None:
        """Bring the VTK scene up to date; called just before it is rendered."""

    def annotate(self, painter: QPainter) -> None:
        """Draw over the picture, in logical pixels."""

    def pixels(self) -> NDArray[np.uint8]:
        """(rows, columns, 3) of the widget with what changed last, annotations included, in device pixels."""
        image = picture_of(self).toImage().convertToFormat(QImage.Format.Format_RGB888)
        rows = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine())
        return rows[:, : 3 * image.width()].reshape(image.height(), image.width(), 3).copy()

    def sizeHint(self) -> QSize:  # noqa: N802  # Qt's name
        """A quarter of a small window."""
        return QSize(400, 400)

    def catch_up(self) -> None:
        """Render a frame at once if one is due, seen or not."""
        if self._is_due:
            self._stale, size = False, self._size()
            self.refresh()
            self._image = self.canvas.render(size.width(), size.height())
            self._image.setDevicePixelRatio(self.devicePixelRatioF())

    def draw(self) -> None:
        """Render now what changed, and have it painted with the annotations."""
        if self.isVisible():
            self.catch_up()
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802  # Qt's name
        """Show the newest frame. A due one is rendered in its turn: Qt paints all views in one go, 0.1 s and more.

        After a change of size the frame is stretched until then; before the very first there is the background.
        """
        if self._is_due:
            self.schedule_render()
        painter = QPainter(self)
        if self._image.isNull():
            painter.fillRect(self.rect(), QColor.fromRgbF(*self.renderer.GetBackground()))
        else:
            painter.drawImage(self.rect(), self._image)
        self.annotate(painter)
        painter.end()

    @property
    def _is_due(self) -> bool:
        return self._stale or self._image.size() != self._size()

    def _size(self) -> QSize:
        """In device pixels."""
        ratio = self.devicePixelRatioF()
        return QSize(max(1, round(self.width() * ratio)), max(1, round(self.height() * ratio)))

    def _ask_for_turn(self) -> None:
        application = QCoreApplication.instance()
        if application is not None:
            Turns.of(application).take(self)
