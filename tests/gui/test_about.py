"""The About box: versions, licences of others, and a question for updates that is asked on a click and never else."""

from __future__ import annotations

import json
import socket

import pytest
from PySide6.QtWidgets import QApplication, QDialog, QPlainTextEdit

from app import __version__, installation, releases
from app.ui.about import About
from app.ui.dialogs.about import AboutDialog
from app.ui.main_window import MainWindow
from tests.unit.file_server import serving


@pytest.fixture
def about(window: MainWindow, qtbot):
    """The open box, as the menu opens it."""
    window.actions_["about"].trigger()
    dialog = window.findChild(AboutDialog)
    qtbot.waitExposed(dialog)
    yield dialog
    dialog.close()


def test_it_names_the_versions_and_copies_them(about):
    lines = about.versions.toPlainText().splitlines()
    assert lines[0] == f"Volumask {__version__}"
    assert [line.split()[0] for line in lines][1] == "Python"
    for part in ("Qt, Qt for Python 6.", "VTK 9.", "PyTorch 2.", "OpenVINO ", "System "):
        assert any(line.startswith(part) for line in lines), part
    about.copy.click()
    assert QApplication.clipboard().text().splitlines() == lines


def test_it_says_that_it_is_no_medical_device(about):
    assert "Not a medical device" in about.about.text()


def test_the_licences_of_others_open(about, window, monkeypatch, tmp_path):
    (tmp_path / installation.NOTICES).write_text("THIRD-PARTY NOTICES, with an é", encoding="utf-8")
    monkeypatch.setattr(installation, "folder", lambda: tmp_path)
    about.notices.click()
    page = next(d for d in window.findChildren(QDialog) if d.windowTitle() == "Licences of others")
    assert page.findChild(QPlainTextEdit).toPlainText() == "THIRD-PARTY NOTICES, with an é"
    page.close()


def test_a_checkout_without_notices_says_who_writes_them(about, monkeypatch, tmp_path):
    monkeypatch.setattr(installation, "folder", lambda: tmp_path)
    about.notices.click()
    assert "packaging/licences" in about.answer.text()


def test_no_connection_is_opened_until_the_button_is_pressed(window, qtbot, monkeypatch):
    tried: list[object] = []
    monkeypatch.setattr(socket.socket, "connect", lambda _self, where: tried.append(where))
    monkeypatch.setattr(socket, "create_connection", lambda where, *_a, **_k: tried.append(where))
    with serving() as server:
        monkeypatch.setenv(releases.VARIABLE, server.url)
        window.actions_["about"].trigger()
        dialog = window.findChild(AboutDialog)
        qtbot.wait(300)
        assert tried == []
        assert server.does.seen == []
        dialog.close()


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ({"tag_name": "v99.0.1", "html_url": "https://example.org/99"}, "Volumask 99.0.1 is there."),
        ({"tag_name": f"v{__version__}"}, "This is the newest version."),
        (["no", "object"], "could not be understood"),
    ],
)
def test_a_click_asks_once_and_tells_the_answer(about, qtbot, monkeypatch, answer, told):
    with serving() as server:
        server.does.content = json.dumps(answer).encode()
        monkeypatch.setenv(releases.VARIABLE, server.url)
        about.check.click()
        about.check.click()  # while the first is under way, or right after
        qtbot.waitUntil(lambda: told in about.answer.text())
        assert 1 <= len(server.does.seen) <= 2
    if "html_url" in answer:
        assert 'href="https://example.org/99"' in about.answer.text()


def test_without_an_address_it_says_so_in_one_sentence(about, monkeypatch, tmp_path):
    monkeypatch.delenv(releases.VARIABLE, raising=False)
    monkeypatch.setattr(releases, "ADDRESS_FILE", tmp_path / "none.txt")
    about.check.click()
    assert about.answer.text() == "This copy of Volumask knows no address where new versions are announced."


def test_a_box_that_is_closed_while_asking_leaves_nothing(window, qtbot, monkeypatch):
    with serving() as server:
        monkeypatch.setenv(releases.VARIABLE, server.url)
        made = About(window.bridge, "model", window)
        made.check()
        made.dialog.close()
        qtbot.wait(100)
    assert window.isVisible()


def test_a_bundle_tells_its_versions_by_its_bill(monkeypatch, tmp_path):
    bill = {"components": [{"name": "torch", "version": "1.2.3"}, {"name": "VTK", "version": "4.5"}, {"name": "odd"}]}
    (tmp_path / installation.BILL).write_text(json.dumps(bill))
    monkeypatch.setattr(installation, "folder", lambda: tmp_path)
    told = dict(installation.versions())
    assert (told["PyTorch"], told["VTK"]) == ("1.2.3", "4.5")
    (tmp_path / installation.BILL).write_text("damaged")
    assert dict(installation.versions())["PyTorch"].startswith("2.")
