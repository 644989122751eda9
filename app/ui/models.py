"""`Models`: what the window does about weights: the page of models, downloads, imports by button or drop, checks."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QSettings, Signal
from PySide6.QtWidgets import QWidget
from shiboken6 import isValid

from app.engine import registry
from app.engine.model_card import ModelCard
from app.engine.protocol import ReportProgress, Token
from app.errors import AppError
from app.session import Session
from app.ui import model_words
from app.ui.dialogs.models import PROXY, SUFFIXES, ModelsDialog, ask_which
from app.ui.engine_bridge import EngineBridge
from app.ui.errands import Errands
from app.ui.panels.banner import Banner
from app.ui.table import KINDS, PROMPT_TOOLS

if TYPE_CHECKING:
    from app.engine.weights.store import Verdict


@dataclass(frozen=True, slots=True)
class Measured:
    """A model was tried on this computer."""

    model: str


class Models(QObject):
    """Signals: `changed()`: a model came to this computer."""

    changed = Signal()

    def __init__(self, session: Session, bridge: EngineBridge, banner: Banner, window: QWidget) -> None:
        super().__init__(window)
        self._session, self._banner, self._window = session, banner, window
        self.errands = Errands(bridge, self)
        self.errands.done.connect(self._on_done)
        self.errands.failed.connect(self._on_failed)
        self._dialog: ModelsDialog | None = None
        session.model_changed.connect(self._on_model_changed)

    def show(self, model: str = "") -> ModelsDialog:
        """The page of models, at one of them."""
        dialog = self._open_dialog() or self._made_dialog()
        if model:
            dialog.choose(model)
        dialog.show()
        dialog.raise_()
        dialog.activateWindow()
        return dialog

    def takes(self, path: Path) -> bool:
        """Whether a dropped file is called like weights."""
        return path.suffix.lower() in SUFFIXES and path.is_file()

    def download(self, model: str) -> None:
        """Fetch a model's weights; the window goes on."""
        card = registry.card(model)
        proxy = str(QSettings().value(PROXY, ""))

        def work(progress: ReportProgress, token: Token) -> ModelCard:
            from app.engine.weights import store  # the network's code comes when the user asks for it

            store.download(card, progress, token, proxy)
            return card

        self.errands.start(card.id, work)

    def import_file(self, path: Path, as_model: str = "") -> None:
        """Copy a weights file to its place; asks where the file does not tell which model it is."""

        def work(progress: ReportProgress, token: Token) -> ModelCard:
            from app.engine.weights import store

            return store.import_file(path, progress, token, as_model)

        self._tell(self.tr("Reading %1…").replace("%1", path.name))
        self.errands.start(str(path), work)

    def check(self, model: str) -> None:
        """Compare checksum and parameters with what they should be."""
        card = registry.card(model)

        def work(progress: ReportProgress, token: Token) -> Verdict:
            from app.engine.weights import store

            return store.verify(card, progress, token)

        self.errands.start(card.id, work)

    def try_here(self, model: str) -> None:
        """Test this computer, and how fast the model is on it, in a process of its own."""

        def work(progress: ReportProgress, token: Token) -> Measured:
            from app.engine import trying

            trying.try_in_child([model], progress, token)
            return Measured(model)

        self.errands.start(model, work)

    def use(self, model: str) -> None:
        """Let this model answer from now on."""
        try:
            self._session.use_model(model)
        except AppError as error:
            self._tell_error(error)

    @property
    def first_tool(self) -> str:
        """The tool to begin with: for the handiest kind of prompt that the model takes."""
        return next((tool for tool in PROMPT_TOOLS if tool in self._session.model.prompts), "crosshair")

    def close(self) -> None:
        """End what runs; what was measured is kept."""
        self._session.inference.speeds.save()
        self.errands.close()

    def _made_dialog(self) -> ModelsDialog:
        dialog = self._dialog = ModelsDialog(self._session, self.errands, self._window)
        dialog.download_wanted.connect(self.download)
        dialog.cancel_wanted.connect(self.errands.cancel)
        dialog.check_wanted.connect(self.check)
        dialog.test_wanted.connect(self.try_here)
        dialog.use_wanted.connect(self.use)
        dialog.import_wanted.connect(self._on_import_wanted)
        self.changed.connect(dialog.fill)
        return dialog

    def _open_dialog(self) -> ModelsDialog | None:
        dialog = self._dialog
        return dialog if dialog is not None and isValid(dialog) and dialog.isVisible() else None

    def _on_model_changed(self) -> None:
        kind = KINDS.get(self._session.view.tool)
        if kind and kind not in self._session.model.prompts:
            self._session.view.tool = self.first_tool
        if dialog := self._open_dialog():
            dialog.fill()

    def _on_import_wanted(self, path: str) -> None:
        self.import_file(Path(path))

    def _on_done(self, key: str, result: object) -> None:
        if isinstance(result, ModelCard):
            self.changed.emit()
            text = self.tr("%1 is installed. Choose it under Model to use it.").replace("%1", result.name)
            if dialog := self._open_dialog():
                dialog.choose(result.id)
            self._tell(text)
        elif isinstance(result, Measured):
            self._session.inference.speeds.refresh()
            self.changed.emit()
            here = model_words.speed(self._session.inference.speeds.of(result.model))
            text = self.tr("%1: a click takes %2 here.").replace("%1", registry.card(result.model).name)
            self._tell(text.replace("%2", here))
        else:
            self._tell_verdict(key, result)

    def _tell_verdict(self, model: str, verdict: object) -> None:
        problem = getattr(verdict, "problem", "")
        if problem:
            self._tell_error(AppError(problem, self.tr("Get the weights again.")))
            return
        words = {
            "published": self.tr("%1 is whole: its checksum is the published one."),
            "first seen": self.tr("%1 is whole: its checksum is the one it came with."),
            "": self.tr("%1 has the right parameters; no checksum of it is known."),
        }
        self._tell(words[getattr(verdict, "known", "")].replace("%1", registry.card(model).name))

    def _on_failed(self, key: str, error: AppError) -> None:
        candidates = getattr(error, "candidates", ())
        if not candidates:
            self._tell_error(error)
            return
        cards = [registry.card(model) for model in candidates]
        if model := ask_which(self._open_dialog() or self._window, error.message, cards):
            self.import_file(Path(key), model)

    def _tell(self, text: str) -> None:
        if dialog := self._open_dialog():
            dialog.tell(text)
        else:
            self._banner.tell(text)

    def _tell_error(self, error: AppError) -> None:
        if dialog := self._open_dialog():
            dialog.tell(str(error), bad=True)
        else:
            self._banner.tell_error(error)
