"""Rulers and angles over a slice: drawn with their values, and found by the mouse."""

from __future__ import annotations

from collections.abc import Iterable

from PySide6.QtCore import QLineF, QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen

from app.geometry import Geometry
from app.render.lettering import draw_text
from app.render.marks import Sheet
from app.rulers import Ruler

COLOUR = QColor(255, 214, 102)
_REACH = 9.0  # pixels around an end that still count as on it
_SHADOW = QColor(0, 0, 0, 170)


def draw(painter: QPainter, sheet: Sheet, rulers: Iterable[Ruler], geometry: Geometry) -> None:
    """Those of this slice."""
    for ruler in rulers:
        if _is_here(sheet, ruler):
            pixels = [sheet.pixel(point) for point in ruler.points]
            for pen in (QPen(_SHADOW, 3.5), QPen(COLOUR, 1.6)):
                painter.setPen(pen)
                painter.drawPolyline(pixels)
                for pixel in pixels:
                    painter.drawEllipse(pixel, 3.0, 3.0)
            at = pixels[1] if ruler.is_angle else (pixels[0] + pixels[1]) / 2
            area = QRectF(at + QPointF(8, -24), at + QPointF(208, -4))
            draw_text(
                painter, area, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, ruler.text(geometry), COLOUR
            )


def found(sheet: Sheet, rulers: tuple[Ruler, ...], pixel: QPointF) -> tuple[Ruler, int] | None:
    """The ruler of this slice with an end under a pixel, the newest first, and which of its points it is."""
    for ruler in reversed(rulers):
        if _is_here(sheet, ruler):
            for number, point in enumerate(ruler.points):
                if QLineF(sheet.pixel(point), pixel).length() <= _REACH:
                    return ruler, number
    return None


def _is_here(sheet: Sheet, ruler: Ruler) -> bool:
    return ruler.axis == sheet.plane.axis and ruler.slice_index == sheet.slice_index
