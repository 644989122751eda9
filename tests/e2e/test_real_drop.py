"""Files dragged from another program onto the running one, by the mouse of a virtual screen: X's own drag and drop."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from tests.data import ROOT, SAMPLE
from tests.e2e.desktop_user import DesktopUser, running, tools_missing, virtual_screen
from tests.unit.official_files import hollow

LACKING = tools_missing() if sys.platform == "linux" else ["Linux"]
pytestmark = pytest.mark.skipif(bool(LACKING), reason=f"needs {', '.join(LACKING)}")


@pytest.mark.skipif(not SAMPLE.exists(), reason="resources/sample is not in this checkout")
def test_weights_and_a_scan_are_dropped_on_the_window(tmp_path: Path) -> None:
    """The weights' file has a name that says nothing: its tensors' names tell which model it is."""
    weights = hollow("lite_medsam", tmp_path, "thing.bin")
    homes = {f"XDG_{name}_HOME": str(tmp_path / name.lower()) for name in ("CONFIG", "DATA", "CACHE", "STATE")}
    with virtual_screen() as screen:
        environment = os.environ | screen | homes | {"QT_QPA_PLATFORM": "xcb", "PYTHONPATH": str(ROOT)}
        with running([sys.executable, "-P", "-m", "app"], environment) as program:
            person = DesktopUser(screen)
            person.window("Volumask")
            imported = tmp_path / "data" / "Volumask" / "models" / "lite_medsam" / "lite_medsam.pth"
            person.drag(str(weights), imported.is_file)
            assert imported.read_bytes() == weights.read_bytes()
            person.drag(str(SAMPLE), lambda: person.do("search", "--name", "ct_abdomen"))
            assert program.poll() is None
