"""`SliceBar`: the slider beside a slice view, with the confidence of every propagated slice as a ribbon."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import pairwise

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QHelpEvent, QMouseEvent, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QAbstractSlider, QToolTip, QWidget

from app.ui import theme

_STOPS = ((0.0, theme.UNSURE), (0.5, theme.MIDDLING), (1.0, theme.SURE))


def confidence_colour(confidence: float) -> QColor:
    """From vermilion (unsure) over yellow to sky blue (sure)."""
    confidence = min(1.0, max(0.0, confidence))
    for (low, first), (high, second) in pairwise(_STOPS):
        if confidence <= high:
            t = (confidence - low) / (high - low)
            a, b = QColor(first), QColor(second)
            parts = ((a.red(), b.red()), (a.green(), b.green()), (a.blue(), b.blue()))
            return QColor(*(round(x + t * (y - x)) for x, y in parts))
    return QColor(theme.SURE)


class SliceBar(QAbstractSlider):
    """A value per slice, drawn upright; the top is the head, the front or the right of the patient.

    Signals:
        picked(int): the user chose a slice, with mouse or keys.
    """

    picked = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._confidences: Mapping[int, float] = {}
        self._marked: frozenset[int] = frozenset()
        self._up = True
        self.setOrientation(Qt.Orientation.Vertical)
        self.setFixedWidth(28)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setPageStep(5)
        self.setMouseTracking(True)
        self.actionTriggered.connect(lambda: self.picked.emit(self.sliderPosition()))

    def show_slices(self, count: int, grows_up: bool) -> None:
        """Fit a new case: slices 0 to `count` - 1, slice 0 at the bottom when `grows_up`."""
        self._up = grows_up
        self.setInvertedAppearance(not grows_up)
        self.setInvertedControls(not grows_up)
        self.setRange(0, max(0, count - 1))
        self.show_confidences({}, ())

    def show_confidences(self, confidences: Mapping[int, float], marked: Iterable[int]) -> None:
        """The ribbon: confidence 0..1 per slice, and slices with a prompt on them."""
        self._confidences, self._marked = confidences, frozenset(marked)
        self.update()

    @property
    def confidences(self) -> Mapping[int, float]:
        """What the ribbon shows."""
        return self._confidences

    def sizeHint(self) -> QSize:  # noqa: N802  # Qt's name
        return QSize(28, 120)

    def slice_at(self, y: float) -> int:
        """The slice at a height of the widget."""
        area = self._area()
        part = (y - area.top()) / area.height()
        count = self.maximum() + 1
        number = int((1 - part if self._up else part) * count)
        return min(max(number, 0), count - 1)

    def cell(self, index: int) -> QRectF:
        """Where a slice's piece of the ribbon lies."""
        area, count = self._area(), self.maximum() + 1
        place = count - 1 - index if self._up else index
        height = area.height() / count
        return QRectF(area.left(), area.top() + place * height, area.width(), height)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802  # Qt's name
        """Track, ribbon, marks, handle."""
        painter = QPainter(self)
        area = self._area()
        painter.fillRect(area, QColor(theme.TRACK))
        for index, confidence in self._confidences.items():
            cell = self.cell(index)
            painter.fillRect(cell.adjusted(0, 0, 0, 0.5), confidence_colour(confidence))
        painter.setPen(QPen(QColor(theme.BORDER), 1))
        painter.drawRect(area.adjusted(-0.5, -0.5, 0.5, 0.5))
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(theme.TEXT))
        for index in self._marked:
            painter.drawEllipse(QPointF(area.left() - 5, self.cell(index).center().y()), 2.2, 2.2)
        self._draw_handle(painter, area)
        painter.end()

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802  # Qt's name
        """Go to the slice that was clicked."""
        self._pick(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802  # Qt's name
        """Follow the mouse while a button is held."""
        if event.buttons() & Qt.MouseButton.LeftButton:
            self._pick(event)

    def event(self, event: QEvent) -> bool:
        """A tip says what lies under the mouse."""
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            QToolTip.showText(event.globalPos(), self.tip(self.slice_at(event.pos().y())), self)
            return True
        return super().event(event)

    def tip(self, index: int) -> str:
        """Slice number and, where it was propagated, its confidence."""
        number = self.tr("Slice %1").replace("%1", str(index + 1))
        confidence = self._confidences.get(index)
        if confidence is None:
            return number
        return number + "\n" + self.tr("Confidence %1 %").replace("%1", f"{100 * confidence:.0f}")

    def _pick(self, event: QMouseEvent) -> None:
        index = self.slice_at(event.position().y())
        if index != self.value():
            self.setValue(index)
            self.picked.emit(index)

    def _area(self) -> QRectF:
        return QRectF(self.width() - 18, 8, 10, max(1, self.height() - 16))

    def _draw_handle(self, painter: QPainter, area: QRectF) -> None:
        y = self.cell(self.value()).center().y()
        colour = QColor(theme.ACCENT if self.hasFocus() else theme.TEXT)
        painter.setPen(QPen(QColor(theme.BASE), 1))
        painter.setBrush(colour)
        painter.drawRoundedRect(QRectF(area.left() - 3, y - 2.5, area.width() + 6, 5), 2, 2)
        tip = QPolygonF(
            [QPointF(area.left() - 10, y - 4), QPointF(area.left() - 4, y), QPointF(area.left() - 10, y + 4)]
        )
        painter.drawPolygon(tip)
