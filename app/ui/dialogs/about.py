"""`AboutDialog`: name, versions, terms, and a button that asks for a newer version. A widget without logic."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QHBoxLayout,
    QLabel,
    QPlainTextEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from app.ui import theme


class AboutDialog(QDialog):
    """Signals: `notices_wanted()`: show the licences of others; `check_wanted()`: ask for a newer version."""

    notices_wanted = Signal()
    check_wanted = Signal()

    def __init__(self, versions: Sequence[tuple[str, str]], model: str, parent: QWidget) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(self.tr("About Volumask"))
        self.resize(520, 520)
        self.about = QLabel(self._text(versions[0][1], model))
        self.about.setWordWrap(True)
        self.versions = QPlainTextEdit("\n".join(f"{name} {version}" for name, version in versions))
        self.versions.setReadOnly(True)
        self.versions.setAccessibleName(self.tr("Versions"))
        self.copy = QPushButton(self.tr("Copy versions"))
        self.notices = QPushButton(self.tr("Licences of others…"))
        self.check = QPushButton(self.tr("Check for updates"))
        self.check.setToolTip(self.tr("Asks one server, only now, and tells it nothing about you or your scans"))
        self.answer = QLabel()
        self.answer.setWordWrap(True)
        self.answer.setOpenExternalLinks(True)
        self.answer.setTextFormat(Qt.TextFormat.RichText)
        self.answer.setAccessibleName(self.tr("Updates"))
        self._lay_out()
        self._listen()

    def tell(self, text: str, page: str = "") -> None:
        """What came of the question, with a link where there is a page."""
        link = f' <a style="color:{theme.ACCENT}" href="{escape(page)}">{escape(page)}</a>' if page else ""
        self.answer.setText(escape(text) + link)

    def _text(self, version: str, model: str) -> str:
        said = (
            self.tr("Click on a structure in a scan, get its 3D mask. Everything stays on this computer."),
            self.tr("Model: %1").replace("%1", model),
            self.tr("For research and planning. Not a medical device: a qualified person must check every result."),
            self.tr("BSD-3-Clause. It uses Qt and other parts under terms of their own, the LGPL among them."),
        )
        return f"<h2>Volumask {escape(version)}</h2>" + "".join(f"<p>{escape(line)}</p>" for line in said)

    def _lay_out(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 16, 16, 16)
        column.setSpacing(12)
        column.addWidget(self.about)
        column.addWidget(self.versions, 1)
        row = QHBoxLayout()
        for button in (self.copy, self.notices, self.check):
            button.setAutoDefault(False)
            row.addWidget(button)
        row.addStretch()
        column.addLayout(row)
        column.addWidget(self.answer)
        self.buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        column.addWidget(self.buttons)

    def _listen(self) -> None:
        self.buttons.rejected.connect(self.close)
        self.notices.clicked.connect(self.notices_wanted)
        self.check.clicked.connect(self.check_wanted)
        self.copy.clicked.connect(self._copy)

    def _copy(self) -> None:
        QGuiApplication.clipboard().setText(self.versions.toPlainText())
