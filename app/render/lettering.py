"""What a reading station writes over a slice: letters, corner text, scale bar, crosshair, colour bar."""

from __future__ import annotations

from collections.abc import Sequence
from math import floor, log10

from PySide6.QtCore import QLineF, QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QImage, QPainter, QPen

from app.geometry import Geometry
from app.render.colours import PLANE_COLOURS, heat_table
from app.render.marks import Sheet

TEXT = QColor(225, 229, 235)
DIM = QColor(170, 178, 190)
LETTER = QColor(255, 214, 102)
_SHADOW = QColor(0, 0, 0, 210)
_RIM = [(dx, dy) for dx in (-1, 0, 1) for dy in (-1, 0, 1) if dx or dy]
_EDGE = 8.0  # pixels between text and the widget's border
_GAP = 11.0  # half the opening of the crosshair, so that it hides nothing of what it points at

CORNERS = {
    "top left": Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft,
    "top right": Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignRight,
    "bottom left": Qt.AlignmentFlag.AlignBottom | Qt.AlignmentFlag.AlignLeft,
}


def draw_text(painter: QPainter, area: QRectF, flags: Qt.AlignmentFlag, text: str, colour: QColor = TEXT) -> None:
    """Text that stays readable over bright and dark: with a dark rim on all sides, for bone lies under it, too."""
    painter.setPen(_SHADOW)
    for dx, dy in _RIM:
        painter.drawText(area.translated(dx, dy), flags, text)
    painter.setPen(colour)
    painter.drawText(area, flags, text)


def frame(painter: QPainter) -> QRectF:
    """The widget's area without its rim."""
    return QRectF(painter.viewport()).adjusted(_EDGE, _EDGE - 3, -_EDGE, -_EDGE + 3)


def draw_corner(painter: QPainter, corner: str, lines: Sequence[tuple[str, QColor]]) -> None:
    """Lines of text in one of `CORNERS`, each in its colour."""
    area, step = frame(painter), painter.fontMetrics().height()
    bottom = corner.startswith("bottom")
    for number, (text, colour) in enumerate(reversed(lines) if bottom else lines):
        shift = -number * step if bottom else number * step
        draw_text(painter, area.translated(0, shift), CORNERS[corner], text, colour)


def letters(geometry: Geometry, sheet: Sheet) -> dict[str, str]:
    """Orientation letters at the "left", "right", "top" and "bottom" of a view."""
    plane = sheet.plane
    low, high = geometry.letters(plane.right)
    left, right = (high, low) if plane.right_reversed else (low, high)
    low, high = geometry.letters(plane.up)
    bottom, top = (high, low) if plane.up_reversed else (low, high)
    return {"left": left, "right": right, "top": top, "bottom": bottom}


def draw_letters(painter: QPainter, geometry: Geometry, sheet: Sheet) -> None:
    """Where the patient's right, left, front, back, head and feet are."""
    sides = {
        "left": Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft,
        "right": Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight,
        "top": Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignHCenter,
        "bottom": Qt.AlignmentFlag.AlignBottom | Qt.AlignmentFlag.AlignHCenter,
    }
    painter.save()
    font = QFont(painter.font())
    font.setPointSizeF(font.pointSizeF() * 1.35)
    font.setBold(True)
    painter.setFont(font)
    for side, text in letters(geometry, sheet).items():
        draw_text(painter, frame(painter), sides[side], text, LETTER)
    painter.restore()


def draw_crosshair(painter: QPainter, sheet: Sheet, centre: QPointF, world_axes: tuple[int, int, int]) -> None:
    """Where the two other planes cut this one, each line in its plane's colour, open around the voxel."""
    area = QRectF(painter.viewport())
    upright, level = (QColor(*PLANE_COLOURS[world_axes[a]], 170) for a in (sheet.plane.right, sheet.plane.up))
    x, y = centre.x(), centre.y()
    painter.setPen(QPen(upright, 1.0))
    painter.drawLine(QLineF(x, area.top(), x, y - _GAP))
    painter.drawLine(QLineF(x, y + _GAP, x, area.bottom()))
    painter.setPen(QPen(level, 1.0))
    painter.drawLine(QLineF(area.left(), y, x - _GAP, y))
    painter.drawLine(QLineF(x + _GAP, y, area.right(), y))


def draw_scale_bar(painter: QPainter, pixels_per_mm: float) -> None:
    """A bar of 1, 2 or 5 times a power of ten millimetres, at most a quarter of the widget wide."""
    area = frame(painter)
    length = round_length(area.width() / 4 / pixels_per_mm)
    width = length * pixels_per_mm
    y, right = area.bottom() - 4, area.right()
    text = f"{length / 10:g} cm" if length >= 10 else f"{length:g} mm"
    for shift, colour in ((1.0, _SHADOW), (0.0, TEXT)):
        painter.setPen(QPen(colour, 1.5))
        lines = [QLineF(right - width, y, right, y)]
        lines += [QLineF(x, y - 4, x, y + 1) for x in (right - width, right)]
        for line in lines:
            painter.drawLine(line.translated(shift, shift))
    height = painter.fontMetrics().height()
    label = QRectF(right - 200, y - 6 - height, 200, height)
    draw_text(painter, label, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignBottom, text)


def round_length(most: float) -> float:
    """The largest of 1, 2, 5, 10, 20, 50... (or tenths) that is at most `most`."""
    power = 10.0 ** floor(log10(most))
    return next(step * power for step in (5, 2, 1) if step * power <= most * (1 + 1e-9))


def draw_colour_bar(painter: QPainter, top: float) -> None:
    """What the colours of the uncertainty mean."""
    area, step = frame(painter), painter.fontMetrics().height()
    height = min(120.0, area.height() / 3)
    top_edge = max(area.center().y() - height - 16, area.top() + 3.5 * step)  # below the corner text
    bar = QRectF(area.right() - 10, top_edge, 10, height)
    table = heat_table()[::-1, :3].copy()
    painter.drawImage(bar, QImage(table.data, 1, 256, 3, QImage.Format.Format_RGB888))
    painter.setPen(QPen(_SHADOW, 1.0))
    painter.drawRect(bar)
    flags = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
    for y, text in ((bar.top() + step / 2, f"{top:.2g}"), (bar.bottom() - step / 2, "0")):
        draw_text(painter, QRectF(bar.left() - 104, y - step / 2, 100, step), flags, text)
    title = QRectF(area.right() - 200, bar.top() - step - 4, 200, step)
    draw_text(painter, title, flags, "uncertainty")


def position_text(geometry: Geometry, index: tuple[int, int, int]) -> str:
    """A voxel's place as a radiologist says it: "R 12.3  A 4.5  S 100.2 mm"."""
    world = geometry.world(index)
    sides = (("L", "R"), ("P", "A"), ("I", "S"))
    return "  ".join(f"{sides[w][int(x >= 0)]} {abs(x):.1f}" for w, x in enumerate(world.tolist())) + " mm"


def value_text(value: float, modality: str) -> str:
    """An image value with at most four digits after a leading zero, and its unit where it is known."""
    number = f"{value:.0f}" if float(value).is_integer() else f"{value:.4g}"
    return f"{number} HU" if modality == "CT" else number
