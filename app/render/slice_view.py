"""`SliceView`: one slice of the document with segments, prompts and annotations. Draws; mouse tools live elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from PySide6.QtCore import QEvent, QPointF, Signal
from PySide6.QtGui import QMouseEvent, QPainter, QResizeEvent, QWheelEvent
from PySide6.QtWidgets import QWidget

from app.document import Document
from app.geometry import Index, Region
from app.prompts import Box, Point, Prompt, Scribble, SliceMask
from app.render import marks
from app.render.marks import Sheet
from app.render.picking import SlicePlane, Viewport
from app.render.slice_notes import Notes, write
from app.render.slice_scene import Preview, SliceScene, Uncertainty
from app.render.vtk_widget import VtkWidget
from app.view_state import ViewState

PROMPTS = (Point, Box, Scribble, SliceMask)
_REHEARSED = ((3, 3), (3, 2), (2, 2))  # rows and columns by world axis: each view compiles for the others, too


class MouseHandler(Protocol):
    """What a tool does with the mouse in a slice view."""

    def press(self, view: SliceView, event: QMouseEvent) -> None:
        """A button went down."""

    def move(self, view: SliceView, event: QMouseEvent) -> None:
        """The mouse moved, with or without a button held."""

    def release(self, view: SliceView, event: QMouseEvent) -> None:
        """A button went up."""

    def wheel(self, view: SliceView, event: QWheelEvent) -> None:
        """The wheel turned."""

    def double_click(self, view: SliceView, event: QMouseEvent) -> None:
        """A button was pressed twice quickly."""


class SliceView(VtkWidget):
    """The slice through the crosshair across one world axis: axial (2), coronal (1) or sagittal (0).

    Signals:
        hovered(Index | None): the voxel under the mouse changed.
        viewport_changed(): zoomed, panned or resized.
    """

    hovered = Signal(object)
    viewport_changed = Signal()

    def __init__(self, world_axis: int, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.world_axis = world_axis
        self.mouse: MouseHandler | None = None
        self.document: Document | None = None
        self.view: ViewState | None = None
        self._plane: SlicePlane | None = None
        self._viewport = Viewport(1, 1, (1, 1), (0, 0))
        self._scene = SliceScene(self.renderer, _REHEARSED[world_axis])
        self._notes = Notes()
        self._drawn_slice = -1

    # What is shown

    def set_case(self, document: Document | None, view: ViewState) -> None:
        """Show a document, or nothing; forgets everything about the one before."""
        for signal, slot in self._wiring():
            signal.disconnect(slot)
        self.document, self.view = document, view
        self._notes = Notes()
        self._plane = SlicePlane.of(document.volume.geometry, self.world_axis) if document else None
        self._scene.set_case(document, view, self._plane)
        for signal, slot in self._wiring():
            signal.connect(slot)
        self._drawn_slice = self.slice_index
        self.fit()

    def set_estimate(self, estimate: Uncertainty | None) -> None:
        """Uncertainty to show while `view.heat` is on and its segment is the active one."""
        self._scene.set_estimate(estimate)
        self.schedule_render()

    def set_suggestion(self, index: Index | None) -> None:
        """Mark the voxel where the next click helps most."""
        self._notes.suggestion = index
        self.schedule_paint()

    def set_preview(self, prompt: Prompt | None, instead_of: Prompt | None = None) -> None:
        """A prompt while it is being drawn with the mouse, or dragged from where it was."""
        self._notes.preview, self._notes.moved = prompt, instead_of
        self.schedule_paint()

    def set_outline(self, corners: tuple[tuple[float, float, float], ...]) -> None:
        """A polygon of voxel positions while it is being drawn with the mouse; empty when there is none."""
        self._notes.outline = corners
        self.schedule_paint()

    def set_tip(self, millimetres: float | None) -> None:
        """Show the brush under the mouse, by its radius; None for no brush."""
        self._notes.tip = millimetres
        self.schedule_paint()

    def set_correction(self, preview: Preview | None, text: str = "") -> None:
        """Labels to show in the place of the document's, until they are applied or given up; `text` says so."""
        self._scene.set_preview(preview)
        self._notes.correcting = text

    def correction_changed(self, region: Region) -> None:
        """What `set_correction` was given differs there."""
        self._on_labels_changed(region)
        self.schedule_paint()

    def set_selected(self, prompt: Prompt | None) -> None:
        """The prompt to draw larger."""
        self._notes.selected = prompt
        self.schedule_paint()

    @property
    def axis(self) -> int:
        """Array axis across the slices; without a case the usual one, k for axial."""
        return self._plane.axis if self._plane else 2 - self.world_axis

    @property
    def slice_index(self) -> int:
        """Which slice along `axis` is shown."""
        return self.view.crosshair[self.axis] if self.view else 0

    @property
    def sheet(self) -> Sheet | None:
        """The slice as it lies on the screen, None without a case."""
        return Sheet(self._plane, self._viewport, self.slice_index) if self._plane else None

    # Pixels and voxels

    def index_at(self, pixel: QPointF) -> Index | None:
        """The voxel under a logical pixel, None outside the slice."""
        if self._plane is None:
            return None
        return self._plane.voxel(*self._viewport.plane(pixel.x(), pixel.y()), self.slice_index)

    def clamped_index_at(self, pixel: QPointF) -> Index | None:
        """The voxel of the slice nearest to a logical pixel, None without a case."""
        if self._plane is None:
            return None
        return self._plane.clamped_voxel(*self._viewport.plane(pixel.x(), pixel.y()), self.slice_index)

    def pixel_at(self, index: Index) -> QPointF:
        """The logical pixel of a voxel's centre, projected onto the slice."""
        sheet = self.sheet
        return sheet.pixel(index) if sheet else QPointF()

    def prompt_at(self, pixel: QPointF, kinds: tuple[type, ...] = PROMPTS) -> Prompt | None:
        """The active segment's prompt under a logical pixel, None when there is none of these kinds."""
        sheet = self.sheet
        prompts = tuple(prompt for prompt in self._prompts() if isinstance(prompt, kinds))
        return marks.found(sheet, prompts, pixel) if sheet else None

    def position_at(self, pixel: QPointF) -> tuple[float, float, float] | None:
        """The position (k, j, i) under a logical pixel in fractions of voxels, also outside; None without a case."""
        if self._plane is None:
            return None
        return self._plane.index(*self._viewport.plane(pixel.x(), pixel.y()), self.slice_index)

    # Zoom and pan

    @property
    def zoom(self) -> float:
        """1 when the whole slice just fits."""
        return self._viewport.zoom

    @property
    def viewport(self) -> Viewport:
        """What part of the slice is shown."""
        return self._viewport

    def zoom_by(self, factor: float, at: QPointF | None = None) -> None:
        """Closer by `factor` around a logical pixel, or around the middle of the view."""
        pixel = at or QPointF(self.width() / 2, self.height() / 2)
        self._show(self._viewport.zoomed(factor, pixel.x(), pixel.y()))

    def pan_by(self, delta: QPointF) -> None:
        """Move the picture by logical pixels."""
        self._show(self._viewport.panned(delta.x(), delta.y()))

    def fit(self) -> None:
        """The whole slice in the middle of the view."""
        if self._plane:
            self._show(Viewport.fit(self._plane, self.width(), self.height()))
        else:
            self.schedule_render()

    def _show(self, viewport: Viewport) -> None:
        self._viewport = viewport
        self.schedule_render()
        self.viewport_changed.emit()

    # Drawing

    def refresh(self) -> None:
        """Bring image, uncertainty, segments and outlines up to date."""
        self._scene.refresh(self._viewport, self.devicePixelRatioF())

    def annotate(self, painter: QPainter) -> None:
        """Draw crosshair, prompts and text."""
        sheet = self.sheet
        if sheet and self.document and self.view:
            write(painter, self.document, self.view, sheet, self._notes, self._prompts(), self._scene.heat_top)

    def _prompts(self) -> tuple[Prompt, ...]:
        if not self.document or not self.view:
            return ()
        segment = self.document.segmentation.segments.get(self.view.active)
        return self.document.prompts(segment.label) if segment and segment.visible else ()

    # Facts that change the picture

    def _wiring(self) -> list[tuple[Any, Callable[..., None]]]:
        """Signals of the case and what to do at each; `Any` because each carries arguments of its own."""
        if self.document is None or self.view is None:
            return []
        return [
            (self.document.labels_changed, self._on_labels_changed),
            (self.document.segments_changed, self.schedule_render),
            (self.document.prompts_changed, self._on_prompts_changed),
            (self.view.crosshair_changed, self._on_crosshair_changed),
            (self.view.window_changed, self.schedule_render),
            (self.view.display_changed, self.schedule_render),
            (self.view.active_changed, self.schedule_render),
        ]

    def _on_labels_changed(self, region: Region) -> None:
        if self._scene.labels_changed(region):
            self.schedule_render()

    def _on_prompts_changed(self, label: int) -> None:
        if self.view and label == self.view.active:
            self.schedule_paint()

    def _on_crosshair_changed(self) -> None:
        if self.slice_index != self._drawn_slice:
            self._drawn_slice = self.slice_index
            self._hover(None)  # what was under the mouse is on another slice now
            self.schedule_render()
        else:
            self.schedule_paint()

    # Mouse, handed to the tool

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802  # Qt's name
        """Tell the tool."""
        if self.mouse:
            self.mouse.press(self, event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802  # Qt's name
        """Note the voxel under the mouse and tell the tool."""
        self._hover(self.index_at(event.position()))
        if self.mouse:
            self.mouse.move(self, event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:  # noqa: N802  # Qt's name
        """Tell the tool."""
        if self.mouse:
            self.mouse.release(self, event)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:  # noqa: N802  # Qt's name
        """Tell the tool."""
        if self.mouse:
            self.mouse.double_click(self, event)

    def wheelEvent(self, event: QWheelEvent) -> None:  # noqa: N802  # Qt's name
        """Tell the tool."""
        if self.mouse:
            self.mouse.wheel(self, event)

    def leaveEvent(self, event: QEvent) -> None:  # noqa: N802  # Qt's name
        """No voxel is under the mouse any more."""
        self._hover(None)
        super().leaveEvent(event)

    def _hover(self, index: Index | None) -> None:
        if index != self._notes.hover:
            self._notes.hover = index
            self.hovered.emit(index)
            self.schedule_paint()

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802  # Qt's name
        """Keep centre and zoom."""
        super().resizeEvent(event)
        self._show(self._viewport.resized(self.width(), self.height()))
