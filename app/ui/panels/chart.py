"""`Chart`: a few curves in a unit square, with the diagonal, drawn in the window's colours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QWidget

from app.ui import theme

_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 16, 36, 72


@dataclass(frozen=True, slots=True)
class Curve:
    """Points (x, y), both 0 to 1, with a name and a colour; `radii` of their dots in pixels."""

    name: str
    colour: str
    points: tuple[tuple[float, float], ...]
    radii: tuple[float, ...]


class Chart(QWidget):
    """A square from 0 to 100 % both ways."""

    def __init__(self, title: str, across: str, up: str, diagonal: str, curves: Sequence[Curve]) -> None:
        super().__init__()
        self._title, self._across, self._up, self._diagonal = title, across, up, diagonal
        self.curves = tuple(curves)
        self.setMinimumSize(300, 300)
        self.setAccessibleName(title)

    def sizeHint(self) -> QSize:  # noqa: N802  # Qt's name
        return QSize(360, 360)

    def place(self, x: float, y: float) -> QPointF:
        """Where a value lies in the widget."""
        area = self._area()
        return QPointF(area.left() + x * area.width(), area.bottom() - y * area.height())

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802  # Qt's name
        """Title, axes, diagonal, curves, legend."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        self._draw_axes(painter)
        for curve in self.curves:
            self._draw(painter, curve)
        self._draw_legend(painter)
        painter.end()

    def _area(self) -> QRectF:
        side = min(self.width() - _LEFT - _RIGHT, self.height() - _TOP - _BOTTOM)
        return QRectF(_LEFT, _TOP, max(1, side), max(1, side))

    def _draw_axes(self, painter: QPainter) -> None:
        area = self._area()
        painter.fillRect(area, QColor(theme.BASE))
        painter.setPen(QColor(theme.TEXT))
        painter.drawText(QRectF(area.left(), 6, area.width(), 24), Qt.AlignmentFlag.AlignVCenter, self._title)
        for part in (0.0, 0.25, 0.5, 0.75, 1.0):
            painter.setPen(QPen(QColor(theme.TRACK), 1))
            painter.drawLine(self.place(part, 0), self.place(part, 1))
            painter.drawLine(self.place(0, part), self.place(1, part))
            painter.setPen(QColor(theme.DIM))
            low, left = self.place(part, 0), self.place(0, part)
            painter.drawText(QRectF(low.x() - 24, low.y() + 4, 48, 16), Qt.AlignmentFlag.AlignHCenter, f"{part:.0%}")
            flags = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
            painter.drawText(QRectF(left.x() - 46, left.y() - 8, 40, 16), flags, f"{part:.0%}")
        below = QRectF(area.left(), area.bottom() + 22, area.width(), 20)
        painter.drawText(below, Qt.AlignmentFlag.AlignHCenter, self._across)
        painter.save()
        painter.translate(10, area.center().y())
        painter.rotate(-90)
        painter.drawText(QRectF(-area.height() / 2, -9, area.height(), 18), Qt.AlignmentFlag.AlignCenter, self._up)
        painter.restore()
        painter.setPen(QPen(QColor(theme.DIM), 1, Qt.PenStyle.DashLine))
        painter.drawLine(self.place(0, 0), self.place(1, 1))

    def _draw(self, painter: QPainter, curve: Curve) -> None:
        colour = QColor(curve.colour)
        painter.setPen(QPen(colour, 2))
        places = [self.place(x, y) for x, y in curve.points]
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawPolyline(places)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colour)
        for place, radius in zip(places, curve.radii, strict=True):
            painter.drawEllipse(place, radius, radius)

    def _draw_legend(self, painter: QPainter) -> None:
        """In a row below: anywhere else a curve may pass."""
        area, metrics = self._area(), painter.fontMetrics()
        x, y = area.left(), area.bottom() + 56
        for name, colour in (*((curve.name, curve.colour) for curve in self.curves), (self._diagonal, theme.DIM)):
            painter.setPen(QPen(QColor(colour), 2))
            painter.drawLine(QPointF(x, y), QPointF(x + 16, y))
            painter.setPen(QColor(theme.TEXT))
            width = metrics.horizontalAdvance(name) + 4
            painter.drawText(QRectF(x + 22, y - 9, width, 18), Qt.AlignmentFlag.AlignVCenter, name)
            x += 22 + width + 10
