"""`icon`: one-colour SVGs of resources/icons, tinted for the theme, sharp at every scale."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from PySide6.QtCore import QByteArray, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QIcon, QIconEngine, QPainter, QPixmap
from PySide6.QtSvg import QSvgRenderer

from app.ui import theme

RESOURCES = Path(__file__).resolve().parents[2] / "resources"


@cache
def icon(name: str, colour: str = "") -> QIcon:
    """The icon called `name`, in the theme's text colour or in `colour`; greyed out where it is disabled."""
    return QIcon(_TintedSvg(_source(name), colour or theme.TEXT))


def swatch(colour: tuple[int, int, int]) -> QIcon:
    """A square of a segment's colour."""
    red, green, blue = colour
    svg = f'<rect x="4" y="4" width="16" height="16" rx="4" fill="rgb({red},{green},{blue})" stroke="none"/>'
    return QIcon(_TintedSvg(f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24">{svg}</svg>', theme.TEXT))


def _source(name: str) -> str:
    return (RESOURCES / "icons" / f"{name}.svg").read_text(encoding="utf-8")


class _TintedSvg(QIconEngine):
    """Draws `currentColor` in a colour, at the size that is asked for."""

    def __init__(self, source: str, colour: str) -> None:
        super().__init__()
        self._source, self._colour = source, colour

    def clone(self) -> QIconEngine:
        return _TintedSvg(self._source, self._colour)

    def paint(self, painter: QPainter, rect: object, mode: QIcon.Mode, state: QIcon.State) -> None:
        colour = theme.DISABLED if mode == QIcon.Mode.Disabled else self._colour
        svg = self._source.replace("currentColor", QColor(colour).name())
        QSvgRenderer(QByteArray(svg.encode())).render(painter, QRectF(rect))  # type: ignore[call-overload]

    def pixmap(self, size: QSize, mode: QIcon.Mode, state: QIcon.State) -> QPixmap:
        picture = QPixmap(size)
        picture.fill(Qt.GlobalColor.transparent)
        painter = QPainter(picture)
        self.paint(painter, picture.rect(), mode, state)
        painter.end()
        return picture
