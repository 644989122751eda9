"""`EmptyState`: what the window shows before a scan is open: what to drop, and what was open lately."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from app.ui import theme
from app.ui.icons import icon


class EmptyState(QWidget):
    """Signals: `open_wanted()`, `folder_wanted()`, `recent_wanted(str)`."""

    open_wanted = Signal()
    folder_wanted = Signal()
    recent_wanted = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("empty")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        outer = QVBoxLayout(self)
        outer.addStretch(2)
        outer.addWidget(self._drop_area(), 0, Qt.AlignmentFlag.AlignHCenter)
        self._recent = QWidget()
        self._recent.setFixedWidth(560)
        self._lines = QVBoxLayout(self._recent)
        self._lines.setSpacing(0)
        outer.addSpacing(16)
        outer.addWidget(self._recent, 0, Qt.AlignmentFlag.AlignHCenter)
        outer.addStretch(3)

    def show_recent(self, paths: Sequence[str]) -> None:
        """The files opened last, newest first."""
        while (item := self._lines.takeAt(0)) is not None:
            if widget := item.widget():
                widget.deleteLater()
        if paths:
            heading = QLabel(self.tr("Recent"))
            heading.setObjectName("heading")
            self._lines.addWidget(heading)
        for path in paths:
            self._lines.addWidget(self._line(path))

    def set_hovered(self, hovered: bool) -> None:
        """Something that can be opened hangs over the window."""
        self._drop.setProperty("hovered", hovered)
        self._drop.style().unpolish(self._drop)
        self._drop.style().polish(self._drop)

    def _drop_area(self) -> QFrame:
        self._drop = QFrame()
        self._drop.setObjectName("emptyDrop")
        self._drop.setFixedWidth(560)
        column = QVBoxLayout(self._drop)
        column.setContentsMargins(32, 40, 32, 40)
        column.setSpacing(12)
        picture = QLabel()
        picture.setPixmap(icon("drop", theme.DIM).pixmap(48, 48))
        title = QLabel(self.tr("Drop a scan here"))
        title.setObjectName("emptyTitle")
        what = QLabel(
            self.tr(
                "A DICOM folder, a zip of DICOM files, or a NIfTI, NRRD or MHA file.\n"
                "Everything stays on this computer."
            )
        )
        what.setObjectName("dim")
        what.setWordWrap(True)
        for label in (picture, title, what):
            label.setAlignment(Qt.AlignmentFlag.AlignCenter)
            column.addWidget(label)
        column.addSpacing(8)
        column.addLayout(self._buttons())
        return self._drop

    def _buttons(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.addStretch()
        choices = (
            (self.tr("Open file…"), "open", self.open_wanted),
            (self.tr("Open folder…"), "folder", self.folder_wanted),
        )
        for text, name, signal in choices:
            button = QPushButton(icon(name), text)
            button.setMinimumWidth(136)
            button.clicked.connect(signal)
            row.addWidget(button)
            row.addSpacing(8)
        row.addStretch()
        return row

    def _line(self, path: str) -> QPushButton:
        place = Path(path)
        button = QPushButton(f"{place.name}    {place.parent}")
        button.setObjectName("recent")
        button.setCursor(Qt.CursorShape.PointingHandCursor)
        button.setToolTip(path)
        button.clicked.connect(lambda: self.recent_wanted.emit(path))
        return button
