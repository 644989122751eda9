"""Tools that say something about the active segment: point, box, scribble, lasso."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF

from app.geometry import Index, Region
from app.prompts import Box, Point, Prompt, Scribble, SliceMask
from app.render.slice_view import SliceView
from app.session import Session
from app.ui.tools.gesture import Gesture, Tool
from app.ui.tools.grabbing import grab
from app.ui.tools.outlining import DrawOutline

Add = Callable[[Prompt], None]
Choose = Callable[[Prompt], None]


class PointTool(Tool):
    """Each press is a point; one on a point takes hold of it."""

    def __init__(self, session: Session, add: Add, choose: Choose) -> None:
        self._session, self._add, self._choose = session, add, choose

    def begin(self, view: SliceView, pixel: QPointF, invert: bool) -> Gesture | None:
        held = grab(self._session, view, pixel, self._choose, (Point,))
        if held:
            return held
        index = view.index_at(pixel)
        if index is not None:
            self._session.view.crosshair = index
            self._add(Point(index, self._session.view.positive != invert, view.axis))
        return None


class BoxTool(Tool):
    """A drag from corner to corner is a box on one slice; on the border of a box it changes that one."""

    def __init__(self, session: Session, add: Add, choose: Choose) -> None:
        self._session, self._add, self._choose = session, add, choose

    def begin(self, view: SliceView, pixel: QPointF, invert: bool) -> Gesture | None:
        held = grab(self._session, view, pixel, self._choose, (Box,))
        corner = view.clamped_index_at(pixel)
        return held or (_DragBox(corner, self._add) if corner else None)


class _DragBox(Gesture):
    def __init__(self, corner: Index, add: Add) -> None:
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


class ScribbleTool(Tool):
    """A drag is a stroke of voxels."""

    def __init__(self, session: Session, add: Add) -> None:
        self._session, self._add = session, add

    def begin(self, view: SliceView, pixel: QPointF, invert: bool) -> Gesture | None:
        index = view.index_at(pixel)
        return _DragScribble(index, self._session.view.positive != invert, self._add) if index else None


class _DragScribble(Gesture):
    def __init__(self, start: Index, positive: bool, add: Add) -> None:
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


class LassoTool(Tool):
    """An outline is the segment on this slice; one that excludes is cut out of what the segment is there.

    Outlines on one slice add up to one prompt, since a slice has one outline.
    """

    def __init__(self, session: Session, add: Add) -> None:
        self._session, self._add = session, add

    def begin(self, view: SliceView, pixel: QPointF, invert: bool) -> Gesture | None:
        case, positive = self._session.case, self._session.view.positive != invert

        def done(axis: int, index: int, mask: NDArray[np.bool_]) -> None:
            self._add(SliceMask(axis, index, self._combined(axis, index, mask, positive)))

        return DrawOutline(view, pixel, case.volume.shape, done)

    def _combined(self, axis: int, index: int, mask: NDArray[np.bool_], positive: bool) -> NDArray[np.bool_]:
        case, label = self._session.case, self._session.view.active
        if label not in case.segmentation.segments:
            return mask if positive else np.zeros_like(mask)
        if positive:
            drawn = (
                p.mask for p in case.prompts(label) if isinstance(p, SliceMask) and (p.axis, p.index) == (axis, index)
            )
            return np.asarray(np.logical_or.reduce([mask, *drawn]))
        here = case.segmentation.mask(label, Region.plane(case.volume.shape, axis, index)).squeeze(axis)
        return np.asarray(here & ~mask)


def line(start: Index, stop: Index) -> list[Index]:
    """The voxels after `start` on the straight way to `stop`, none left out."""
    steps = max(abs(b - a) for a, b in zip(start, stop, strict=True))
    points = np.rint(np.linspace(start, stop, steps + 1)[1:]).astype(int)
    return [(k, j, i) for k, j, i in points.tolist()]
