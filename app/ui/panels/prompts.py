"""`PromptsPanel`: what was said about the active segment, one line per prompt."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QEvent, QObject, QPoint, QSize, Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QListWidget, QListWidgetItem, QVBoxLayout, QWidget

from app.document import Document
from app.errors import AppError
from app.geometry import Index
from app.prompts import Box, Point, Prompt, Scribble, SliceMask
from app.segment_state import Prompts, shared_start
from app.session import Session
from app.ui import theme
from app.ui.actions import Actions
from app.ui.icons import icon
from app.ui.panels.hint import Hint
from app.ui.panels.view_frame import small_button


class PromptsPanel(QWidget):
    """A click looks at a prompt; its buttons turn it from include to exclude and take it away; so do the keys.

    Signals:
        chosen(Prompt | None): the selected line.
    """

    chosen = Signal(object)

    def __init__(self, session: Session, report: Callable[[AppError], None]) -> None:
        super().__init__()
        self._session, self._report = session, report
        self._names = (self.tr("sagittal"), self.tr("coronal"), self.tr("axial"))
        self._actions: Actions | None = None
        self._shown: Prompts = ()
        self._label = 0
        self.list = QListWidget()
        self.list.setAccessibleName(self.tr("Prompts of the active segment"))
        self.list.setIconSize(QSize(16, 16))
        self.list.setUniformItemSizes(True)
        self.list.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.list.itemClicked.connect(self._look_at)
        self.list.itemActivated.connect(self._look_at)
        self.list.itemDoubleClicked.connect(self._look_at)
        self.list.currentItemChanged.connect(self._on_current_changed)
        self.list.customContextMenuRequested.connect(self._show_menu)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 4, 0, 0)
        column.addWidget(self.list)
        self._hint = Hint(self.tr("Click includes, Ctrl+click excludes.\nWhat you say is listed here."), self.list)
        session.view.active_changed.connect(self.refresh)
        self.list.verticalScrollBar().valueChanged.connect(self._furnish)
        self.list.viewport().installEventFilter(self)

    def add_actions(self, actions: Actions) -> None:
        """Keys and the context menu."""
        self._actions = actions
        for name in ("delete-prompt", "flip-prompt"):
            self.addAction(actions[name])

    def refresh(self, *_: object) -> None:
        """Show the prompts as they are now; the chosen one stays chosen while it is there.

        Lines that stay are not made again, so that a click costs the same after ten thousand others.
        """
        document, label = self._session.document, self._session.view.active
        prompts = document.prompts(label) if document and label in document.segmentation.segments else ()
        selected = self.selected if label == self._label else None
        kept = shared_start(self._shown, prompts) if label == self._label else 0
        self._label, self._shown = label, prompts
        self.list.blockSignals(True)
        while self.list.count() > kept:
            self.list.takeItem(self.list.count() - 1)
        for prompt in prompts[kept:]:
            self._add(document, prompt)  # type: ignore[arg-type]  # prompts belong to a document
        self.list.blockSignals(False)
        self._hint.setVisible(not prompts)
        self.list.scrollToBottom()
        self._select(selected)
        self._furnish()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802  # Qt's name
        """Lines that come into sight get their buttons."""
        if event.type() in (QEvent.Type.Resize, QEvent.Type.Show):
            self._furnish()
        return super().eventFilter(watched, event)

    @property
    def selected(self) -> Prompt | None:
        """The prompt of the selected line."""
        row = self.list.currentItem()
        prompt: Prompt | None = row.data(Qt.ItemDataRole.UserRole) if row and row.isSelected() else None
        return prompt

    def choose(self, prompt: Prompt) -> None:
        """Select the line of a prompt that was taken hold of in a view."""
        self._select(prompt)

    def remove(self, prompt: Prompt) -> None:
        """Take one prompt away; the mask follows."""
        prompts = self._session.prompts(self._session.view.active)
        self._session.set_prompts(self._session.view.active, [other for other in prompts if other is not prompt])

    def flip(self, prompt: Prompt) -> None:
        """Turn one from include to exclude, or back; the mask follows. Boxes and outlines have no opposite."""
        if isinstance(prompt, Point | Scribble):
            turned = prompt.turned()
            prompts = self._session.prompts(self._session.view.active)
            self._session.set_prompts(self._session.view.active, [turned if p is prompt else p for p in prompts])
            self._select(turned)

    # How

    def _select(self, prompt: Prompt | None) -> None:
        place = self._shown.index(prompt) if prompt is not None and prompt in self._shown else -1
        self.list.setCurrentItem(self.list.item(place) if place >= 0 else None)  # type: ignore[arg-type]  # None is allowed
        if place < 0:
            self.chosen.emit(None)

    def _furnish(self, *_: object) -> None:
        """Give the lines in sight their buttons: those of ten thousand lines take seconds and 100 MB."""
        first = self.list.verticalScrollBar().value()
        count = self.list.viewport().height() // max(1, self.list.sizeHintForRow(0)) + 2
        for place in range(first, min(first + count, len(self._shown), self.list.count())):
            row = self.list.item(place)
            if row and self.list.itemWidget(row) is None:
                self.list.setItemWidget(row, self._buttons(self._shown[place]))

    def _add(self, document: Document, prompt: Prompt) -> None:
        positive = getattr(prompt, "positive", True)
        picture = icon("include", theme.INCLUDE) if positive else icon("exclude", theme.EXCLUDE)
        text = f"{self._kind(prompt)}   {self._place(document, prompt)}"
        row = QListWidgetItem(picture, text)
        row.setData(Qt.ItemDataRole.UserRole, prompt)
        row.setToolTip(self.tr("Click to look at it, drag it in a view, Delete takes it away"))
        row.setData(
            Qt.ItemDataRole.AccessibleTextRole, f"{text}, {self.tr('include') if positive else self.tr('exclude')}"
        )
        self.list.addItem(row)

    def _buttons(self, prompt: Prompt) -> QWidget:
        holder = QWidget()
        line = QHBoxLayout(holder)
        line.setContentsMargins(0, 0, 2, 0)
        line.setSpacing(2)
        line.addStretch()
        if isinstance(prompt, Point | Scribble):
            text = self.tr("Turn to exclude (Shift+T)") if prompt.positive else self.tr("Turn to include (Shift+T)")
            turn = small_button("flip", text)
            turn.clicked.connect(lambda: self._guarded(self.flip, prompt))
            line.addWidget(turn)
        remove = small_button("close", self.tr("Take this prompt away (Delete)"))
        remove.clicked.connect(lambda: self._guarded(self.remove, prompt))
        line.addWidget(remove)
        for number in range(line.count()):
            item = line.itemAt(number)
            if item and (button := item.widget()):
                button.setObjectName("inRow")
                button.setFixedSize(22, 22)
        return holder

    def _guarded(self, work: Callable[[Prompt], None], prompt: Prompt) -> None:
        try:
            work(prompt)
        except AppError as error:
            self._report(error)

    def _kind(self, prompt: Prompt) -> str:
        match prompt:
            case Point():
                return self.tr("Point")
            case Box():
                return self.tr("Box")
            case Scribble():
                return self.tr("Scribble")
            case SliceMask():
                return self.tr("Lasso")

    def _place(self, document: Document, prompt: Prompt) -> str:
        """The slice it was made on, as the views number them."""
        region, world_axes = prompt.region(), document.volume.geometry.world_axes
        flat = [axis for axis in range(3) if region.shape[axis] == 1]
        axis = flat[0] if len(flat) == 1 else world_axes.index(2)
        if isinstance(prompt, Point) and prompt.axis is not None:
            axis = prompt.axis
        return f"{self._names[world_axes[axis]]} {region.start[axis] + 1}"

    def _on_current_changed(self, *_: object) -> None:
        self.chosen.emit(self.selected)

    def _look_at(self, row: QListWidgetItem) -> None:
        self._session.view.crosshair = middle(row.data(Qt.ItemDataRole.UserRole))

    def _show_menu(self, place: QPoint) -> None:
        if self._actions and self.list.itemAt(place):
            menu = self._actions.context_menu(self, ("flip-prompt", "delete-prompt"))
            menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
            menu.popup(self.list.mapToGlobal(place))


def middle(prompt: Prompt) -> Index:
    """A voxel to look at: the middle of the prompt."""
    if isinstance(prompt, Scribble):
        return prompt.indices[len(prompt.indices) // 2]
    region = prompt.region()
    k, j, i = ((a + b - 1) // 2 for a, b in zip(region.start, region.stop, strict=True))
    return k, j, i
