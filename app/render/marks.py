"""Prompts over a slice: points, boxes, scribbles, slice masks, the suggested click; drawn, and found by the mouse."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QLineF, QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPainterPath, QPen

from app.geometry import Index
from app.prompts import Box, Point, Prompt, Scribble, SliceMask
from app.render.outlines import outlines
from app.render.picking import SlicePlane, Viewport

INCLUDE = QColor(92, 230, 112)
EXCLUDE = QColor(255, 92, 92)
SUGGEST = QColor(255, 214, 64)
PREVIEW = QColor(120, 200, 255)

_FADE = (1.0, 0.45, 0.25)  # opacity of a mark on its slice, one slice away, two slices away
REACH = 9.0  # pixels around a mark that still count as on it


@dataclass(frozen=True, slots=True)
class Sheet:
    """One slice as it lies on the screen: what marks need to find their pixels."""

    plane: SlicePlane
    viewport: Viewport
    slice_index: int

    def pixel(self, index: tuple[float, float, float] | Index) -> QPointF:
        """Centre of a voxel position in the widget."""
        u, v = self.plane.plane(index)
        return QPointF(*self.viewport.pixel(float(u), float(v)))

    def rectangle(self, start: Index, last: Index) -> QRectF:
        """Around the voxels from `start` to `last`, both inside, as the slice cuts them."""
        low = self.pixel((start[0] - 0.5, start[1] - 0.5, start[2] - 0.5))
        high = self.pixel((last[0] + 0.5, last[1] + 0.5, last[2] + 0.5))
        return QRectF(low, high).normalized()

    def distance(self, prompt: Prompt) -> int:
        """Slices between this one and the prompt, 0 when the slice cuts it."""
        if isinstance(prompt, Point):  # most of them, and there may be thousands
            return abs(prompt.index[self.plane.axis] - self.slice_index)
        region = prompt.region()
        start, stop = region.start[self.plane.axis], region.stop[self.plane.axis]
        return max(start - self.slice_index, self.slice_index - stop + 1, 0)


def draw(painter: QPainter, sheet: Sheet, prompt: Prompt, chosen: bool = False) -> None:
    """One prompt on its slice, faded on the two slices around it, nothing further away."""
    distance = sheet.distance(prompt)
    if distance >= len(_FADE):
        return
    painter.save()
    painter.setOpacity(_FADE[distance])
    match prompt:
        case Point():
            _draw_point(painter, sheet.pixel(prompt.index), prompt.positive, 9.0 if chosen else 6.0)
        case Box():
            _stroke(painter, _box_path(sheet, prompt), INCLUDE, 2.5 if chosen else 1.5)
        case Scribble():
            path = _scribble_path(sheet, prompt, distance)
            _stroke(painter, path, INCLUDE if prompt.positive else EXCLUDE, 5.0 if chosen else 3.0)
        case SliceMask():
            _stroke(painter, _mask_path(sheet, prompt), INCLUDE, 2.5 if chosen else 1.5, Qt.PenStyle.DashLine)
    painter.restore()


def draw_preview(painter: QPainter, sheet: Sheet, prompt: Prompt) -> None:
    """A prompt that is being drawn with the mouse."""
    if sheet.distance(prompt):
        return
    match prompt:
        case Box():
            path = _box_path(sheet, prompt)
            painter.fillPath(path, QColor(PREVIEW.red(), PREVIEW.green(), PREVIEW.blue(), 40))
            _stroke(painter, path, PREVIEW, 1.5, Qt.PenStyle.DashLine)
        case Scribble():
            _stroke(painter, _scribble_path(sheet, prompt, 0), INCLUDE if prompt.positive else EXCLUDE, 3.0)
        case _:
            draw(painter, sheet, prompt)


def draw_outline(painter: QPainter, sheet: Sheet, corners: tuple[tuple[float, float, float], ...]) -> None:
    """A polygon on its way: its corners (k, j, i) joined, and dashed from the last one back to the first."""
    path, back = QPainterPath(), QPainterPath()
    for number, corner in enumerate(corners):
        (path.lineTo if number else path.moveTo)(sheet.pixel(corner))
    back.moveTo(sheet.pixel(corners[-1]))
    back.lineTo(sheet.pixel(corners[0]))
    _stroke(painter, path, PREVIEW, 1.5)
    _stroke(painter, back, PREVIEW, 1.0, Qt.PenStyle.DashLine)


def draw_tip(painter: QPainter, sheet: Sheet, index: Index, millimetres: float) -> None:
    """The circle that a brush covers around the voxel under the mouse."""
    path, radius = QPainterPath(), max(2.0, millimetres * sheet.viewport.scale)
    path.addEllipse(sheet.pixel(index), radius, radius)
    _stroke(painter, path, PREVIEW, 1.2)


def draw_suggestion(painter: QPainter, sheet: Sheet, index: Index) -> None:
    """A ring with a cross hair around the voxel where the next click helps most, faded on slices around it."""
    distance = abs(index[sheet.plane.axis] - sheet.slice_index)
    if distance >= len(_FADE):
        return
    painter.save()
    painter.setOpacity(_FADE[distance])
    centre, path = sheet.pixel(index), QPainterPath()
    path.addEllipse(centre, 10, 10)
    for dx, dy in ((1, 0), (-1, 0), (0, 1), (0, -1)):
        path.moveTo(centre + QPointF(14 * dx, 14 * dy))
        path.lineTo(centre + QPointF(6 * dx, 6 * dy))
    _stroke(painter, path, SUGGEST, 2.0)
    painter.restore()


def found(sheet: Sheet, prompts: tuple[Prompt, ...], pixel: QPointF, reach: float = REACH) -> Prompt | None:
    """The prompt on this slice under a pixel, the newest first; None when there is none."""
    for prompt in reversed(prompts):
        if sheet.distance(prompt) == 0 and _reach(sheet, prompt, pixel) <= reach:
            return prompt
    return None


def _reach(sheet: Sheet, prompt: Prompt, pixel: QPointF) -> float:
    match prompt:
        case Point():
            return QLineF(sheet.pixel(prompt.index), pixel).length()
        case Scribble():
            here = [i for i in prompt.indices if i[sheet.plane.axis] == sheet.slice_index]
            return min((QLineF(sheet.pixel(index), pixel).length() for index in here), default=np.inf)
        case Box():
            box = sheet.rectangle(prompt.start, prompt.stop)
            dx = max(box.left() - pixel.x(), pixel.x() - box.right())
            dy = max(box.top() - pixel.y(), pixel.y() - box.bottom())
            return abs(max(dx, dy)) if max(dx, dy) <= 0 else float(np.hypot(max(dx, 0), max(dy, 0)))
        case SliceMask():
            return _to_outline(sheet, prompt, pixel)


def _to_outline(sheet: Sheet, prompt: SliceMask, pixel: QPointF) -> float:
    """Pixels to the nearest corner of a slice mask's outline."""
    path = _mask_path(sheet, prompt)
    places = (path.elementAt(number) for number in range(path.elementCount()))
    return min((QLineF(QPointF(place.x, place.y), pixel).length() for place in places), default=np.inf)


