"""`grab`: a prompt under the mouse is dragged: points, scribbles and lassos move, boxes by edges and corners."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QLineF, QPointF

from app.geometry import Index
from app.prompts import Box, Prompt, moved
from app.render.slice_view import PROMPTS, SliceView
from app.session import Session
from app.ui.tools.gesture import Gesture

STILL = 4.0  # pixels that a click may tremble before it is a drag
_NEAR = 9.0  # pixels around an edge of a box that take hold of it


def grab(
    session: Session,
    view: SliceView,
    pixel: QPointF,
    choose: Callable[[Prompt], None],
    kinds: tuple[type, ...] = PROMPTS,
) -> Gesture | None:
    """The gesture that drags the active segment's prompt under the mouse; None when there is none of these kinds."""
    prompt = view.prompt_at(pixel, kinds)
    start = view.clamped_index_at(pixel)
    if prompt is None or start is None:
        return None
    return _Drag(session, view, pixel, start, prompt, choose)


class _Drag(Gesture):
    """A press without a drag chooses the prompt."""

    def __init__(
        self,
        session: Session,
        view: SliceView,
        pixel: QPointF,
        start: Index,
        prompt: Prompt,
        choose: Callable[[Prompt], None],
    ) -> None:
        self._session, self._label, self._choose = session, session.view.active, choose
        self._pixel, self._start, self._prompt = pixel, start, prompt
        self._edges = _edges(view, prompt, pixel) if isinstance(prompt, Box) else {}
        self._new: Prompt | None = None
        choose(prompt)

    def move(self, view: SliceView, pixel: QPointF) -> None:
        index = view.clamped_index_at(pixel)
        if index is None or (self._new is None and QLineF(self._pixel, pixel).length() < STILL):
            return
        if isinstance(self._prompt, Box) and self._edges:
            self._new = self._stretched(self._prompt, index)
        else:
            k, j, i = (b - a for a, b in zip(self._start, index, strict=True))
            self._new = moved(self._prompt, (k, j, i), self._session.case.volume.shape)
        view.set_preview(self._new, self._prompt)

    def finish(self, view: SliceView) -> None:
        view.set_preview(None)
        prompts = self._session.prompts(self._label)
        here = any(other is self._prompt for other in prompts)  # a late answer or an undo may have taken it away
        if here and self._new is not None and self._new != self._prompt:
            new = self._new
            self._session.set_prompts(self._label, [new if other is self._prompt else other for other in prompts])
            self._choose(new)

    def _stretched(self, box: Box, index: Index) -> Box:
        start, stop = list(box.start), list(box.stop)
        for axis, last in self._edges.items():
            (stop if last else start)[axis] = index[axis]
        return Box((start[0], start[1], start[2]), (stop[0], stop[1], stop[2]))


def _edges(view: SliceView, box: Box, pixel: QPointF) -> dict[int, bool]:
    """Array axes whose edge is under the mouse, and whether it is the one at the box's end."""
    found: dict[int, tuple[float, bool]] = {}
    at = view.position_at(pixel)
    for axis in range(3):
        if at is None or axis == view.axis:
            continue
        one = [0, 0, 0]
        one[axis] = 1
        step = QLineF(view.pixel_at((0, 0, 0)), view.pixel_at((one[0], one[1], one[2]))).length()
        for last, edge in ((False, box.start[axis] - 0.5), (True, box.stop[axis] + 0.5)):
            away = abs(at[axis] - edge) * step
            if away <= _NEAR and away < found.get(axis, (_NEAR + 1, last))[0]:
                found[axis] = away, last
    return {axis: last for axis, (_, last) in found.items()}
