"""Makes the pictures of README and Help: the real window, on the bundled scan, worked with by hand.

`python3 dev.py screenshots`; without a display, on a virtual one. Nothing is drawn that the window did not draw.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QEventLoop, QSettings, Qt, QTimer
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QDoubleSpinBox, QWidget

from app.render.vtk_widget import picture_of
from app.rulers import Ruler
from app.ui.app import end, make_application, make_window
from app.ui.dialogs.calibration import show_calibration
from app.ui.main_window import MainWindow

ROOT = Path(__file__).resolve().parents[1]
OUT = ROOT / "resources" / "help"
README = ROOT / "docs" / "images"
SCAN = ROOT / "resources" / "sample" / "ct_abdomen.nii.gz"
KIDNEY = (74, 43, 86)
"""(k, j, i), deep in the right one of the bundled scan."""

PATIENCE_S = 90.0


class Pictures:
    """One case, from the first click to the export; a picture of each part on the way."""

    def __init__(self, window: MainWindow) -> None:
        self._window, self._session = window, window.session

    def take(self) -> None:
        """All of them, in the order of the work."""
        self._window.resize(1440, 900)
        self._window.show()
        self._window.open(SCAN)
        self._wait("opened", lambda: self._session.document is not None and self._session.view.tool == "point")
        parts = self._uncertainty, self._four_views, self._carried, self._correction, self._measurements, self._export
        for part in parts:
            part()
        self._help()

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

    def _measurements(self) -> None:
        k, j, i = self._session.view.crosshair
        self._session.view.rulers = (Ruler(((k, j, i - 9.0), (k, j, i + 9.0)), 0),)
        self._window.measuring.open()
        self._wait("measured", lambda: bool(self._window.measuring.dialog and self._window.measuring.dialog.shown))
        self._save(self._window.measuring.dialog, "measure")
        self._window.measuring.close()
        self._window.actions_["crosshair"].trigger()
        self._save(self._window, "rulers")
        self._session.view.rulers = ()

    def _export(self) -> None:
        self._window.exports.labels()
        dialog = self._window.exports.dialog
        index = next(n for n in range(dialog.format.count()) if "SEG" in dialog.format.itemText(n))
        dialog.format.setCurrentIndex(index)
        self._pause(800)
        self._wait("looked at", lambda: self._window.jobs.running == 0)
        self._save(dialog, "export")
        dialog.reject()

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
        make_application()
        window = make_window(model="classic", recovery=Path(folder) / "recovery")
        window.cases.leave = lambda: True  # type: ignore[method-assign]  # nobody is there to answer
        try:
            Pictures(window).take()
        finally:
            window.close()
            end(window)


if __name__ == "__main__":
    main()
