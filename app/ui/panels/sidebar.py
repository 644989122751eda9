"""`Sidebar`: model, segments, prompts, history and display, one under the other."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDockWidget, QHBoxLayout, QLabel, QTabWidget, QToolButton, QVBoxLayout, QWidget

from app.errors import AppError
from app.session import Session
from app.ui.actions import Actions
from app.ui.effects import Effects
from app.ui.panels.correct import CorrectPanel
from app.ui.panels.display import DisplayPanel
from app.ui.panels.history import HistoryPanel
from app.ui.panels.model import ModelPicker
from app.ui.panels.prompts import PromptsPanel
from app.ui.panels.segments import SegmentsPanel
from app.ui.panels.volumes import Volumes

WIDTH = 304


class Sidebar(QDockWidget):
    """Fixed at the right; as wide as its lists need."""

    def __init__(
        self, session: Session, volumes: Volumes, effects: Effects, report: Callable[[AppError], None]
    ) -> None:
        super().__init__()
        self.setObjectName("sidebarDock")
        self.setWindowTitle(self.tr("Case"))
        self.setFeatures(QDockWidget.DockWidgetFeature.NoDockWidgetFeatures)
        self.setTitleBarWidget(QWidget())
        self.segments = SegmentsPanel(session, volumes, report)
        self.prompts = PromptsPanel(session, report)
        self.correct = CorrectPanel(session, effects, report)
        self.history = HistoryPanel(session)
        self.display = DisplayPanel(session)
        self.model = ModelPicker(session, report)
        self._segment_buttons = QHBoxLayout()
        self._lay_out()

    def set_case(self) -> None:
        """Show the open case."""
        self.segments.refresh()
        self.prompts.refresh()
        self.correct.set_case()
        self.history.refresh()
        self.display.set_case()

    def add_buttons(self, actions: Actions) -> None:
        """The buttons beside the heading of the segments."""
        for name in ("add-segment", "reset", "remove-segment"):
            button = QToolButton()
            button.setDefaultAction(actions[name])
            button.setAutoRaise(True)
            button.setFixedSize(26, 26)
            self._segment_buttons.addWidget(button)
        self.prompts.add_actions(actions)
        self.correct.add_tools(actions)

    def _lay_out(self) -> None:
        body = QWidget()
        body.setObjectName("sidebar")
        body.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        body.setFixedWidth(WIDTH)
        column = QVBoxLayout(body)
        column.setContentsMargins(12, 12, 12, 12)
        column.setSpacing(8)
        column.addWidget(_heading(self.tr("Model")))
        column.addWidget(self.model)
        column.addSpacing(8)
        title = QHBoxLayout()
        title.setSpacing(2)
        title.addWidget(_heading(self.tr("Segments")))
        title.addStretch()
        title.addLayout(self._segment_buttons)
        column.addLayout(title)
        column.addWidget(self.segments, 2)
        tabs = QTabWidget()
        tabs.setDocumentMode(True)
        tabs.addTab(self.prompts, self.tr("Prompts"))
        tabs.addTab(self.correct, self.tr("Correct"))
        self.correct.wanted.connect(lambda: tabs.setCurrentWidget(self.correct))
        tabs.addTab(self.history, self.tr("History"))
        column.addWidget(tabs, 5)
        column.addSpacing(4)
        column.addWidget(_heading(self.tr("Display")))
        column.addWidget(self.display)
        self.setWidget(body)


def _heading(text: str) -> QLabel:
    label = QLabel(text)
    label.setObjectName("heading")
    return label