def _draw_point(painter: QPainter, centre: QPointF, positive: bool, radius: float) -> None:
    painter.setPen(QPen(QColor(0, 0, 0, 200), 1.0))
    painter.setBrush(INCLUDE if positive else EXCLUDE)
    painter.drawEllipse(centre, radius, radius)
    arm = radius * 0.6
    painter.setPen(QPen(QColor(0, 0, 0), max(1.6, radius * 0.28)))
    painter.drawLine(QLineF(centre.x() - arm, centre.y(), centre.x() + arm, centre.y()))
    if positive:
        painter.drawLine(QLineF(centre.x(), centre.y() - arm, centre.x(), centre.y() + arm))


def _stroke(
    painter: QPainter, path: QPainterPath, colour: QColor, width: float, style: Qt.PenStyle = Qt.PenStyle.SolidLine
) -> None:
    painter.setBrush(Qt.BrushStyle.NoBrush)
    cap, join = Qt.PenCapStyle.RoundCap, Qt.PenJoinStyle.RoundJoin
    painter.strokePath(path, QPen(QColor(0, 0, 0, 150), width + 1.5, Qt.PenStyle.SolidLine, cap, join))
    painter.strokePath(path, QPen(colour, width, style, cap, join))


def _box_path(sheet: Sheet, box: Box) -> QPainterPath:
    path = QPainterPath()
    path.addRect(sheet.rectangle(box.start, box.stop))
    return path


def _scribble_path(sheet: Sheet, scribble: Scribble, distance: int) -> QPainterPath:
    """Lines between neighbouring voxels of the stroke that are on the nearest slice it reaches; dots for lone ones."""
    path, previous = QPainterPath(), None
    for index in scribble.indices:
        if abs(index[sheet.plane.axis] - sheet.slice_index) != distance:
            previous = None
            continue
        pixel = sheet.pixel(index)
        if previous is None:
            path.moveTo(pixel)
            path.lineTo(pixel + QPointF(0.01, 0))
        else:
            path.lineTo(pixel)
        previous = index
    return path


def _mask_path(sheet: Sheet, prompt: SliceMask) -> QPainterPath:
    path = QPainterPath()
    if prompt.axis != sheet.plane.axis:
        return path
    lines, _ = outlines(prompt.mask.astype(np.uint8))
    rows, columns = (axis for axis in range(3) if axis != prompt.axis)
    ends = np.full((*lines.shape[:2], 3), float(prompt.index))
    ends[..., columns], ends[..., rows] = lines[..., 0], lines[..., 1]
    for start, stop in ends.tolist():
        path.moveTo(sheet.pixel(tuple(start)))
        path.lineTo(sheet.pixel(tuple(stop)))
    return path
