"""Tools that change voxels by hand: brush, eraser, outline. What is drawn is seen at once and is one step."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF

from app.editing.stroke import Stroke
from app.errors import BadInput
from app.geometry import Region
from app.render.slice_view import SliceView
from app.segmentation import Segment
from app.session import Session
from app.ui.tools.gesture import Gesture, Tool
from app.ui.tools.outlining import DrawOutline

Target = Callable[[], Segment]
"""The segment to draw on; makes one when there is none."""
NOTCH_FACTOR = 1.15  # by which a notch of the wheel makes the brush larger


class _Drawing(Tool):
    """What brush and outline share: whose voxels, painted or erased, and the size of the brush.

    Args:
        erase: Whether the left button erases; Ctrl and the right button do the opposite.
    """

    def __init__(self, session: Session, target: Target, erase: bool = False) -> None:
        self._session, self._target, self._erase = session, target, erase

    def begin(self, view: SliceView, pixel: QPointF, invert: bool) -> Gesture | None:
        return self._begin(view, pixel, self._erase != invert)

    def begin_right(self, view: SliceView, pixel: QPointF) -> Gesture | None:
        return self._begin(view, pixel, not self._erase)

    def turn(self, notches: int) -> bool:
        corrections = self._session.corrections
        corrections.change_brush(millimetres=corrections.brush.millimetres * NOTCH_FACTOR**notches)
        return True

    words = ("Paint", "Erase")
    """How the history calls it."""

    def _begin(self, view: SliceView, pixel: QPointF, erase: bool) -> Gesture | None:
        raise NotImplementedError

    def _segment(self, erase: bool) -> Segment:
        active = self._session.case.segmentation.segments.get(self._session.view.active)
        if erase and active is None:
            raise BadInput("There is no segment to erase from.", "Choose one in the list.")
        return active or self._target()

    def _apply(self, stroke: Stroke, segment: Segment, erase: bool) -> None:
        word = self.words[erase]
        self._session.corrections.apply(stroke.proposal(f"{word} {segment.name}"))


class BrushTool(_Drawing):
    """A disc on the slice, or a ball."""

    def _begin(self, view: SliceView, pixel: QPointF, erase: bool) -> Gesture | None:
        if view.index_at(pixel) is None:
            return None
        segment = self._segment(erase)
        stroke = self._session.corrections.begin_stroke(segment.label, erase)
        gesture = _Paint(self._session, stroke, lambda: self._apply(stroke, segment, erase))
        gesture.move(view, pixel)
        return gesture


class _Paint(Gesture):
    def __init__(self, session: Session, stroke: Stroke, apply: Callable[[], None]) -> None:
        self._corrections, self._stroke, self._apply = session.corrections, stroke, apply

    def move(self, view: SliceView, pixel: QPointF) -> None:
        index = view.clamped_index_at(pixel)
        if index is not None:
            tip = self._corrections.brush.tip(view.axis)
            self._corrections.show(self._stroke, self._stroke.to(index, tip))

    def finish(self, view: SliceView) -> None:
        self._corrections.show(None, self._stroke.region)
        self._apply()

    def cancel(self, view: SliceView) -> None:
        self._corrections.show(None, self._stroke.region)


class OutlineTool(_Drawing):
    """Fills what is outlined on the slice, or cuts it out; with a ball as brush, cuts through all slices."""

    words = ("Outline on", "Cut out of")

    def _begin(self, view: SliceView, pixel: QPointF, erase: bool) -> Gesture | None:
        case = self._session.case
        segment = self._segment(erase)
        self._session.corrections.begin_stroke(segment.label, erase)  # refuses what is locked before the drawing

        def done(axis: int, index: int, mask: NDArray[np.bool_]) -> None:
            stroke = self._session.corrections.begin_stroke(segment.label, erase)
            region = Region.plane(case.volume.shape, axis, index)
            bounds = case.segmentation.bounds(segment.label)
            if erase and bounds and self._session.corrections.brush.ball:
                region = _through(region, bounds, axis)
            box = Region.around(np.expand_dims(mask, axis))
            if box is not None:
                _cover(stroke, region, mask, axis)
            self._apply(stroke, segment, erase)

        return DrawOutline(view, pixel, case.volume.shape, done)


def _through(plane: Region, bounds: Region, axis: int) -> Region:
    """A slice made as thick as the segment."""
    start, stop = list(plane.start), list(plane.stop)
    start[axis], stop[axis] = bounds.start[axis], bounds.stop[axis]
    return Region((start[0], start[1], start[2]), (stop[0], stop[1], stop[2]))


def _cover(stroke: Stroke, region: Region, mask: NDArray[np.bool_], axis: int) -> None:
    """The outline on every slice of a region, cut to its box."""
    thick = np.broadcast_to(np.expand_dims(mask, axis), region.shape)
    box = Region.around(thick)
    if box is not None:
        stroke.cover(box.placed(region.start), thick[box.slices])
