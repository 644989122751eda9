"""Makes the pictures of README and Help: the real window, on the bundled scan, worked with by hand.

`python3 dev.py screenshots`; without a display, on a virtual one. Nothing is drawn that the window did not draw.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QEventLoop, QSettings, QSizeF, Qt, QTimer
from PySide6.QtGui import QImage, QPainter
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QDialog, QDoubleSpinBox, QTabWidget, QWidget

from app.editing.proposal import propose
from app.editing.shape import Margin
from app.prompts import Box, Point, Scribble
from app.render.vtk_widget import picture_of
from app.report.page import Content
from app.report.sheet import Sheet
from app.rulers import Ruler
from app.ui.app import end, make_application, make_window, show_crash
from app.ui.crash import CrashGuard
from app.ui.demo import KIDNEY, SAMPLE
from app.ui.dialogs.calibration import show_calibration
from app.ui.main_window import MainWindow
from app.ui.report_pdf import paint

ROOT = Path(__file__).resolve().parents[1]
OUT = ROOT / "resources" / "help"
README = ROOT / "docs" / "images"
OTHER = (93, 36, 36)
"""(k, j, i), deep in the left kidney of the bundled scan."""

ACROSS = (93, 37, 80)
"""In the middle of the right one on that slice."""

A4, EDGE = (1240, 1754), 115
"""Pixels of a page at 150 dpi, and of its margin."""

PATIENCE_S = 90.0


class Pictures:
    """One case, from the first click to the export; a picture of each part on the way."""

    def __init__(self, window: MainWindow, guard: CrashGuard) -> None:
        self._window, self._session, self._guard = window, window.session, guard

    def take(self) -> None:
        """All of them, in the order of the work."""
        self._window.resize(1440, 900)
        self._window.show()
        self._window.open(SAMPLE)
        self._wait("opened", lambda: self._session.document is not None and self._session.view.tool == "point")
        parts = (self._uncertainty, self._four_views, self._carried, self._correction, self._brush, self._prompts)
        for part in (*parts, self._history, self._measurements, self._report, self._export, self._crash, self._help):
            part()

    def _uncertainty(self) -> None:
        index = KIDNEY
        self._session.view.crosshair = index
        view = self._window.views.slices[0].view
        self._pause(300)
        QTest.mouseClick(
            view, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, view.pixel_at(index).toPoint()
        )
        self._wait("the first mask", lambda: self._session.case.segmentation.extent(1) is not None)
        self._session.begin_uncertainty(1)  # not left to the window, which leaves it out on a machine that is busy
        self._wait("the uncertainty", lambda: self._session.estimate(1) is not None)
        self._session.change_segment(1, name="Right kidney")
        self._window.actions_["next-click"].trigger()
        self._wait("the next click", lambda: "Least sure" in self._window.banner.text)
        self._save(self._window, "uncertainty")

    def _four_views(self) -> None:
        self._window.actions_["uncertainty"].trigger()
        self._session.view.crosshair = KIDNEY
        self._window.banner.hide()
        self._save(self._window, "window")

    def _carried(self) -> None:
        self._window.actions_["propagate"].trigger()
        ribbon = self._window.views.slices[0].bar
        self._wait("carried", lambda: not self._session.propagating and len(ribbon.confidences) > 1)
        self._window.banner.hide()
        self._save(self._window, "window", README)
        self._window.actions_["undo"].trigger()

    def _correction(self) -> None:
        self._window.commands.correct("margin")
        fields = self._window.sidebar.correct.findChildren(QDoubleSpinBox)
        next(field for field in fields if field.isVisible()).setValue(6.0)
        self._pause(1000)
        self._wait("the preview", lambda: not self._window.effects.busy and not self._window.activity.busy)
        self._save(self._window, "correct")
        self._window.effects.give_up()

    def _brush(self) -> None:
        self._session.view.tool = "brush"
        self._session.corrections.change_brush(millimetres=9.0)
        view, (k, j, i) = self._window.views.slices[0].view, KIDNEY
        places = [view.pixel_at((k, j + 9 - step, i - 9 + 2 * step)).toPoint() for step in range(10)]
        QTest.mousePress(view, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, places[0])
        for place in places:
            QTest.mouseMove(view, place)
            self._pause(30)
        self._save(self._window, "brush")
        self._window.commands.escape()
        self._session.view.tool = "point"

    def _prompts(self) -> None:
        kidney = self._session.add_segment("Left kidney")
        k, j, i = self._session.view.crosshair = OTHER
        prompts = (
            Point((k, j + 4, i)),
            Scribble(tuple((k, j - 6 + 2 * step, i + 5) for step in range(5))),
            Box((k, j - 11, i - 11), (k, j + 12, i + 13)),
            Point((k, j + 22, i - 2), positive=False),
        )
        for prompt in prompts:
            self._session.add_prompt(kidney, prompt)
            self._wait("its mask", lambda: not self._session.inference.busy)
        self._show_tab(self._window.prompts)
        self._save(self._window, "prompts")

    def _history(self) -> None:
        self._session.corrections.apply(
            propose(Margin(3.0), self._session.corrections.scene(self._session.view.active, None))
        )
        self._session.undo()
        self._show_tab(self._window.sidebar.history)
        self._save(self._window, "history")
        self._show_tab(self._window.prompts)

    def _show_tab(self, panel: QWidget) -> None:
        tabs = self._window.sidebar.findChild(QTabWidget)
        tabs.setCurrentWidget(panel)

    def _measurements(self) -> None:
        k, j, i = ACROSS
        self._session.view.rulers = (Ruler(((k, j, i - 8.5), (k, j, i + 9.0)), 0),)
        self._window.measuring.open()
        self._wait("measured", lambda: bool(self._window.measuring.dialog and self._window.measuring.dialog.shown))
        self._save(self._window.measuring.dialog, "measure")
        self._window.measuring.close()
        self._window.actions_["crosshair"].trigger()
        self._save(self._window, "rulers")
        self._session.view.rulers = ()

    def _report(self) -> None:
        case = self._session.case
        content = Content(
            case.volume, case.segmentation.labels, case.segments, self._session.statistics(), self._session.view.window
        )
        page = QImage(*A4, QImage.Format.Format_RGB32)
        page.fill(Qt.GlobalColor.white)
        painter = QPainter(page)
        painter.translate(EDGE, EDGE)
        paint(painter, Sheet.of(content), QSizeF(A4[0] - 2 * EDGE, A4[1] - 2 * EDGE))
        painter.end()
        page.save(str(OUT / "report.png"))
        print("report.png", file=sys.stderr)

    def _export(self) -> None:
        self._window.exports.labels()
        dialog = self._window.exports.dialog
        index = next(n for n in range(dialog.format.count()) if "SEG" in dialog.format.itemText(n))
        dialog.format.setCurrentIndex(index)
        self._pause(800)
        self._wait("looked at", lambda: self._window.jobs.running == 0)
        self._save(dialog, "export")
        dialog.reject()

    def _crash(self) -> None:
        """An error that nobody catches, as it would come to the program."""
        shown: list[QDialog] = []
        keep = self._window.keep_what_can_be_kept
        self._guard.serve(keep, lambda log: shown.append(show_crash(self._window, log, self._window.cases.save_as)))
        try:
            self._session.case.segment(0)
        except Exception:
            sys.excepthook(*sys.exc_info())
        self._save(shown[0], "crash")
        shown[0].close()

    def _help(self) -> None:
        page = show_calibration(self._window, self._session.model)
        self._save(page, "calibration")
        page.close()

    def _save(self, widget: QWidget | None, name: str, folder: Path = OUT) -> None:
        self._wait("surface up to date", lambda: not self._window.views.volume.view.busy)
        self._pause(600)
        if widget is None or not picture_of(widget).save(str(folder / f"{name}.png")):
            raise SystemExit(f"{name}.png could not be made")
        print(f"{name}.png", file=sys.stderr)

    def _wait(self, what: str, done: Callable[[], bool]) -> None:
        start = time.monotonic()
        while not done():
            if time.monotonic() - start > PATIENCE_S:
                raise SystemExit(f"waited {PATIENCE_S:.0f} s for: {what} {self._window.banner.text}")
            self._pause(20)

    @staticmethod
    def _pause(milliseconds: int) -> None:
        loop = QEventLoop()
        QTimer.singleShot(milliseconds, loop.quit)
        loop.exec()


def main() -> None:
    """Make them."""
    OUT.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        QSettings.setPath(QSettings.defaultFormat(), QSettings.Scope.UserScope, folder)  # nobody's own are touched
        guard = CrashGuard(Path(folder))
        guard.install()
        make_application()
        window = make_window(recovery=Path(folder) / "recovery")
        window.cases.leave = lambda: True  # type: ignore[method-assign]  # nobody is there to answer
        try:
            Pictures(window, guard).take()
        finally:
            window.close()
            end(window)
            guard.close()


if __name__ == "__main__":
    main()
