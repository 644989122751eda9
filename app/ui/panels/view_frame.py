"""`SliceFrame` and `VolumeFrame`: a view with its title, buttons and slider."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QLabel, QToolButton, QWidget

from app.document import Document
from app.engine.protocol import Estimated
from app.geometry import Index
from app.helper_process import Apart
from app.render.colours import PLANE_COLOURS
from app.render.slice_view import SliceView
from app.render.volume_view import VolumeView
from app.render.vtk_widget import VtkWidget
from app.ui.icons import icon
from app.ui.panels.slice_bar import SliceBar
from app.ui.tools import Mouse
from app.view_state import ViewState


def small_button(name: str, text: str) -> QToolButton:
    """A quiet button with an icon and, for a screen reader and as tip, a text."""
    button = QToolButton()
    button.setIcon(icon(name))
    button.setAutoRaise(True)
    button.setToolTip(text)
    button.setAccessibleName(text)
    return button


class ViewFrame(QFrame):
    """Title bar over a view.

    Signals:
        maximise_wanted(): its button was pressed.
        entered(): the mouse came into it.
    """

    maximise_wanted = Signal()
    entered = Signal()

    def __init__(self, title: str, colour: tuple[int, int, int], view: VtkWidget) -> None:
        super().__init__()
        self.setObjectName("frame")
        self.canvas = view.canvas
        view.setAccessibleName(title)
        self.grid = QGridLayout(self)
        self.grid.setContentsMargins(0, 0, 0, 0)
        self.grid.setSpacing(0)
        self.grid.addWidget(self._header(title, colour), 0, 0, 1, 2)
        self.grid.addWidget(view, 1, 0)
        self.grid.setRowStretch(1, 1)
        self.grid.setColumnStretch(0, 1)

    def show_maximised(self, alone: bool) -> None:
        """The button says what it does next."""
        self._maximise.setIcon(icon("restore" if alone else "maximise"))
        text = self.tr("Show all four views (F)") if alone else self.tr("Show this view alone (F, or double-click)")
        self._maximise.setToolTip(text)
        self._maximise.setAccessibleName(text)

    def enterEvent(self, event: object) -> None:  # noqa: N802  # Qt's name
        """Keys go to the view under the mouse."""
        self.entered.emit()

    def _header(self, title: str, colour: tuple[int, int, int]) -> QWidget:
        header = QWidget()
        header.setObjectName("header")
        header.setFixedHeight(28)
        row = QHBoxLayout(header)
        row.setContentsMargins(8, 0, 4, 0)
        row.setSpacing(6)
        stripe = QFrame()
        stripe.setFixedSize(4, 14)
        stripe.setStyleSheet(f"background: rgb{colour}; border-radius: 2px;")
        row.addWidget(stripe)
        self.title_label = QLabel(title)
        self.title_label.setObjectName("viewTitle")
        row.addWidget(self.title_label)
        row.addStretch()
        self.fit_button = small_button("fit", self.tr("Fit (Home)"))
        self._maximise = small_button("maximise", "")
        self._maximise.clicked.connect(self.maximise_wanted)
        for button in (self.fit_button, self._maximise):
            button.setFixedSize(24, 24)
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            row.addWidget(button)
        self.show_maximised(alone=False)
        return header


class SliceFrame(ViewFrame):
    """A slice view and its slider."""

    def __init__(self, title: str, world_axis: int, state: ViewState, mouse: Mouse) -> None:
        self.view = SliceView(world_axis)
        super().__init__(title, PLANE_COLOURS[world_axis], self.view)
        self._state, self._mouse = state, mouse
        self._carried: Mapping[int, float] = {}
        self._surety: Mapping[int, float] = {}
        self._marked: set[int] = set()
        self.view.mouse = mouse
        self.view.installEventFilter(self)
        self.bar = SliceBar()
        self.bar.setAccessibleName(self.tr("%1 slice").replace("%1", title))
        self.grid.addWidget(self.bar, 1, 1)
        self.fit_button.clicked.connect(self.view.fit)
        self.bar.picked.connect(self._on_picked)
        state.crosshair_changed.connect(self._on_crosshair_changed)

    def show_worked(self, worked: bool) -> None:
        """Whether propagation starts from this view."""
        self.title_label.setProperty("worked", worked)
        self.title_label.style().unpolish(self.title_label)
        self.title_label.style().polish(self.title_label)

    def set_case(self, document: Document | None) -> None:
        """Show a case, or nothing."""
        self.view.set_case(document, self._state)
        self._forget_ribbon()
        axis = self.view.axis
        geometry = document.volume.geometry if document else None
        self.bar.show_slices(geometry.shape[axis] if geometry else 1, geometry.grows(axis) if geometry else True)
        self._on_crosshair_changed()

    def show_confidences(self, document: Document, label: int) -> None:
        """The ribbon of a segment along this view's slices."""
        if label not in document.segmentation.segments:
            self._forget_ribbon()
            return
        axis = self.view.axis
        self._marked = {p.region().start[axis] for p in document.prompts(label) if p.region().shape[axis] == 1}
        self._carried = document.state(label).confidences.get(axis, {})
        self._show_ribbon()

    def show_estimate(self, estimate: Estimated | None) -> None:
        """The ensemble's uncertainty: as heat over the slice, and as ribbon where nothing was propagated."""
        shown = estimate if estimate is None or estimate.doubt is None else replace(estimate, deviation=estimate.doubt)
        self.view.set_estimate(shown)
        self._surety = estimate.surety[self.view.axis].slices if estimate and estimate.surety else {}
        self._show_ribbon()

    def _forget_ribbon(self) -> None:
        self._carried, self._surety, self._marked = {}, {}, set()
        self._show_ribbon()

    def _show_ribbon(self) -> None:
        """Beyond its end a propagation is surely empty, not unsure: such slices, of confidence 0, are left blank."""
        known = {**self._surety, **self._carried}
        self.bar.show_confidences({index: value for index, value in known.items() if value > 0}, self._marked)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802  # Qt's name
        """Space turns the left button into a hand."""
        if isinstance(event, QKeyEvent) and event.key() == Qt.Key.Key_Space and not event.isAutoRepeat():
            self._mouse.space_held = event.type() == QEvent.Type.KeyPress
            if self._mouse.space_held:
                self.view.setCursor(Qt.CursorShape.OpenHandCursor)
            else:
                self.view.unsetCursor()
            return True
        if event.type() == QEvent.Type.FocusOut:
            self._mouse.space_held = False
        return super().eventFilter(watched, event)

    def _on_picked(self, index: int) -> None:
        crosshair = list(self._state.crosshair)
        crosshair[self.view.axis] = index
        k, j, i = crosshair
        self._state.crosshair = k, j, i

    def _on_crosshair_changed(self) -> None:
        self.bar.setValue(max(0, self.view.slice_index))


class VolumeFrame(ViewFrame):
    """The surfaces in 3D."""

    def __init__(self, title: str, state: ViewState, apart: Apart) -> None:
        self.view = VolumeView(apart=apart)
        super().__init__(title, (139, 150, 165), self.view)
        self._state = state
        self.fit_button.clicked.connect(self.view.reset_view)
        self.view.double_clicked.connect(self.maximise_wanted)
        self.view.picked.connect(self._on_picked)

    def set_case(self, document: Document | None) -> None:
        """Show a case, or nothing."""
        self.view.set_case(document, self._state)

    def _on_picked(self, index: Index) -> None:
        self._state.crosshair = index
