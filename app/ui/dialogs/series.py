"""`SeriesDialog`: which image of a folder, zip or 4D file to open."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QColor, QIcon, QImage, QPainter, QPixmap
from PySide6.QtWidgets import (
    QAbstractItemView,
    QDialog,
    QDialogButtonBox,
    QHBoxLayout,
    QLabel,
    QListWidget,
    QListWidgetItem,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from app.errors import AppError
from app.ui import theme
from app.ui.jobs import Job, Jobs
from app.volume_io import SeriesInfo
from app.volume_io.series import Picture

EDGE = 96


class SeriesDialog(QDialog):
    """Signals: `chosen(str, int)`: key of the series and time point."""

    chosen = Signal(str, int)

    def __init__(self, series: Sequence[SeriesInfo], name: str, jobs: Jobs, parent: QWidget) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(self.tr("Choose a series of %1").replace("%1", name))
        self.resize(640, 520)
        self._series = tuple(series)
        self.list = self._made_list()
        self.time = QSpinBox()
        self.time.setAccessibleName(self.tr("Time point"))
        self._time_label = QLabel(self.tr("Time point"))
        self._buttons = self._made_buttons()
        self._lay_out()
        self._tokens = [
            jobs.start(Job(info.thumbnail, partial(self._show_thumbnail, number), self._no_thumbnail))
            for number, info in enumerate(self._series)
            if info.readable
        ]
        best = max(range(len(self._series)), key=lambda n: (self._series[n].readable, self._series[n].size))
        self.list.setCurrentRow(best)

    def done(self, result: int) -> None:
        """Closed, either way: thumbnails on their way have no place any more."""
        for token in self._tokens:
            token.cancel()
        info = self._current
        if result == QDialog.DialogCode.Accepted and info is not None:
            self.chosen.emit(info.key, self.time.value() - 1)
        super().done(result)

    @property
    def _current(self) -> SeriesInfo | None:
        row = self.list.currentRow()
        return self._series[row] if row >= 0 else None

    def _made_list(self) -> QListWidget:
        widget = QListWidget()
        widget.setAccessibleName(self.tr("Series"))
        widget.setIconSize(QSize(EDGE, EDGE))
        widget.setSpacing(4)
        widget.setWordWrap(True)
        widget.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        for info in self._series:
            widget.addItem(self._row(info))
        widget.currentRowChanged.connect(self._on_row_changed)
        widget.itemDoubleClicked.connect(self.accept)
        return widget

    def _row(self, info: SeriesInfo) -> QListWidgetItem:
        row = QListWidgetItem(_icon(None), self._text(info))
        if not info.readable:
            row.setFlags(Qt.ItemFlag.NoItemFlags)
            row.setForeground(QColor(theme.DISABLED))
        return row

    def _text(self, info: SeriesInfo) -> str:
        named = info.key if any(letter.isalpha() for letter in info.key) else ""  # a path, not a UID
        title = info.description or named or self.tr("No description")
        first = "  ".join(part for part in (info.modality, title) if part)
        if not info.readable:
            return f"{first}\n{info.reason}"
        size = " × ".join(str(n) for n in reversed(info.shape))
        spacing = " × ".join(f"{s:.3g}" for s in reversed(info.geometry.spacing)) + " mm" if info.geometry else ""
        times = self.tr("%1 time points").replace("%1", str(info.times)) if info.times > 1 else ""
        lines = [first, "   ".join(part for part in (size, spacing, times) if part), *info.notes]
        return "\n".join(lines)

    def _made_buttons(self) -> QDialogButtonBox:
        box = QDialogButtonBox(QDialogButtonBox.StandardButton.Open | QDialogButtonBox.StandardButton.Cancel)
        box.accepted.connect(self.accept)
        box.rejected.connect(self.reject)
        return box

    def _lay_out(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 16, 16, 16)
        column.setSpacing(12)
        column.addWidget(self.list)
        foot = QHBoxLayout()
        foot.addWidget(self._time_label)
        foot.addWidget(self.time)
        foot.addStretch()
        foot.addWidget(self._buttons)
        column.addLayout(foot)

    def _on_row_changed(self, _: int) -> None:
        info = self._current
        times = info.times if info else 1
        self.time.setRange(1, times)
        for widget in (self.time, self._time_label):
            widget.setVisible(times > 1)
        self._buttons.button(QDialogButtonBox.StandardButton.Open).setEnabled(info is not None and info.readable)

    def _show_thumbnail(self, number: int, picture: Picture) -> None:
        self.list.item(number).setIcon(_icon(picture))

    def _no_thumbnail(self, error: AppError) -> None:
        """The line stays without a picture; opening it will say why."""


def _icon(picture: Picture | None) -> QIcon:
    """A thumbnail on a square, so that all texts begin at one line."""
    square = QPixmap(EDGE, EDGE)
    square.fill(QColor("black"))
    if picture is not None:
        rows, columns = picture.shape
        image = QImage(picture.tobytes(), columns, rows, columns, QImage.Format.Format_Grayscale8)
        scaled = QPixmap.fromImage(image).scaled(
            EDGE, EDGE, Qt.AspectRatioMode.KeepAspectRatio, Qt.TransformationMode.SmoothTransformation
        )
        _draw_middle(square, scaled)
    return QIcon(square)


def _draw_middle(square: QPixmap, picture: QPixmap) -> None:
    painter = QPainter(square)
    painter.drawPixmap((square.width() - picture.width()) // 2, (square.height() - picture.height()) // 2, picture)
    painter.end()
