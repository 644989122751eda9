"""A real session with the fake model in the engine's thread, and the real window over it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QSettings
from PySide6.QtWidgets import QApplication

from app.geometry import Geometry
from app.ui.app import make_application, make_window
from app.ui.main_window import MainWindow
from app.volume import Source, Volume
from tests.data import ROOT

SHAPE = (20, 24, 28)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Qt's offscreen platform says this of every window; nothing depends on it."""
    for item in items:
        if item.path.parent == Path(__file__).parent:
            item.add_marker(pytest.mark.qt_log_ignore("This plugin does not support propagateSizeHints", extend=True))


@pytest.fixture(scope="session")
def qapp() -> QApplication:
    """pytest-qt's application is ours: named and dressed."""
    return make_application()


@pytest.fixture
def volume(tmp_path: Path) -> Volume:
    voxels = np.random.default_rng(0).integers(0, 100, SHAPE).astype(np.int16)
    return Volume(voxels, Geometry(SHAPE, np.diag([1.0, 1, 2, 1])), source=Source(str(tmp_path / "scan.nii.gz")))


@pytest.fixture
def window(qtbot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[MainWindow]:
    """Empty, shown, closed at the end without a question."""
    monkeypatch.setenv("VOLUMASK_MODELS", str(ROOT / "tests" / "models"))
    QSettings().clear()
    made = make_window(mode="inline", model="fake", recovery=tmp_path / "recovery")
    made.resize(1200, 800)
    made.show()
    made.activateWindow()
    qtbot.waitExposed(made)
    yield made
    made.cases.leave = lambda: True
    made.close()
    made.deleteLater()


@pytest.fixture
def case(window: MainWindow, volume: Volume) -> MainWindow:
    """The window with a scan in it."""
    window.session.adopt(volume)
    return window


@pytest.fixture
def settle(qtbot, window: MainWindow) -> Callable[[], None]:
    """Waits until the engine has answered."""

    def wait() -> None:
        qtbot.waitUntil(lambda: not window.session.inference.busy, timeout=10_000)
        window.actions_.refresh()

    return wait
