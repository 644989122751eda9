"""`SegmentsPanel`: the list of structures: shown, colour, name, volume, locked."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QEvent, QObject, QSize, Qt, Signal
from PySide6.QtGui import QColor, QKeyEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QColorDialog,
    QHeaderView,
    QLabel,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from app.errors import AppError
from app.segmentation import Segment
from app.session import Session
from app.ui import theme
from app.ui.icons import icon, swatch
from app.ui.panels.hint import Hint
from app.ui.panels.volumes import Volumes, millilitres

EYE, COLOUR, NAME, VOLUME, LOCK = range(5)


class SegmentsPanel(QWidget):
    """One row per segment; the active one is chosen. A double click on a name, or F2, renames.

    Signals:
        menu_wanted(QPoint): a context menu at a place of the screen.
    """

    menu_wanted = Signal(object)

    def __init__(self, session: Session, volumes: Volumes, report: Callable[[AppError], None]) -> None:
        super().__init__()
        self._session, self._volumes, self._report = session, volumes, report
        self._filling = False
        self.list = self._made_list()
        self.interval = QLabel(" ")
        self.interval.setObjectName("dim")
        policy = self.interval.sizePolicy()
        policy.setRetainSizeWhenHidden(True)  # or the lists below jump after every click
        self.interval.setSizePolicy(policy)
        self.interval.hide()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        column.addWidget(self.list)
        column.addWidget(self.interval)
        self._hint = Hint(self.tr("Click on a structure in a slice:\nits segment appears here."), self.list)
        session.view.active_changed.connect(self._choose_active)
        volumes.changed.connect(self._show_volumes)

    def refresh(self) -> None:
        """Show the list as it is now."""
        segments = self._session.document.segments if self._session.document else ()
        self._filling = True
        try:
            if [_label(row) for row in self._rows] != [segment.label for segment in segments]:
                self.list.clear()
                self.list.addTopLevelItems([self._row(segment) for segment in segments])
            for row, segment in zip(self._rows, segments, strict=True):
                self._fill(row, segment)
        finally:
            self._filling = False
        self._hint.setVisible(not segments)
        self._show_volumes()
        self._choose_active()

    def rename_active(self) -> None:
        """Put the cursor into the active segment's name."""
        if row := self._row_of(self._session.view.active):
            self.list.editItem(row, NAME)

    def show_interval(self, text: str) -> None:
        """The volume with its uncertainty, nothing when empty."""
        self.interval.setText(text or " ")
        self.interval.setVisible(bool(text))

    @property
    def _rows(self) -> list[QTreeWidgetItem]:
        rows = (self.list.topLevelItem(number) for number in range(self.list.topLevelItemCount()))
        return [row for row in rows if row is not None]

    def _made_list(self) -> QTreeWidget:
        table = QTreeWidget()
        table.setAccessibleName(self.tr("Segments"))
        table.setColumnCount(5)
        table.setHeaderHidden(True)
        table.setRootIsDecorated(False)
        table.setUniformRowHeights(True)
        table.setIconSize(QSize(18, 18))
        table.setMinimumHeight(84)  # three rows; a small screen needs the rest for corrections
        table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        table.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        head = table.header()
        head.setStretchLastSection(False)
        head.setMinimumSectionSize(24)
        for column, width in ((EYE, 30), (COLOUR, 30), (LOCK, 30)):
            head.setSectionResizeMode(column, QHeaderView.ResizeMode.Fixed)
            table.setColumnWidth(column, width)
        head.setSectionResizeMode(NAME, QHeaderView.ResizeMode.Stretch)
        head.setSectionResizeMode(VOLUME, QHeaderView.ResizeMode.ResizeToContents)
        table.itemClicked.connect(self._on_clicked)
        table.itemDoubleClicked.connect(self._on_double_clicked)
        table.itemChanged.connect(self._on_changed)
        table.currentItemChanged.connect(self._on_current_changed)
        table.customContextMenuRequested.connect(lambda place: self.menu_wanted.emit(table.mapToGlobal(place)))
        table.installEventFilter(self)
        return table

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802  # Qt's name
        """Enter renames, as in a file manager."""
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress and event.key() == Qt.Key.Key_Return:
            if self.list.state() != QAbstractItemView.State.EditingState:
                self.rename_active()
            return True
        return super().eventFilter(watched, event)

    def _row(self, segment: Segment) -> QTreeWidgetItem:
        row = QTreeWidgetItem()
        row.setData(NAME, Qt.ItemDataRole.UserRole, segment.label)
        row.setFlags(row.flags() | Qt.ItemFlag.ItemIsEditable)
        row.setTextAlignment(VOLUME, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        row.setForeground(VOLUME, QColor(theme.DIM))
        return row

    def _fill(self, row: QTreeWidgetItem, segment: Segment) -> None:
        row.setIcon(EYE, icon("eye") if segment.visible else icon("eye-off", theme.DISABLED))
        row.setToolTip(EYE, self.tr("Hide (V)") if segment.visible else self.tr("Show (V)"))
        row.setIcon(COLOUR, swatch(segment.colour))
        row.setToolTip(COLOUR, self.tr("Change the colour"))
        row.setText(NAME, segment.name)
        row.setToolTip(NAME, self.tr("%1, label %2").replace("%1", segment.name).replace("%2", str(segment.label)))
        row.setForeground(NAME, QColor(theme.TEXT if segment.visible else theme.DISABLED))
        row.setIcon(LOCK, icon("lock") if segment.locked else icon("unlock", theme.DISABLED))
        row.setToolTip(LOCK, self.tr("Unlock") if segment.locked else self.tr("Lock: nothing changes its voxels"))

    def _show_volumes(self) -> None:
        self._filling = True
        for row in self._rows:
            volume = self._volumes.of(_label(row))
            row.setText(VOLUME, "" if volume is None else millilitres(volume))
        self._filling = False

    def _row_of(self, label: int) -> QTreeWidgetItem | None:
        return next((row for row in self._rows if _label(row) == label), None)

    def _choose_active(self) -> None:
        self._filling = True
        self.list.setCurrentItem(self._row_of(self._session.view.active))  # type: ignore[arg-type]  # None is allowed
        self._filling = False

    def _on_current_changed(self, row: QTreeWidgetItem | None) -> None:
        if row is not None and not self._filling:
            self._session.view.active = _label(row)

    def _on_clicked(self, row: QTreeWidgetItem, column: int) -> None:
        segment = self._segment(row)
        if column == EYE:
            self._session.change_segment(segment, visible=not segment.visible)
        elif column == LOCK:
            self._session.change_segment(segment, locked=not segment.locked)
        elif column == COLOUR:
            self._choose_colour(segment)

    def _on_double_clicked(self, row: QTreeWidgetItem, column: int) -> None:
        if column == NAME:
            self.list.editItem(row, NAME)

    def _on_changed(self, row: QTreeWidgetItem, column: int) -> None:
        if self._filling or column != NAME:
            return
        name = row.text(NAME).strip()
        if name:
            self._session.change_segment(self._segment(row), name=name)
        else:
            self.refresh()

    def _choose_colour(self, segment: Segment) -> None:
        colour = QColorDialog.getColor(
            QColor(*segment.colour), self, self.tr("Colour of %1").replace("%1", segment.name)
        )
        if colour.isValid():
            self._session.change_segment(segment, colour=(colour.red(), colour.green(), colour.blue()))

    def _segment(self, row: QTreeWidgetItem) -> Segment:
        return self._session.case.segment(_label(row))


def _label(row: QTreeWidgetItem) -> int:
    return int(row.data(NAME, Qt.ItemDataRole.UserRole))
