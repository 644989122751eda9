"""`PromptsPanel`: what was said about the active segment, one line per prompt."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import QListWidget, QListWidgetItem, QVBoxLayout, QWidget

from app.document import Document
from app.errors import AppError
from app.geometry import Index
from app.prompts import Box, Point, Prompt, Scribble, SliceMask
from app.session import Session
from app.ui import theme
from app.ui.icons import icon
from app.ui.panels.hint import Hint
from app.ui.panels.view_frame import small_button


class PromptsPanel(QWidget):
    """A double click looks at a prompt, Delete takes it away.

    Signals:
        chosen(Prompt | None): the selected line.
    """

    chosen = Signal(object)

    def __init__(self, session: Session, report: Callable[[AppError], None]) -> None:
        super().__init__()
        self._session, self._report = session, report
        self._names = (self.tr("sagittal"), self.tr("coronal"), self.tr("axial"))
        self.list = QListWidget()
        self.list.setAccessibleName(self.tr("Prompts of the active segment"))
        self.list.setIconSize(QSize(16, 16))
        self.list.setUniformItemSizes(True)
        self.list.itemDoubleClicked.connect(self._on_double_clicked)
        self.list.currentItemChanged.connect(self._on_current_changed)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 4, 0, 0)
        column.addWidget(self.list)
        self._hint = Hint(self.tr("Click includes, Ctrl+click excludes.\nWhat you say is listed here."), self.list)
        session.view.active_changed.connect(self.refresh)

    def refresh(self, *_: object) -> None:
        """Show the prompts as they are now."""
        document, label = self._session.document, self._session.view.active
        prompts = document.prompts(label) if document and label in document.segmentation.segments else ()
        self.list.clear()
        for prompt in prompts:
            self._add(document, prompt)  # type: ignore[arg-type]  # prompts belong to a document
        self._hint.setVisible(not prompts)
        self.list.scrollToBottom()

    @property
    def selected(self) -> Prompt | None:
        """The prompt of the selected line."""
        row = self.list.currentItem()
        prompt: Prompt | None = row.data(Qt.ItemDataRole.UserRole) if row and row.isSelected() else None
        return prompt

    def remove(self, prompt: Prompt) -> None:
        """Take one prompt away; the mask follows."""
        prompts = self._session.prompts(self._session.view.active)
        self._session.set_prompts(self._session.view.active, [other for other in prompts if other is not prompt])

    def _add(self, document: Document, prompt: Prompt) -> None:
        positive = getattr(prompt, "positive", True)
        picture = icon("include", theme.INCLUDE) if positive else icon("exclude", theme.EXCLUDE)
        text = f"{self._kind(prompt)}   {self._place(document, prompt)}"
        row = QListWidgetItem(picture, text)
        row.setData(Qt.ItemDataRole.UserRole, prompt)
        row.setToolTip(self.tr("Double-click to look at it, Delete to take it away"))
        row.setData(
            Qt.ItemDataRole.AccessibleTextRole, f"{text}, {self.tr('include') if positive else self.tr('exclude')}"
        )
        self.list.addItem(row)
        button = small_button("close", self.tr("Take this prompt away"))
        button.clicked.connect(lambda: self._guarded_remove(prompt))
        holder = QWidget()
        holder_row = QVBoxLayout(holder)
        holder_row.setContentsMargins(0, 0, 2, 0)
        button.setFixedSize(20, 20)
        holder_row.addWidget(button, 0, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.list.setItemWidget(row, holder)

    def _guarded_remove(self, prompt: Prompt) -> None:
        try:
            self.remove(prompt)
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
                return self.tr("Slice mask")

    def _place(self, document: Document, prompt: Prompt) -> str:
        """The slice it was made on, as the views number them."""
        region, world_axes = prompt.region(), document.volume.geometry.world_axes
        flat = [axis for axis in range(3) if region.shape[axis] == 1]
        axis = flat[0] if len(flat) == 1 else world_axes.index(2)
        return f"{self._names[world_axes[axis]]} {region.start[axis] + 1}"

    def _on_current_changed(self, *_: object) -> None:
        self.chosen.emit(self.selected)

    def _on_double_clicked(self, row: QListWidgetItem) -> None:
        self._session.view.crosshair = middle(row.data(Qt.ItemDataRole.UserRole))


def middle(prompt: Prompt) -> Index:
    """A voxel to look at: the middle of the prompt."""
    if isinstance(prompt, Scribble):
        return prompt.indices[len(prompt.indices) // 2]
    region = prompt.region()
    k, j, i = ((a + b - 1) // 2 for a, b in zip(region.start, region.stop, strict=True))
    return k, j, i
