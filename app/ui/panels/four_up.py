"""`FourUp`: axial, coronal, sagittal and 3D; all of them or one alone."""

from __future__ import annotations

from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import QGridLayout, QWidget

from app.document import Document
from app.engine.protocol import Estimated
from app.geometry import Index
from app.helper_process import Apart
from app.render.slice_view import SliceView
from app.ui.panels.view_frame import SliceFrame, ViewFrame, VolumeFrame
from app.ui.tools import Mouse
from app.view_state import ViewState

WARM_MS = 60  # between the starts of two views
WARM_SIZE = (18, 14)  # pixels; no powers of two, as views are none: Mesa compiles anew for those

PLACES = ((0, 0), (1, 0), (0, 1), (1, 1))
"""Row and column of axial, coronal, sagittal and 3D."""

_CURSORS = {
    "crosshair": Qt.CursorShape.ArrowCursor,
    "point": Qt.CursorShape.CrossCursor,
    "box": Qt.CursorShape.CrossCursor,
    "scribble": Qt.CursorShape.CrossCursor,
    "lasso": Qt.CursorShape.CrossCursor,
    "brush": Qt.CursorShape.CrossCursor,
    "eraser": Qt.CursorShape.CrossCursor,
    "outline": Qt.CursorShape.CrossCursor,
    "window": Qt.CursorShape.SizeAllCursor,
    "ruler": Qt.CursorShape.CrossCursor,
    "angle": Qt.CursorShape.CrossCursor,
}


class FourUp(QWidget):
    """Keys mean `hovered`, the slice view under the mouse; propagation means `worked`, the one last worked in.

    They differ: on its way to the tool bar the mouse crosses other views.
    """

    def __init__(self, state: ViewState, mouse: Mouse, apart: Apart) -> None:
        super().__init__()
        self._state = state
        titles = (self.tr("Axial"), 2), (self.tr("Coronal"), 1), (self.tr("Sagittal"), 0)
        self.slices = tuple(SliceFrame(title, world_axis, state, mouse) for title, world_axis in titles)
        self.volume = VolumeFrame(self.tr("3D"), state, apart)
        self.frames: tuple[ViewFrame, ...] = (*self.slices, self.volume)
        self.hovered = self.worked = self.slices[0]
        self._alone: ViewFrame | None = None
        self._last: ViewFrame = self.slices[0]
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(2, 2, 2, 2)
        self._grid.setSpacing(4)
        for frame, (row, column) in zip(self.frames, PLACES, strict=True):
            self._grid.addWidget(frame, row, column)
            frame.maximise_wanted.connect(self._on_maximise_wanted)
            frame.entered.connect(self._on_entered)
        self._stretch()
        state.tool_changed.connect(self._on_tool_changed)

    def set_case(self, document: Document | None) -> None:
        """Show a case in all views, or nothing."""
        for frame in self.slices:
            frame.set_case(document)
        self.volume.set_case(document)
        self.set_suggestion(None)
        self._on_tool_changed()

    def warm_up(self) -> None:
        """Start OpenGL for one view after the other while nobody waits: all four at the first picture took 0.6 s."""
        for number, frame in enumerate(self.frames):
            canvas = frame.canvas
            QTimer.singleShot(WARM_MS * (number + 1), frame, lambda canvas=canvas: canvas.render(*WARM_SIZE))

    def set_estimate(self, estimate: Estimated | None) -> None:
        """The uncertainty that slice views show while it is switched on."""
        for frame in self.slices:
            frame.show_estimate(estimate)

    def set_suggestion(self, index: Index | None) -> None:
        """Mark where the next click helps most."""
        for frame in self.slices:
            frame.view.set_suggestion(index)

    def show_confidences(self, document: Document, label: int) -> None:
        """The ribbons of a segment."""
        for frame in self.slices:
            frame.show_confidences(document, label)

    def fit(self) -> None:
        """Everything in view, in all views."""
        for frame in self.slices:
            frame.view.fit()
        self.volume.view.reset_view()

    def work_in(self, view: SliceView) -> None:
        """Note that a button or the wheel was used in a view."""
        self.worked = self._frame_of(view)
        for frame in self.slices:
            frame.show_worked(frame is self.worked)

    def maximise(self, view: SliceView) -> None:
        """The frame of this view alone, or all four again."""
        self._toggle(self._frame_of(view))

    def toggle_maximised(self) -> None:
        """The frame last under the mouse alone, or all four again."""
        self._toggle(self._last)

    @property
    def alone(self) -> ViewFrame | None:
        """The frame that is shown alone."""
        return self._alone

    def _toggle(self, frame: ViewFrame) -> None:
        self._alone = None if self._alone else frame
        for each in self.frames:
            each.setVisible(self._alone in (None, each))
            each.show_maximised(alone=self._alone is not None)
        self._stretch()

    def _stretch(self) -> None:
        """Rows and columns share the space, but an empty one gets none."""
        for frame, (row, column) in zip(self.frames, PLACES, strict=True):
            if self._alone in (None, frame):
                for number in (0, 1):
                    self._grid.setRowStretch(number, int(self._alone is None or number == row))
                    self._grid.setColumnStretch(number, int(self._alone is None or number == column))

    def _frame_of(self, view: SliceView) -> SliceFrame:
        return next(frame for frame in self.slices if frame.view is view)

    def _on_maximise_wanted(self) -> None:
        frame = self.sender()
        if isinstance(frame, ViewFrame):
            self._toggle(frame)

    def _on_entered(self) -> None:
        frame = self.sender()
        if isinstance(frame, ViewFrame):
            self._last = frame
        if isinstance(frame, SliceFrame):
            self.hovered = frame

    def _on_tool_changed(self) -> None:
        for frame in self.slices:
            frame.view.setCursor(_CURSORS[self._state.tool])
