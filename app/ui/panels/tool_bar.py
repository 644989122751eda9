"""`ToolBar`: the buttons over the views; in a narrow window some lose their text, so that none loses its place."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QToolBar, QToolButton

BESIDE, ALONE = Qt.ToolButtonStyle.ToolButtonTextBesideIcon, Qt.ToolButtonStyle.ToolButtonIconOnly


class ToolBar(QToolBar):
    """Icons, a few of them with text."""

    def __init__(self, title: str) -> None:
        super().__init__(title)
        self._texted: Sequence[QToolButton] = ()
        self.setObjectName("tools")
        self.setMovable(False)
        self.setIconSize(QSize(22, 22))

    def set_texted(self, buttons: Sequence[QToolButton]) -> None:
        """Buttons with a text beside the icon, that which is missed least first."""
        self._texted = buttons
        self._fit()

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802  # Qt's name
        """Show as many texts as there is room for."""
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        for button in self._texted:
            button.setToolButtonStyle(BESIDE)
        wide = self.sizeHint().width()
        for button in self._texted:
            if wide <= self.width():
                break
            before = button.sizeHint().width()
            button.setToolButtonStyle(ALONE)
            wide -= before - button.sizeHint().width()
