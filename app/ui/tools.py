"""The mouse in slice views: one small class per grammar, and `Mouse`, which gives each press to the right one.

A tool turns a press into a `Gesture`, which lives until the button is released. Wheel, zoom, pan, double click and
Shift+move mean the same with every tool.
"""

from __future__ import annotations

from collections.abc import Callable
from math import exp
from typing import Protocol

import numpy as np
from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QMouseEvent, QWheelEvent

from app.errors import AppError
from app.geometry import Index
from app.prompts import Box, Point, Prompt, Scribble
from app.render.slice_view import SliceView
from app.session import Session
from app.view_state import Window

LEFT, MIDDLE, RIGHT = Qt.MouseButton.LeftButton, Qt.MouseButton.MiddleButton, Qt.MouseButton.RightButton
CTRL, SHIFT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier
NOTCH = 120  # Qt's angle of one click of a mouse wheel, in eighths of a degree


class Gesture:
    """What happens between press and release. Pixels are those of the view where it began."""

    def move(self, view: SliceView, pixel: QPointF) -> None:
        """The mouse moved."""

    def finish(self, view: SliceView) -> None:
        """The button was released."""

    def cancel(self, view: SliceView) -> None:
        """Given up with Esc, or by another case."""
        view.set_preview(None)


class Tool(Protocol):
    """Begins gestures with the left button."""

    def begin(self, view: SliceView, pixel: QPointF, invert: bool) -> Gesture | None:
        """A press at a pixel; `invert` (Ctrl) turns include into exclude."""


class Crosshair:
    """All views follow the mouse."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def begin(self, view: SliceView, pixel: QPointF, invert: bool) -> Gesture | None:
        gesture = _MoveCrosshair(self._session)
        gesture.move(view, pixel)
        return gesture


class _MoveCrosshair(Gesture):
    def __init__(self, session: Session) -> None:
        self._session = session

    def move(self, view: SliceView, pixel: QPointF) -> None:
        index = view.clamped_index_at(pixel)
        if index is not None:
            self._session.view.crosshair = index


class PointTool:
    """Each press is a point."""

    def __init__(self, session: Session, add: Callable[[Prompt], None]) -> None:
        self._session, self._add = session, add

    def begin(self, view: SliceView, pixel: QPointF, invert: bool) -> Gesture | None:
        index = view.index_at(pixel)
        if index is not None:
            self._session.view.crosshair = index
            self._add(Point(index, self._session.view.positive != invert, view.axis))
        return None


class BoxTool:
    """A drag from corner to corner is a box on one slice."""

    def __init__(self, add: Callable[[Prompt], None]) -> None:
        self._add = add

    def begin(self, view: SliceView, pixel: QPointF, invert: bool) -> Gesture | None:
        corner = view.clamped_index_at(pixel)
        return _DragBox(corner, self._add) if corner else None


class _DragBox(Gesture):
    def __init__(self, corner: Index, add: Callable[[Prompt], None]) -> None:
        self._box, self._corner, self._add = Box(corner, corner), corner, add

    def move(self, view: SliceView, pixel: QPointF) -> None:
        corner = view.clamped_index_at(pixel)
        if corner:
            self._box = Box(self._corner, corner)
            view.set_preview(self._box)

    def finish(self, view: SliceView) -> None:
        view.set_preview(None)
        if sum(n > 1 for n in self._box.region().shape) == 2:  # a click without a drag is no box
            self._add(self._box)


class ScribbleTool:
    """A drag is a stroke of voxels."""

    def __init__(self, session: Session, add: Callable[[Prompt], None]) -> None:
        self._session, self._add = session, add

    def begin(self, view: SliceView, pixel: QPointF, invert: bool) -> Gesture | None:
        index = view.index_at(pixel)
        return _DragScribble(index, self._session.view.positive != invert, self._add) if index else None


class _DragScribble(Gesture):
    def __init__(self, start: Index, positive: bool, add: Callable[[Prompt], None]) -> None:
        self._indices, self._positive, self._add = [start], positive, add

    def move(self, view: SliceView, pixel: QPointF) -> None:
        index = view.clamped_index_at(pixel)
        if index and index != self._indices[-1]:
            self._indices += line(self._indices[-1], index)
            view.set_preview(self._scribble)

    def finish(self, view: SliceView) -> None:
        view.set_preview(None)
        self._add(self._scribble)

    @property
    def _scribble(self) -> Scribble:
        return Scribble(self._indices, self._positive)


class WindowTool:
    """Right is more contrast range, up is darker, as on a reading station."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def begin(self, view: SliceView, pixel: QPointF, invert: bool) -> Gesture | None:
        return _DragWindow(self._session, pixel)


class _DragWindow(Gesture):
    PIXELS = 250.0  # a drag this long to the right makes the window e times as wide; up, moves it by its width

    def __init__(self, session: Session, pixel: QPointF) -> None:
        self._session, self._start, self._window = session, pixel, session.view.window

    def move(self, view: SliceView, pixel: QPointF) -> None:
        delta = (pixel - self._start) / self.PIXELS
        width = self._window.width * exp(delta.x())
        self._session.view.window = Window.of(self._window.level - self._window.width * delta.y(), width)

    def cancel(self, view: SliceView) -> None:
        self._session.view.window = self._window


