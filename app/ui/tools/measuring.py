"""`RulerTool` and `AngleTool`: lengths and angles on a slice, kept in the view's state."""

from __future__ import annotations

from PySide6.QtCore import QLineF, QPointF

from app.render import ruler_marks
from app.render.slice_view import SliceView
from app.rulers import Position, Ruler
from app.ui.tools.gesture import Gesture, Tool
from app.view_state import ViewState

_SHORT = 4.0  # pixels: a press that moved less leaves no ruler


class RulerTool(Tool):
    """A drag from one end to the other; an end of an older one under the mouse is dragged instead."""

    def __init__(self, state: ViewState) -> None:
        self._state = state

    def begin(self, view: SliceView, pixel: QPointF, invert: bool) -> Gesture | None:
        start = view.position_at(pixel)
        return _grabbed(self._state, view, pixel) or (_Draw(self._state, view, pixel, start, 2) if start else None)


class AngleTool(Tool):
    """A drag draws the first leg, from its end to the corner; a click then ends the second leg."""

    def __init__(self, state: ViewState) -> None:
        self._state = state

    def begin(self, view: SliceView, pixel: QPointF, invert: bool) -> Gesture | None:
        start = view.position_at(pixel)
        return _grabbed(self._state, view, pixel) or (_Draw(self._state, view, pixel, start, 3) if start else None)


def _grabbed(state: ViewState, view: SliceView, pixel: QPointF) -> Gesture | None:
    hit = ruler_marks.found(view.sheet, state.rulers, pixel) if view.sheet else None
    return _MoveEnd(state, *hit) if hit else None


class _MoveEnd(Gesture):
    def __init__(self, state: ViewState, ruler: Ruler, number: int) -> None:
        self._state, self._before, self._ruler, self._number = state, ruler, ruler, number

    def move(self, view: SliceView, pixel: QPointF) -> None:
        position = view.position_at(pixel)
        if position and view.slice_index == self._ruler.slice_index:
            points = list(self._ruler.points)
            points[self._number] = position
            self._put(Ruler(tuple(points), self._ruler.axis))

    def cancel(self, view: SliceView) -> None:
        self._put(self._before)

    def _put(self, ruler: Ruler) -> None:
        self._state.rulers = tuple(ruler if one is self._ruler else one for one in self._state.rulers)
        self._ruler = ruler


class _Draw(Gesture):
    """`count` points; the last one follows the mouse."""

    def __init__(self, state: ViewState, view: SliceView, pixel: QPointF, start: Position, count: int) -> None:
        self._state, self._others, self._count = state, state.rulers, count
        self._axis, self._slice = view.axis, view.slice_index
        self._points: list[Position] = [start]
        self._last = pixel
        self.ended = True

    def press(self, view: SliceView, pixel: QPointF) -> None:
        self.move(view, pixel)

    def move(self, view: SliceView, pixel: QPointF) -> None:
        position = view.position_at(pixel)
        if position and view.slice_index == self._slice:
            self._state.rulers = (*self._others, Ruler((*self._points, position), self._axis))

    def finish(self, view: SliceView) -> None:
        newest = self._state.rulers[-1] if len(self._state.rulers) > len(self._others) else None
        sheet = view.sheet
        if newest is None or sheet is None or len(newest.points) <= len(self._points):
            self.cancel(view)
            return
        a, b = (sheet.pixel(point) for point in newest.points[-2:])
        if QLineF(a, b).length() < _SHORT:
            self.cancel(view)
            return
        self._points = list(newest.points)
        self.ended = len(self._points) == self._count

    def close(self, view: SliceView) -> None:
        self.cancel(view)

    def cancel(self, view: SliceView) -> None:
        self.ended = True
        self._state.rulers = self._others
