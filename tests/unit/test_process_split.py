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
