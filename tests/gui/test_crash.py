"""An error that nobody caught: logged, the work kept, one dialog; hooks go back."""

from __future__ import annotations

import logging
import sys
import threading

import pytest

from app.autosave import recoverable
from app.prompts import Point
from app.ui import app as program
from app.ui.crash import CrashGuard, recent_log
from app.ui.dialogs.pages import QDialog


@pytest.fixture
def guard(tmp_path):
    made = CrashGuard(tmp_path / "logs")
    made.install()
    yield made
    made.close()


def raised(error):
    try:
        raise error
    except type(error) as caught:
        return type(caught), caught, caught.__traceback__


def test_the_work_is_kept_and_the_user_told(guard, case, settle, tmp_path):
    case.commands.add_prompt(Point((10, 12, 14)))
    settle()
    shown = []
    guard.serve(case.keep_what_can_be_kept, shown.append)
    sys.excepthook(*raised(KeyError("surprise")))
    assert len(shown) == 1
    assert "surprise" in shown[0]
    assert list((tmp_path / "recovery").glob("*.volumask"))
    assert "surprise" in (tmp_path / "logs" / "volumask.log").read_text()


def test_the_last_self_test_stands_below_the_log(guard, monkeypatch):
    monkeypatch.setattr(
        "app.self_test.last_report", lambda: "Self-test of a day\nOpenGL       FAILED no driver (0.1 s)\n"
    )
    shown = []
    guard.serve(lambda: None, shown.append)
    sys.excepthook(*raised(ValueError("first")))
    assert "first" in shown[0]
    assert shown[0].splitlines()[-2:] == ["Self-test of a day", "OpenGL       FAILED no driver (0.1 s)"]


def test_a_failing_rescue_does_not_hide_the_dialog(guard):
    shown = []

    def fail():
        raise OSError("disk full")

    guard.serve(fail, shown.append)
    sys.excepthook(*raised(ValueError("first")))
    assert len(shown) == 1
    assert "disk full" in shown[0]


def test_an_error_in_a_thread_is_logged(guard):
    thread = threading.Thread(target=lambda: 1 / 0, name="worker-7")
    thread.start()
    thread.join()
    assert any("worker-7" in line for line in recent_log())


def test_the_hooks_go_back(tmp_path):
    before = sys.excepthook, threading.excepthook, list(logging.getLogger().handlers)
    made = CrashGuard(tmp_path)
    made.install()
    assert sys.excepthook != before[0]
    made.close()
    assert (sys.excepthook, threading.excepthook, logging.getLogger().handlers) == before
    assert not (tmp_path / "native-crash.txt").exists()


def test_a_native_crash_of_the_last_run_is_seen(tmp_path):
    (tmp_path / "native-crash.txt").write_text("Fatal Python error: Segmentation fault")
    made = CrashGuard(tmp_path)
    made.install()
    made.close()
    assert "Segmentation fault" in made.previous


def test_recovery_is_offered_and_opens_as_unsaved_work(window, tmp_path, qtbot, monkeypatch):
    import nibabel as nib
    import numpy as np

    from app.session import Session

    scan = tmp_path / "scan.nii.gz"
    nib.save(nib.Nifti1Image(np.arange(28 * 24 * 20, dtype=np.int16).reshape(28, 24, 20), np.eye(4)), scan)
    folder = tmp_path / "left"
    folder.mkdir()
    with Session.headless(model="fake", engine="inline") as session:
        session.open(scan)
        session.add_prompt(session.add_segment("Liver"), Point((10, 12, 14)))
        session.wait()
        session.save(folder / "case-999999-1.volumask")
    assert len(recoverable(folder)) == 1
    monkeypatch.setattr(program, "ask_to_recover", lambda parent, when: True)
    program.start(window, None, folder)
    qtbot.waitUntil(lambda: window.session.document is not None, timeout=20_000)
    assert [segment.name for segment in window.session.case.segments] == ["Liver"]
    assert window.session.modified
    assert window.session.path is None
    assert recoverable(folder) == ()


def test_the_crash_dialog_shows_the_log(window):
    dialog = program.show_crash(window, "line one\nline two")
    assert isinstance(dialog, QDialog)
    assert dialog.isVisible()
    dialog.close()
