"""`About`: what the window does about its About box: versions, licences of others, the question for a newer version."""

from __future__ import annotations

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QDialog, QPlainTextEdit, QWidget

from app import installation, releases
from app.engine.protocol import ReportProgress, Token
from app.errors import AppError
from app.ui.dialogs.about import AboutDialog
from app.ui.dialogs.pages import show_page
from app.ui.engine_bridge import EngineBridge
from app.ui.errands import Errands

_KEY = "updates"


class About(QObject):
    """One box, gone with its dialog. Opens no connection before the user asks for it."""

    def __init__(self, bridge: EngineBridge, model: str, window: QWidget) -> None:
        self.dialog = AboutDialog(installation.versions(), model, window)
        super().__init__(self.dialog)
        self._window = window
        self._errands = Errands(bridge, self)
        self._errands.done.connect(self._on_done)
        self._errands.failed.connect(self._on_failed)
        self.dialog.check_wanted.connect(self.check)
        self.dialog.notices_wanted.connect(self.show_notices)
        self.dialog.finished.connect(self._errands.close)
        self.dialog.show()

    def check(self) -> None:
        """Ask whether there is a newer version, in a thread of its own."""
        where = releases.address()
        if not where:
            self.dialog.tell(self.tr("This copy of Volumask knows no address where new versions are announced."))
            return
        self.dialog.tell(self.tr("Asking…"))

        def work(_progress: ReportProgress, _token: Token) -> releases.Release:
            return releases.newest(where)

        self._errands.start(_KEY, work)

    def show_notices(self) -> QDialog | None:
        """The licences of others, in a window of their own."""
        path = installation.notices()
        if path is None:
            self.dialog.tell(
                self.tr(
                    "This copy runs from its source; packaging/licences writes the notices of an environment or bundle."
                )
            )
            return None
        text = QPlainTextEdit(path.read_text(encoding="utf-8"))
        text.setReadOnly(True)
        text.setAccessibleName(self.tr("Licences of others"))
        return show_page(self._window, self.tr("Licences of others"), text, 860, 640)

    def _on_done(self, _key: str, release: object) -> None:
        if isinstance(release, releases.Release) and release.newer:
            self.dialog.tell(self.tr("Volumask %1 is there.").replace("%1", release.version), release.page)
        else:
            self.dialog.tell(self.tr("This is the newest version."))

    def _on_failed(self, _key: str, error: AppError) -> None:
        self.dialog.tell(str(error))