class Pan(Gesture):
    """The picture follows the mouse."""

    def __init__(self, pixel: QPointF) -> None:
        self._last = pixel

    def move(self, view: SliceView, pixel: QPointF) -> None:
        view.pan_by(pixel - self._last)
        self._last = pixel


class Zoom(Gesture):
    """Up is closer, around the place of the press."""

    PIXELS = 150.0

    def __init__(self, pixel: QPointF) -> None:
        self._at = self._last = pixel

    def move(self, view: SliceView, pixel: QPointF) -> None:
        view.zoom_by(exp((self._last.y() - pixel.y()) / self.PIXELS), self._at)
        self._last = pixel


class Mouse:
    """The handler of every slice view (`app.render.slice_view.MouseHandler`).

    Args:
        add: Takes a finished prompt.
        maximise: Shows one view alone, or all again.
        work_in: Told of the view where a button or the wheel was used.
        report: Tells the user of an error.
    """

    def __init__(
        self,
        session: Session,
        add: Callable[[Prompt], None],
        maximise: Callable[[SliceView], None],
        work_in: Callable[[SliceView], None],
        report: Callable[[AppError], None],
    ) -> None:
        self._session, self._maximise, self._work_in, self._report = session, maximise, work_in, report
        crosshair = Crosshair(session)
        self.tools: dict[str, Tool] = {
            "crosshair": crosshair,
            "point": PointTool(session, add),
            "box": BoxTool(add),
            "scribble": ScribbleTool(session, add),
            "window": WindowTool(session),
        }
        self._crosshair = crosshair
        self._gesture: tuple[Gesture, SliceView, Qt.MouseButton] | None = None
        self._turned = 0
        self.space_held = False

    def press(self, view: SliceView, event: QMouseEvent) -> None:
        """Begin what the button means; further buttons do nothing until it is released."""
        if self._gesture or view.document is None:
            return
        self._work_in(view)
        try:
            gesture = self._begin(view, event)
        except AppError as error:
            self._report(error)
            return
        if gesture:
            self._gesture = gesture, view, event.button()

    def move(self, view: SliceView, event: QMouseEvent) -> None:
        """Go on; with Shift and no button, all views follow."""
        if self._gesture:
            gesture, start, button = self._gesture
            if event.buttons() & button:
                gesture.move(start, event.position())
            else:
                self.cancel()  # the release went to another window
        elif event.modifiers() & SHIFT and not event.buttons():
            self._crosshair.begin(view, event.position(), invert=False)

    def release(self, view: SliceView, event: QMouseEvent) -> None:
        """End it."""
        if self._gesture and event.button() == self._gesture[2]:
            gesture, start, _ = self._gesture
            self._gesture = None
            try:
                gesture.finish(start)
            except AppError as error:
                self._report(error)

    def wheel(self, view: SliceView, event: QWheelEvent) -> None:
        """Next slice for every notch, or closer with Ctrl; small steps of a touch pad are summed."""
        self._work_in(view)
        angle = event.angleDelta().y() or event.angleDelta().x()
        if event.modifiers() & CTRL:
            view.zoom_by(1.15 ** (angle / NOTCH), event.position())
            return
        self._turned += angle
        notches = int(self._turned / NOTCH)
        if notches:
            self._turned -= notches * NOTCH
            step_slice(self._session, view, notches * (5 if event.modifiers() & SHIFT else 1))

    def double_click(self, view: SliceView, event: QMouseEvent) -> None:
        """Maximise, but a second quick point is a point."""
        if event.button() == LEFT and self._session.view.tool in ("crosshair", "window"):
            self.cancel()
            self._maximise(view)
        else:
            self.press(view, event)

    def cancel(self) -> bool:
        """Give up what is under way; whether there was anything."""
        if self._gesture is None:
            return False
        gesture, view, _ = self._gesture
        self._gesture = None
        gesture.cancel(view)
        return True

    def _begin(self, view: SliceView, event: QMouseEvent) -> Gesture | None:
        pixel, button, keys = event.position(), event.button(), event.modifiers()
        if button == MIDDLE or (button == LEFT and (keys & SHIFT or self.space_held)):
            return Pan(pixel)
        if button == RIGHT:
            return Zoom(pixel)
        if button == LEFT:
            return self.tools[self._session.view.tool].begin(view, pixel, invert=bool(keys & CTRL))
        return None


def step_slice(session: Session, view: SliceView, steps: int) -> None:
    """Go `steps` slices towards the head, the front or the right, as far as there are any."""
    if session.document is None:
        return
    geometry = session.document.volume.geometry
    index = list(session.view.crosshair)
    index[view.axis] += steps if geometry.grows(view.axis) else -steps
    index[view.axis] = min(max(index[view.axis], 0), geometry.shape[view.axis] - 1)
    k, j, i = index
    session.view.crosshair = k, j, i


def line(start: Index, stop: Index) -> list[Index]:
    """The voxels after `start` on the straight way to `stop`, none left out."""
    steps = max(abs(b - a) for a, b in zip(start, stop, strict=True))
    points = np.rint(np.linspace(start, stop, steps + 1)[1:]).astype(int)
    return [(k, j, i) for k, j, i in points.tolist()]
