"""`DrawOutline`: a closed outline on one slice, drawn by hand or set corner by corner."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QLineF, QPointF

from app.editing.brush import inside
from app.geometry import Index
from app.render.slice_view import SliceView
from app.ui.tools.gesture import Gesture

_STEP = 2.0  # pixels between two corners of a freehand line
_HOME = 9.0  # pixels around the first corner that close the outline
_DRAG = 6.0  # pixels of drawing after which a press is a freehand line and no corner

Done = Callable[[int, int, NDArray[np.bool_]], None]


class DrawOutline(Gesture):
    """A drag draws freehand and closes on release. A click sets a corner, and so does each further click, until one
    on the first corner, a double click or Enter closes it.

    Args:
        done: Gets array axis, slice and the mask over the two other axes, in array order.
    """

    def __init__(self, view: SliceView, pixel: QPointF, shape: Index, done: Done) -> None:
        self._shape, self._done, self._slice = shape, done, view.slice_index
        self._corners: list[tuple[float, float, float]] = []
        self._pixels: list[QPointF] = []
        self._held, self._drawn = True, 0.0
        self.ended = True
        self._add(view, pixel)

    def press(self, view: SliceView, pixel: QPointF) -> None:
        if view.slice_index != self._slice:
            return
        self._held, self._drawn = True, 0.0
        if len(self._corners) > 2 and QLineF(self._pixels[0], pixel).length() <= _HOME:
            self.close(view)
        else:
            self._add(view, pixel)

    def move(self, view: SliceView, pixel: QPointF) -> None:
        if view.slice_index != self._slice:
            return
        length = QLineF(self._pixels[-1], pixel).length()
        if self._held and length >= _STEP:
            self._drawn += length
            self._add(view, pixel)
        elif not self._held:
            ahead = view.position_at(pixel)
            view.set_outline((*self._corners, ahead) if ahead else tuple(self._corners))

    def finish(self, view: SliceView) -> None:
        self._held = False
        if self.ended and self._drawn < _DRAG:
            self.ended = False  # a click: corners follow
            self._corners, self._pixels = self._corners[:1], self._pixels[:1]
        elif self.ended:
            self.close(view)

    def close(self, view: SliceView) -> None:
        self.ended = True
        view.set_outline(())
        axes = [axis for axis in range(3) if axis != view.axis]
        corners, self._corners = self._corners, []
        if len(corners) > 2:
            flat = [[corner[axis] for axis in axes] for corner in corners]
            mask = inside(flat, (self._shape[axes[0]], self._shape[axes[1]]))
            if mask.any():
                self._done(view.axis, self._slice, mask)

    def cancel(self, view: SliceView) -> None:
        self.ended = True
        view.set_outline(())

    def _add(self, view: SliceView, pixel: QPointF) -> None:
        position = view.position_at(pixel)
        if position is not None:
            self._corners.append(position)
            self._pixels.append(pixel)
            view.set_outline(tuple(self._corners))
