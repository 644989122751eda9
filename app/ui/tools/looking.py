"""Tools and gestures that change what is seen and nothing else: crosshair, window and level, pan, zoom."""

from __future__ import annotations

from collections.abc import Callable
from math import exp

from PySide6.QtCore import QPointF

from app.prompts import Prompt
from app.render.slice_view import SliceView
from app.session import Session
from app.ui.tools.gesture import Gesture, Tool
from app.ui.tools.grabbing import grab
from app.view_state import Window


class Crosshair(Tool):
    """All views follow the mouse; a prompt under it is dragged instead."""

    def __init__(self, session: Session, choose: Callable[[Prompt], None]) -> None:
        self._session, self._choose = session, choose

    def begin(self, view: SliceView, pixel: QPointF, invert: bool) -> Gesture | None:
        return grab(self._session, view, pixel, self._choose) or self.follow(view, pixel)

    def follow(self, view: SliceView, pixel: QPointF) -> Gesture:
        """Look there and go on."""
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


class WindowTool(Tool):
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
