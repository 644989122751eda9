"""`run`: builds application, session and window, and runs them."""

from __future__ import annotations

import gc
import logging
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from PySide6.QtCore import QCoreApplication, QEvent, QTimer
from PySide6.QtWidgets import (
    QApplication,
    QDialog,
    QLabel,
    QMessageBox,
    QPlainTextEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

import app
from app import graphics_card, installation, user_folders
from app.autosave import recoverable, recovery_folder
from app.helper_process import Helpers
from app.render.vtk_widget import can_draw
from app.session import Session
from app.ui import theme
from app.ui.crash import CrashGuard
from app.ui.dialogs.pages import show_page
from app.ui.dialogs.questions import ask_to_recover
from app.ui.engine_bridge import EngineBridge
from app.ui.icons import RESOURCES, icon
from app.ui.jobs import Job
from app.ui.main_window import MainWindow
from app.ui.opened_files import OpenedFiles

log = logging.getLogger(__name__)
NO_PICTURE = 3
"""Exit status where nothing can be drawn."""


def run(path: str | None) -> int:
    """Open the window, with a scan or project if one is named; returns the exit status when it is closed."""
    guard = CrashGuard(user_folders.log_folder())
    guard.install()
    application = make_application()
    if not can_draw():
        refuse_to_draw()
        guard.close()
        return NO_PICTURE
    window = make_window()
    application.installEventFilter(OpenedFiles(window.open, window))
    guard.serve(window.keep_what_can_be_kept, lambda log: show_crash(window, log, window.cases.save_as))
    window.show()
    set_aside()
    QTimer.singleShot(0, window, lambda: start(window, path))
    status = application.exec()
    end(window)
    guard.close()
    return status


def set_aside() -> None:
    """Take what was made until now, before any case, off the garbage collector's rounds.

    A round over the code and data of all modules stopped the window for 90 ms, at any moment.
    """
    gc.freeze()


def refuse_to_draw() -> None:
    """Say that there is no OpenGL, and what still works. Nothing is opened; recovery files stay for the next start."""
    said = QCoreApplication.translate("App", "Volumask cannot draw: this session offers no OpenGL 3.2.")
    hint = QCoreApplication.translate(
        "App",
        "Update the graphics driver, or start it in a session that is not remote. No file was changed. "
        "Commands work without a picture: volumask --help lists them.",
    )
    log.error("no OpenGL")
    print(f"volumask: {said} {hint}", file=sys.stderr)
    box = QMessageBox(QMessageBox.Icon.Critical, "Volumask", said)
    box.setInformativeText(hint)
    box.exec()


def end(window: MainWindow) -> None:
    """Delete a closed window now, so that its OpenGL contexts end while the application still runs."""
    window.deleteLater()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)


def make_application() -> QApplication:
    """The one QApplication, named and dressed."""
    existing = QApplication.instance()
    application = existing if isinstance(existing, QApplication) else QApplication(sys.argv[:1])
    application.setApplicationName("Volumask")
    application.setOrganizationName("Volumask")
    application.setApplicationVersion(app.__version__)
    application.setWindowIcon(icon("app"))
    theme.apply(application, RESOURCES / "style.qss")
    return application


def make_window(
    mode: Literal["process", "inline"] = "process", model: str | None = None, recovery: Path | None = None
) -> MainWindow:
    """A session whose engine delivers to the main thread, and its window."""
    bridge = EngineBridge()
    session = Session(mode=mode, model=model, deliver=bridge.deliver)
    bridge.connect_to(session.receive)
    return MainWindow(session, bridge, recovery, Helpers() if mode == "process" else None)


def tell_of_the_card(window: MainWindow) -> None:
    """Where this copy was made for NVIDIA's graphics cards and there is none: say that the processor computes."""
    if not installation.for_graphics_cards():
        return
    told = QCoreApplication.translate(
        "App",
        "There is no graphics card here that CUDA can use: the processor computes. The smaller installer is enough.",
    )

    def tell(usable: bool) -> None:
        if not usable:
            log.warning("made for CUDA, and no graphics card that it can use")
            window.banner.tell(told)

    window.jobs.start(Job(graphics_card.usable, tell, window.banner.tell_error))


def start(window: MainWindow, path: str | None, recovery: Path | None = None) -> None:
    """Offer what a crash interrupted, else open what was named."""
    tell_of_the_card(window)
    for file in recoverable(recovery or recovery_folder()):
        when = time.strftime("%x %X", time.localtime(file.stat().st_mtime))
        if ask_to_recover(window, when):
            window.cases.recover(file)
            return
        break
    if path:
        window.open(Path(path))


def show_crash(parent: QWidget, log: str, save: Callable[[], None] | None = None) -> QDialog:
    """What happened, what was saved, what to send; with `save`, a button that saves the case where the user says."""
    body = QWidget()
    column = QVBoxLayout(body)
    column.setContentsMargins(0, 0, 0, 0)
    text = QLabel(
        body.tr(
            "Something went wrong that Volumask did not expect. Your work was kept for recovery.\n"
            "Save it, then restart the program. The lines below help to find the cause; they hold no patient data."
        )
    )
    text.setWordWrap(True)
    lines = QPlainTextEdit(log)
    lines.setReadOnly(True)
    column.addWidget(text)
    if save:
        button = QPushButton(body.tr("Save what can be saved…"))
        button.clicked.connect(save)
        column.addWidget(button)
    column.addWidget(lines)
    return show_page(parent, "Volumask", body, 760, 480)
