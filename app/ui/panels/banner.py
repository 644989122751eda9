"""`Banner`: one sentence over the views, and what to do.

It lies over them and does not push them: a click that is on its way must not land elsewhere.
"""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, Qt, QTimer
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QWidget

from app.errors import AppError
from app.ui import theme
from app.ui.icons import icon
from app.ui.panels.view_frame import small_button

NOTICE_MS = 12_000
TOP, LINE = 2, 28
"""One line lies over the headers of the views: neither over their letters nor over the pictures."""
WITHOUT_TEXT = 80  # pixels: icon, button and what is between


class Banner(QFrame):
    """Errors stay until they are closed; notices leave by themselves."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("banner")
        row = QHBoxLayout(self)
        row.setContentsMargins(10, 3, 4, 3)
        row.setSpacing(8)
        self._icon = QLabel()
        self._icon.setFixedSize(20, 20)
        self._text = QLabel()
        self._text.setWordWrap(True)
        self._text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._text.setTextFormat(Qt.TextFormat.PlainText)
        close = small_button("close", self.tr("Close"))
        close.setObjectName("inRow")
        close.setFixedSize(22, 22)
        close.clicked.connect(self.hide)
        row.addWidget(self._icon, 0, Qt.AlignmentFlag.AlignTop)
        row.addWidget(self._text, 1)
        row.addWidget(close, 0, Qt.AlignmentFlag.AlignTop)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self.hide)
        self.hide()

    def lie_over(self, centre: QWidget) -> None:
        """Float at the upper edge of a widget."""
        self.setParent(centre)
        self.hide()
        centre.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802  # Qt's name
        """Stay in its middle."""
        if event.type() == QEvent.Type.Resize:
            self._place()
        return super().eventFilter(watched, event)

    @property
    def text(self) -> str:
        """What it says, empty while hidden."""
        return "" if self.isHidden() else self._text.text()

    @property
    def kind(self) -> str:
        """Either "error" or "notice"."""
        return str(self.property("kind"))

    def tell_error(self, error: AppError) -> None:
        """What is wrong, and what to do."""
        self._show("error", theme.EXCLUDE, str(error))
        self._timer.stop()

    def tell(self, text: str, *, stays: bool = False) -> None:
        """Something worth knowing; does not push aside an error that was not yet read.

        Args:
            stays: Until it is closed or something else is told.
        """
        if self.text and self.kind == "error":
            text = f"{self.text}\n{text}"
            self._show("error", theme.EXCLUDE, text)
            return
        self._show("notice", theme.ACCENT, text)
        if stays:
            self._timer.stop()
        else:
            self._timer.start(NOTICE_MS)

    def take_back(self, text: str) -> None:
        """Leave, if this is what it says: it is not so any more."""
        if self.text == text:
            self.hide()

    def _show(self, kind: str, colour: str, text: str) -> None:
        self._icon.setPixmap(icon("error" if kind == "error" else "info", colour).pixmap(20, 20))
        self._text.setText(text)
        self.raise_()
        self.setAccessibleName(text)
        self.setProperty("kind", kind)
        self.style().unpolish(self)
        self.style().polish(self)
        self.show()
        self._place()

    def _place(self) -> None:
        centre = self.parentWidget()
        if centre is None:
            return
        lines = self._text.text().split("\n")
        text = max(self._text.fontMetrics().horizontalAdvance(line) for line in lines)
        width = min(text + WITHOUT_TEXT, centre.width() - 32)
        self.setGeometry((centre.width() - width) // 2, TOP, width, max(LINE, self.heightForWidth(width)))
