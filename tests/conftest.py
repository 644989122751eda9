"""What holds for every test: no network, the user's folders untouched, a display where needed, nothing left behind."""

import gc
import os
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hypothesis
import psutil
import pytest

TESTS = Path(__file__).parent
NEED_DISPLAY = ("render", "e2e")  # VTK finds no OpenGL under Qt's offscreen platform
HAS_DISPLAY = sys.platform != "linux" or bool(os.environ.get("DISPLAY"))
GRACE_S = 5.0  # a thread or process that was told to end may take this long on a loaded machine

_HOME = tempfile.TemporaryDirectory(prefix="volumask-tests-", ignore_cleanup_errors=True)
for _name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME"):
    os.environ[_name] = str(Path(_HOME.name) / _name.removeprefix("XDG_").removesuffix("_HOME").lower())
os.environ.setdefault("OMP_NUM_THREADS", "2")
if not HAS_DISPLAY:
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

# No deadline: the machines that run this are shared. In CI the examples are the same each time.
hypothesis.settings.register_profile("volumask", deadline=None, print_blob=True)
hypothesis.settings.register_profile("ci", deadline=None, print_blob=True, derandomize=True)
hypothesis.settings.load_profile("ci" if os.environ.get("CI") else "volumask")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip, with the reason, the tests of real pictures where there is no display."""
    if HAS_DISPLAY:
        return
    reason = pytest.mark.skip(reason="needs a display: run python3 dev.py test, which starts a virtual one")
    for item in items:
        if item.path.relative_to(TESTS).parts[0] in NEED_DISPLAY:
            item.add_marker(reason)


@pytest.fixture(scope="session", autouse=True)
def _no_network() -> Iterator[None]:
    """Make a connection to any other machine an error; sockets on this machine work."""
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: Any) -> None:
        local = self.family == getattr(socket, "AF_UNIX", None) or str(address[0]) in ("localhost", "127.0.0.1", "::1")
        if not local:
            raise OSError(f"a test tried to reach {address[0]!r}")
        connect(self, address)

    socket.socket.connect = guarded  # type: ignore[method-assign]
    yield
    socket.socket.connect = connect  # type: ignore[method-assign]


@pytest.fixture(autouse=True)
def _nothing_left_behind() -> Iterator[None]:
    """Fail a test that leaves a thread, a compute process or a top-level widget; those of wider fixtures stay."""
    threads, processes, widgets = set(threading.enumerate()), set(_children()), _top_levels()
    yield
    end = time.monotonic() + GRACE_S
    left = _left(threads, processes)
    while left and time.monotonic() < end:
        time.sleep(0.01)
        left = _left(threads, processes)
    left += [_describe(widget) for widget in _leaked_widgets(widgets)]
    if left:
        pytest.fail(f"the test left behind: {'; '.join(left)}", pytrace=False)


def _children() -> list[psutil.Process]:
    """The processes that this one started and that still run; Python's own tracker of shared memory is none of ours."""
    return [child for child in psutil.Process().children() if "resource_tracker" not in " ".join(_command(child))]


def _command(process: psutil.Process) -> list[str]:
    try:
        return list(process.cmdline())
    except psutil.Error:  # it has just ended
        return []


def _left(threads: set[threading.Thread], processes: set[psutil.Process]) -> list[str]:
    """Names of the threads and child processes that run now and are not among those given."""
    new = [thread for thread in threading.enumerate() if thread not in threads]
    running = [f"thread {t.name}" for t in new if not isinstance(t, threading._DummyThread)]
    return running + [f"process {' '.join(_command(p))}" for p in _children() if p not in processes]


def _top_levels() -> list[Any]:
    """Every top-level widget; none as long as no test made an application."""
    widgets = sys.modules.get("PySide6.QtWidgets")
    return list(widgets.QApplication.topLevelWidgets()) if widgets and widgets.QApplication.instance() else []


def _leaked_widgets(before: list[Any]) -> list[Any]:
    """Top-level widgets made since, after deferred deletes and, only if need be, a garbage collection."""
    for collect in (False, True):
        new = [widget for widget in _top_levels() if widget not in before]
        if not new:
            return []
        del new
        if collect:
            gc.collect()
        core = sys.modules["PySide6.QtCore"]
        core.QCoreApplication.sendPostedEvents(None, core.QEvent.Type.DeferredDelete.value)
    return [widget for widget in _top_levels() if widget not in before]


def _describe(widget: Any) -> str:
    return f"widget {type(widget).__name__} {widget.objectName() or widget.windowTitle()!r}"
