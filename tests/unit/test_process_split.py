"""The window's process loads no torch and no OpenVINO (on Windows torch fails after Qt), the session no Qt, no VTK."""

import subprocess
import sys

import pytest

from tests.data import ROOT

HEAVY = ("torch", "openvino")


def loaded_after(statement: str, *names: str) -> list[str]:
    """Which of the named packages a new process has loaded after a statement."""
    program = f"import sys; {statement}; print(*(name for name in {names!r} if name in sys.modules))"
    answer = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    return answer.stdout.split()


@pytest.mark.parametrize("module", ["app.session", "app.cli", "app.engine.engine", "app.__main__"])
def test_no_network_and_no_toolkit_is_loaded_without_a_window(module):
    assert loaded_after(f"import {module}", *HEAVY, "PySide6", "vtkmodules") == []


def test_the_window_loads_no_network():
    assert loaded_after("import app.ui.main_window", *HEAVY, "PySide6", "vtkmodules") == ["PySide6", "vtkmodules"]


def test_a_loaded_package_is_noticed():
    assert loaded_after("import json, xml.dom", "json", "xml", "torch") == ["json", "xml"]


def test_a_click_answered_by_the_network_loads_nothing_heavy_into_the_process_that_asked():
    clicked = (
        "import numpy as np; from app.session import Session; from app.geometry import Geometry; "
        "from app.prompts import Point; from app.volume import Volume; "
        "session = Session.headless(model='trial').__enter__(); "
        "session.adopt(Volume(np.arange(8000, dtype=np.int16).reshape(20, 20, 20), Geometry((20,) * 3, np.eye(4)))); "
        "segment = session.add_segment('A'); session.add_prompt(segment, Point((10, 10, 10))); session.wait(); "
        "assert session.mask(segment)[10, 10, 10]; session.close()"
    )
    assert loaded_after(clicked, *HEAVY) == []
