"""Files dragged from another program onto the running one, by the mouse of a virtual screen: X's own drag and drop."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from tests.data import ROOT, SAMPLE
from tests.e2e.desktop_user import DesktopUser, tools_missing, virtual_screen
from tests.e2e.dragged_file import TITLE
from tests.unit.official_files import hollow

LACKING = tools_missing() if sys.platform == "linux" else ["Linux"]
pytestmark = pytest.mark.skipif(bool(LACKING), reason=f"needs {', '.join(LACKING)}")

SOURCE, TARGET = (80, 30), (700, 500)  # pixels of the screen: in the other program's window, and in ours beside it
STEPS = 20
ATTEMPTS, PAUSE_S = 8, 30.0


@contextmanager
def running(environment: dict[str, str], *words: str) -> Iterator[subprocess.Popen[bytes]]:
    program = subprocess.Popen(
        [sys.executable, *words], cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    try:
        yield program
    finally:
        for child in psutil.Process(program.pid).children(recursive=True):
            child.kill()
        program.kill()
        said = program.communicate()[1].decode(errors="replace")
    assert "Traceback" not in said


def drag(person: DesktopUser, environment: dict[str, str], path: Path, taken: Callable[[], object]) -> None:
    """Press on the file in the other program, move over the window, let go; again while a slow machine misses it."""
    with running(environment, "-m", "tests.e2e.dragged_file", str(path)):
        person.window(TITLE)
        for _ in range(ATTEMPTS):
            person.do("mousemove", *SOURCE)
            time.sleep(1)
            person.do("mousedown", 1)
            for step in range(1, STEPS + 1):
                share = step / STEPS
                person.do("mousemove", *(round(a + (b - a) * share) for a, b in zip(SOURCE, TARGET, strict=True)))
                time.sleep(0.1)
            time.sleep(3)
            person.do("mouseup", 1)
            end = time.monotonic() + PAUSE_S
            while time.monotonic() < end:
                if taken():
                    return
                time.sleep(0.5)
    pytest.fail(f"{path.name} was dropped {ATTEMPTS} times and not taken")


@pytest.mark.skipif(not SAMPLE.exists(), reason="resources/sample is not in this checkout")
def test_weights_and_a_scan_are_dropped_on_the_window(tmp_path: Path) -> None:
    """The weights' file has a name that says nothing: its tensors' names tell which model it is."""
    weights = hollow("lite_medsam", tmp_path, "thing.bin")
    homes = {f"XDG_{name}_HOME": str(tmp_path / name.lower()) for name in ("CONFIG", "DATA", "CACHE", "STATE")}
    with virtual_screen() as screen:
        environment = os.environ | screen | homes | {"QT_QPA_PLATFORM": "xcb"}
        with running(environment, "-m", "app") as program:
            person = DesktopUser(screen)
            person.window("Volumask")
            imported = tmp_path / "data" / "Volumask" / "models" / "lite_medsam" / "lite_medsam.pth"
            drag(person, environment, weights, imported.is_file)
            assert imported.read_bytes() == weights.read_bytes()
            drag(person, environment, SAMPLE, lambda: person.do("search", "--name", "ct_abdomen"))
            assert program.poll() is None
