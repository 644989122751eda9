"""The question for a newer version: asked when told to, of the address that is set, and every answer is a sentence."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from app import __version__, releases
from app.errors import AppError
from tests.data import ROOT
from tests.unit.file_server import serving


def answering(value: object) -> bytes:
    return json.dumps(value).encode()


def test_a_newer_version_is_told_with_its_page():
    with serving() as server:
        server.does.content = answering({"tag_name": "v99.1.0", "html_url": "https://example.org/v99"})
        found = releases.newest(server.url)
    assert (found.version, found.page, found.newer) == ("99.1.0", "https://example.org/v99", True)


@pytest.mark.parametrize("version", [__version__, "0.0.9"])
def test_the_same_or_an_older_version_is_no_news(version):
    with serving() as server:
        server.does.content = answering({"version": version, "page": "https://example.org"})
        assert not releases.newest(server.url).newer


def test_versions_compare_by_number_not_by_letter():
    assert releases.numbers("0.10.0") > releases.numbers("0.9.12")
    assert releases.numbers("2") > releases.numbers("1.99")
    assert releases.numbers("next") == ()


@pytest.mark.parametrize(
    "content", [b"<html>log in first</html>", b"[1, 2]", b'{"tag_name": "newest"}', b"{}", b"\xff\xfe\x00", b""]
)
def test_an_answer_that_names_no_version_is_one_sentence(content):
    with serving() as server:
        server.does.content = content
        with pytest.raises(AppError, match="could not be understood"):
            releases.newest(server.url)


def test_a_server_that_fails_or_is_not_there_is_one_sentence():
    with serving() as server:
        server.does.statuses = [500]
        with pytest.raises(AppError, match="HTTP 500"):
            releases.newest(server.url)
        gone = server.url
    with pytest.raises(AppError, match="could not be reached") as told:
        releases.newest(gone)
    assert "what came is kept" not in str(told.value)  # a sentence about downloads


def test_an_answer_that_breaks_off_is_one_sentence():
    with serving() as server:
        server.does.content, server.does.drops = answering({"version": "99.0", "page": "x" * 1000}), [20]
        with pytest.raises(AppError):
            releases.newest(server.url)


def test_only_safe_addresses_are_asked_and_only_safe_pages_shown():
    with pytest.raises(AppError, match="https"):
        releases.newest("http://example.org/releases")
    with serving() as server:
        server.does.content = answering({"version": "99.0", "page": "javascript:alert(1)"})
        assert releases.newest(server.url).page == ""


def test_nothing_but_the_programs_name_and_version_is_sent():
    with serving() as server:
        server.does.content = answering({"version": "99.0"})
        releases.newest(server.url)
        [(path, headers)] = server.does.seen
    assert path == "/weights.pth"
    assert headers.pop("User-Agent") == f"Volumask/{__version__}"
    assert set(headers) <= {"Host", "Accept", "Accept-Encoding", "Connection"}


def test_the_address_is_the_users_or_the_builders_or_none(monkeypatch, tmp_path):
    monkeypatch.delenv(releases.VARIABLE, raising=False)
    monkeypatch.setattr(releases, "ADDRESS_FILE", tmp_path / "releases.txt")
    assert releases.address() == ""
    with pytest.raises(AppError, match="knows no address"):
        releases.newest(releases.address())
    (tmp_path / "releases.txt").write_text("https://builder.example/newest\n")
    assert releases.address() == "https://builder.example/newest"
    monkeypatch.setenv(releases.VARIABLE, "https://user.example/newest")
    assert releases.address() == "https://user.example/newest"


def test_no_code_of_the_network_is_loaded_before_the_user_asks():
    program = "import sys, app.releases; print('urllib.request' in sys.modules, 'ssl' in sys.modules)"
    told = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert told.stdout.split() == ["False", "False"]
