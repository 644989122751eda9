"""`CorrectPanel`: brush, and every correction with its fields, scope, preview and buttons."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QButtonGroup,
    QCheckBox,
    QComboBox,
    QFrame,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QRadioButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from app.errors import AppError
from app.session import Session
from app.ui.actions import Actions
from app.ui.effect_table import EFFECTS, effect_row
from app.ui.effects import Effects
from app.ui.panels.brush import TOOLS, BrushPage
from app.ui.panels.fields import Fields, translated

BRUSH = "brush"


class CorrectPanel(QWidget):
    """Choosing a correction shows what it would do; nothing is changed before Apply.

    Signals:
        wanted(): a tool or a menu chose something here, so that it should be seen.
    """

    wanted = Signal()

    def __init__(self, session: Session, effects: Effects, report: Callable[[AppError], None]) -> None:
        super().__init__()
        self._session, self._effects, self._report = session, effects, report
        self.kind = QComboBox()
        self.kind.setAccessibleName(self.tr("Correction"))
        self.kind.addItem(self.tr("Brush and outline"), BRUSH)
        for row in EFFECTS:
            self.kind.addItem(translated(row.text), row.id)
        self.help = QLabel()
        self.help.setObjectName("dim")
        self.help.setWordWrap(True)
        self.brush = BrushPage(session)
        self.pages = {row.id: Fields(row, session) for row in EFFECTS}
        self.whole, self.slice = QRadioButton(self.tr("Whole volume")), QRadioButton(self.tr("This slice"))
        self.whole.setChecked(True)
        self._scope = QButtonGroup(self)
        self.others = QCheckBox(self.tr("May take voxels of other segments"))
        self.others.setToolTip(self.tr("Locked segments always keep theirs"))
        self.note = QLabel()
        self.note.setWordWrap(True)
        self.preview = QPushButton(self.tr("Preview"))
        self.preview.setCheckable(True)
        self.apply = QPushButton(self.tr("Apply"))
        self.cancel = QPushButton(self.tr("Cancel"))
        self._lay_out()
        self._listen()
        self._show_page()

    def add_tools(self, actions: Actions) -> None:
        """Buttons of the tools that draw."""
        self.brush.add_tools(actions)

    def set_case(self) -> None:
        """Fields that suit the open scan."""
        self.brush.set_case()
        for fields in self.pages.values():
            fields.set_case()
        self.refresh_segments()

    def refresh_segments(self, *_: object) -> None:
        """Offer the segments that there are."""
        for fields in self.pages.values():
            fields.refresh_segments()

    def choose(self, name: str) -> None:
        """Show a correction and what it would do."""
        self.kind.setCurrentIndex(self.kind.findData(name))
        self.wanted.emit()
        self.show_effect()

    def show_effect(self) -> None:
        """Show what the chosen correction would do to the active segment."""
        name = self.kind.currentData()
        if name == BRUSH or self._session.document is None:
            return
        try:
            self._start(name)
        except AppError as error:
            self._report(error)

    # How

    def _start(self, name: str) -> None:
        row = effect_row(name)
        effect = row.make(self.pages[name].values(), self._session, self._effects.plane[0])
        self._effects.show(effect, row.slices and self.slice.isChecked())

    def _lay_out(self) -> None:
        body = QWidget()
        column = QVBoxLayout(body)
        column.setContentsMargins(1, 0, 12, 0)  # the scroll bar takes ten pixels when it comes
        column.setSpacing(8)
        column.addWidget(self.help)
        column.addWidget(self.brush)
        for fields in self.pages.values():
            column.addWidget(fields)
        scope = QHBoxLayout()
        for button in (self.whole, self.slice):
            self._scope.addButton(button)
            scope.addWidget(button)
        column.addLayout(scope)
        column.addWidget(self.others)
        column.addWidget(self.note)
        column.addStretch()
        scroll = QScrollArea()
        scroll.setWidget(body)
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        buttons = QHBoxLayout()
        buttons.setSpacing(8)
        for each in (self.preview, self.apply, self.cancel):
            buttons.addWidget(each, 1)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 6, 0, 0)
        outer.setSpacing(8)
        outer.addWidget(self.kind)
        outer.addWidget(scroll, 1)
        outer.addLayout(buttons)

    def _listen(self) -> None:
        self.kind.activated.connect(self._on_kind_chosen)
        self.kind.currentIndexChanged.connect(self._show_page)
        for fields in self.pages.values():
            fields.changed.connect(self.show_effect)
        self._scope.buttonClicked.connect(lambda _: self.show_effect())
        self.others.toggled.connect(self._on_others)
        self.preview.clicked.connect(self._on_preview)
        self.apply.clicked.connect(self._on_apply)
        self.cancel.clicked.connect(lambda: self._effects.give_up())
        self._effects.changed.connect(self._show_state)
        self._session.corrections.brush_changed.connect(self._show_others)
        self._session.view.tool_changed.connect(self._on_tool_changed)
        self._session.view.active_changed.connect(self.refresh_segments)

    def _on_kind_chosen(self, *_: object) -> None:
        self._effects.give_up()
        self.show_effect()

    def _show_page(self, *_: object) -> None:
        name = self.kind.currentData()
        drawing = name == BRUSH
        self.brush.setVisible(drawing)
        for each, fields in self.pages.items():
            fields.setVisible(each == name)
        text = "" if drawing else translated(effect_row(name).help)
        self.help.setText(
            self.tr("Left paints, right erases, Shift+wheel sizes. Esc while drawing gives up.") if drawing else text
        )
        slices = not drawing and effect_row(name).slices
        for widget in (self.whole, self.slice):
            widget.setVisible(slices)
        for button in (self.preview, self.apply, self.cancel):
            button.setVisible(not drawing)
        self._show_state()

    def _show_state(self) -> None:
        self.preview.setChecked(self._effects.shown)
        self.cancel.setEnabled(self._effects.shown or self._effects.busy)
        self.note.setText(self._effects.note)
        self.note.setVisible(bool(self._effects.note) and self.kind.currentData() != BRUSH)

    def _show_others(self) -> None:
        self.others.setChecked(self._session.corrections.brush.take_others)

    def _on_others(self, allowed: bool) -> None:
        self._session.corrections.change_brush(take_others=allowed)
        if self._effects.shown:
            self.show_effect()

    def _on_preview(self, wanted: bool) -> None:
        if wanted:
            self.show_effect()
        else:
            self._effects.give_up()

    def _on_apply(self) -> None:
        if not self._effects.shown:
            self.show_effect()
        try:
            self._effects.apply()
        except AppError as error:
            self._report(error)

    def _on_tool_changed(self) -> None:
        if self._session.view.tool in TOOLS and self.kind.currentData() != BRUSH:
            self._effects.give_up()
            self.kind.setCurrentIndex(self.kind.findData(BRUSH))
        if self._session.view.tool in TOOLS:
            self.wanted.emit()
