"""`DropWindow`: a main window on which a scan, a project or weights of a model may be dropped."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QTimer, QUrl
from PySide6.QtGui import QDragEnterEvent, QDragLeaveEvent, QDropEvent
from PySide6.QtWidgets import QMainWindow

from app.ui.cases import Cases
from app.ui.models import Models
from app.ui.panels.empty import EmptyState


class DropWindow(QMainWindow):
    """What is dropped goes to `cases` or to `models`, which a subclass makes; `empty` shows that it may be let go."""

    cases: Cases
    models: Models
    empty: EmptyState

    def __init__(self) -> None:
        super().__init__()
        self.setAcceptDrops(True)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:  # noqa: N802  # Qt's name
        """Accept what can be opened, and nothing else."""
        if self._dropped(event.mimeData().urls()) is not None:
            event.acceptProposedAction()
            self.empty.set_hovered(True)

    def dragLeaveEvent(self, event: QDragLeaveEvent) -> None:  # noqa: N802  # Qt's name
        """It went elsewhere."""
        self.empty.set_hovered(False)

    def dropEvent(self, event: QDropEvent) -> None:  # noqa: N802  # Qt's name
        """Open it once the drop has ended, so that the other program need not wait for a question of ours."""
        self.empty.set_hovered(False)
        path = self._dropped(event.mimeData().urls())
        if path is not None:
            event.acceptProposedAction()
            take = self.models.import_file if self.models.takes(path) else self.cases.open
            QTimer.singleShot(0, self, lambda: take(path))

    def _dropped(self, urls: list[QUrl]) -> Path | None:
        """The one scan, project or weights file that was dropped, if we open such."""
        paths = [Path(url.toLocalFile()) for url in urls if url.isLocalFile()]
        ours = len(paths) == 1 and (self.models.takes(paths[0]) or self.cases.can_open(paths[0]))
        return paths[0] if ours else None
