"""`VolumeView`: the document in 3D, its surfaces live. Left drag turns, right drag and wheel zoom, middle pans."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from PySide6.QtCore import QPointF, Qt, QTimer, Signal
from PySide6.QtGui import QMouseEvent, QPainter, QResizeEvent, QWheelEvent
from PySide6.QtWidgets import QWidget

from app.document import Document
from app.geometry import Index, Region
from app.helper_process import Apart, directly
from app.render import trackball
from app.render.colours import grey
from app.render.lettering import DIM, draw_corner
from app.render.live_surfaces import LiveSurfaces
from app.render.orientation_cube import orientation_cube
from app.render.picking import first_met
from app.render.volume_scene import VolumeScene
from app.render.vtk_widget import VtkWidget
from app.view_state import ViewState

DEBOUNCE_MS = 200
_POLL_MS = 15
_CLICK = 4.0  # pixels that the mouse may move between press and release of a click


class VolumeView(VtkWidget):
    """Surfaces of the visible segments, the volume's box, and where (or what) the three slices are.

    Signals:
        picked(Index): a click without a drag hit this voxel.
        double_clicked(): for the window, which enlarges the view.
        surfaces_changed(): new surfaces are in the picture.
    """

    picked = Signal(object)
    double_clicked = Signal()
    surfaces_changed = Signal()

    def __init__(self, parent: QWidget | None = None, apart: Apart = directly) -> None:
        super().__init__(parent)
        self._apart = apart
        self.document: Document | None = None
        self.view: ViewState | None = None
        self._planes = False
        self._scene = VolumeScene(self.renderer)
        self._cube = orientation_cube()
        self.canvas.renderers.append(self._cube)
        self.renderer.UseFXAAOn()  # smooth edges for less than multi-sampling, which doubles a frame without a GPU
        self._live: LiveSurfaces | None = None
        self._untouched: tuple[float, float, float] | None = None
        """Whence it is seen as long as the mouse has not moved it."""
        self._pressed, self._last = QPointF(), QPointF()
        self._pause = self._timer(DEBOUNCE_MS, self._begin, once=True)
        self._poll = self._timer(_POLL_MS, self._collect, once=False)

    def _timer(self, milliseconds: int, slot: Callable[[], None], once: bool) -> QTimer:
        timer = QTimer(self)
        timer.setInterval(milliseconds)
        timer.setSingleShot(once)
        timer.timeout.connect(slot)
        return timer

    # What is shown

    def set_case(self, document: Document | None, view: ViewState) -> None:
        """Show a document, or nothing; surfaces follow its labels from now on."""
        for signal, slot in self._wiring():
            signal.disconnect(slot)
        if self._live:
            self._live.close()
        self._scene.clear()
        if document is None:
            self._scene.rehearse()
        self.document, self.view = document, view
        self._live = LiveSurfaces(document, self._apart) if document else None
        for signal, slot in self._wiring():
            signal.connect(slot)
        self.reset_view()
        self._begin()

    @property
    def planes_shown(self) -> bool:
        """Whether the three slices are shown as pictures, not only as frames."""
        return self._planes

    @planes_shown.setter
    def planes_shown(self, shown: bool) -> None:
        self._planes = shown
        self.schedule_render()

    @property
    def busy(self) -> bool:
        """Whether surfaces are being made."""
        return bool(self._live and self._live.busy)

    @property
    def shown_labels(self) -> tuple[int, ...]:
        """Segments that have a surface in the picture."""
        return self._scene.labels

    def reset_view(self) -> None:
        """The whole volume from the front, a little from the patient's right and above."""
        if self.document:
            self.look_from((0.35, 1.0, 0.3))

    def look_from(self, direction: tuple[float, float, float]) -> None:
        """The whole volume seen from a direction (RAS), head up, or anterior up when seen from head or feet."""
        if not self.document:
            return
        geometry = self.document.volume.geometry
        far = np.array(geometry.shape) - 0.5
        corners = geometry.world([[far[a] if n >> a & 1 else -0.5 for a in range(3)] for n in range(8)])
        low, high = corners.min(axis=0), corners.max(axis=0)
        middle, towards = (low + high) / 2, np.array(direction) / np.linalg.norm(direction)
        camera = self.renderer.GetActiveCamera()
        camera.SetFocalPoint(*middle)
        camera.SetPosition(*(middle + towards * np.linalg.norm(high - low)))
        camera.SetViewUp(0, abs(towards[2]) > 0.9, abs(towards[2]) <= 0.9)
        trackball.fit(camera, corners, self.width(), self.height())
        self._untouched = direction
        self.schedule_render()

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802  # Qt's name
        """The whole volume still, until the user has moved it."""
        super().resizeEvent(event)
        if self._untouched:
            self.look_from(self._untouched)

    # Drawing

    def refresh(self) -> None:
        """Bring colours, frames and slices up to date."""
        if self.document and self.view:
            geometry = self.document.volume.geometry
            for segment in self.document.segments:
                self._scene.paint(segment.label, segment.colour, segment.visible)
            self._scene.frame(geometry, self.view.crosshair)
            self._show_planes(self.document, self.view)
        self._scene.turn_cube(self._cube)
        self.renderer.ResetCameraClippingRange()

    def _show_planes(self, document: Document, view: ViewState) -> None:
        if not self._planes:
            self._scene.hide_slices()
            return
        for axis, at in enumerate(view.crosshair):
            values = document.volume.array[tuple(at if a == axis else slice(None) for a in range(3))]
            self._scene.show_slice(axis, document.volume.geometry, at, grey(values, view.window))

    def annotate(self, painter: QPainter) -> None:
        """Say when surfaces are on their way."""
        if self.document and self.busy:
            draw_corner(painter, "top right", [("updating surfaces", DIM)])

    # Facts that change the picture

    def _wiring(self) -> list[tuple[Any, Callable[..., None]]]:
        """Signals of the case and what to do at each; `Any` because each carries arguments of its own."""
        if self.document is None or self.view is None:
            return []
        return [
            (self.document.labels_changed, self._on_labels_changed),
            (self.document.segments_changed, self.schedule_render),
            (self.view.crosshair_changed, self.schedule_render),
            (self.view.window_changed, self._on_window_changed),
        ]

    def _on_labels_changed(self, region: Region) -> None:
        if self._live and region.size:
            self._live.changed(region)
            self._pause.start()

    def _on_window_changed(self) -> None:
        if self._planes:
            self.schedule_render()

    def _begin(self) -> None:
        if self._live and self._live.busy:
            self._live.start()
            self._poll.start()
            self.schedule_paint()

    def _collect(self) -> None:
        if self._live is None:
            self._poll.stop()
            return
        ready = self._live.poll()
        for label, skin in ready.items():
            if skin is None:
                self._scene.remove(label)
            else:
                self._scene.put(label, skin)
        if not self._pause.isActive():
            self._live.start()
        if not self._live.busy:
            self._poll.stop()
            self.schedule_render()
        if ready:
            self.schedule_render()
            self.surfaces_changed.emit()

    # Mouse

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802  # Qt's name
        """A drag or a click begins."""
        self._pressed = self._last = event.position()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802  # Qt's name
        """Turn, zoom or move the camera."""
        delta, self._last = event.position() - self._last, event.position()
        camera, buttons = self.renderer.GetActiveCamera(), event.buttons()
        shift = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
        if buttons & Qt.MouseButton.MiddleButton or (buttons & Qt.MouseButton.LeftButton and shift):
            trackball.pan(camera, delta.x(), delta.y(), self.height())
        elif buttons & Qt.MouseButton.LeftButton:
            trackball.rotate(camera, delta.x(), delta.y())
        elif buttons & Qt.MouseButton.RightButton:
            trackball.zoom(camera, 1.01 ** -delta.y())
        else:
            return
        self._untouched = None
        self.schedule_render()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:  # noqa: N802  # Qt's name
        """A click without a drag picks what it hits."""
        moved = event.position() - self._pressed
        if event.button() == Qt.MouseButton.LeftButton and abs(moved.x()) + abs(moved.y()) <= _CLICK:
            index = self.index_at(event.position())
            if index is not None:
                self.picked.emit(index)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:  # noqa: N802  # Qt's name
        """Tell the window."""
        self.double_clicked.emit()

    def wheelEvent(self, event: QWheelEvent) -> None:  # noqa: N802  # Qt's name
        """Closer or further."""
        trackball.zoom(self.renderer.GetActiveCamera(), 1.1 ** (event.angleDelta().y() / 120))
        self._untouched = None
        self.schedule_render()

    def index_at(self, pixel: QPointF) -> Index | None:
        """The first voxel of a visible segment on the line of sight through a logical pixel; None in the empty.

        While the slices are shown as pictures, a slice is met as well.
        """
        if self.document is None or self.view is None:
            return None
        camera = self.renderer.GetActiveCamera()
        start, direction = trackball.line_of_sight(camera, pixel.x(), pixel.y(), self.width(), self.height())
        shown = np.zeros(256, bool)
        shown[[segment.label for segment in self.document.segments if segment.visible]] = True
        slices = self.view.crosshair if self._planes else None
        geometry, labels = self.document.volume.geometry, self.document.segmentation.labels
        return first_met(geometry, labels, shown, start, direction, slices)
