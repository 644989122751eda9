"""A file from a server that drops, forgets, redirects or lies: it comes whole, or the user is told why."""

from __future__ import annotations

import errno
import shutil
import socket
import threading
import time
from collections import namedtuple
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from app.engine.protocol import Token
from app.engine.weights import transfer as module
from app.engine.weights import web
from app.engine.weights.transfer import BLOCK, FRUITLESS, Wanted, forget, transfer
from app.engine.weights.web import Refused, Unreachable
from app.errors import AppError, Cancelled
from tests.unit.file_server import FileServer, serving

CONTENT = np.random.default_rng(0).bytes(3 * BLOCK + 1000)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PAUSE_S", 0.01)
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def server() -> Iterator[FileServer]:
    with serving() as made:
        yield made


@pytest.fixture
def part(tmp_path: Path) -> Path:
    return tmp_path / "weights.pth.part"


def fetch(server: FileServer, part: Path, token: Token | None = None, proxy: str = "", **wanted: object) -> list[float]:
    """Transfer, and the fractions that were told."""
    told: list[float] = []
    what = Wanted(**({"url": server.url, "name": "weights.pth", "size": len(CONTENT)} | wanted))  # type: ignore[arg-type]
    transfer(what, part, lambda fraction, _: told.append(fraction), token or Token(), proxy)
    return told


def test_a_file_comes_whole_with_progress(server: FileServer, part: Path) -> None:
    server.does.content = CONTENT
    told = fetch(server, part)
    assert part.read_bytes() == CONTENT
    assert told == sorted(told)
    assert told[-1] == 1.0
    assert len(told) >= 3


@pytest.mark.parametrize("validator", ["etag", "date"])
def test_dropped_connections_are_taken_up_where_they_broke(server: FileServer, part: Path, validator: str) -> None:
    server.does.content, server.does.validator = CONTENT, validator
    server.does.drops = [1000, BLOCK, 0, 5000]
    fetch(server, part)
    assert part.read_bytes() == CONTENT
    starts = [0, 1000, BLOCK + 1000, BLOCK + 1000, BLOCK + 6000]
    assert server.ranges_asked == [f"bytes={start}-" if start else "" for start in starts]


def test_a_later_run_goes_on_where_the_first_was_stopped(server: FileServer, part: Path) -> None:
    server.does.content = CONTENT
    token = Token()

    def stop(fraction: float, _: str) -> None:
        if fraction > 0.3:
            token.cancel()

    with pytest.raises(Cancelled):
        transfer(Wanted(server.url, "weights.pth"), part, stop, token)
    have = part.stat().st_size
    assert 0 < have < len(CONTENT)
    fetch(server, part)
    assert part.read_bytes() == CONTENT
    assert server.ranges_asked == ["", f"bytes={have}-"]


@pytest.mark.parametrize("validator", ["weak", ""])
def test_without_a_sure_validator_it_begins_anew(server: FileServer, part: Path, validator: str) -> None:
    server.does.content, server.does.validator, server.does.drops = CONTENT, validator, [1000]
    fetch(server, part)
    assert part.read_bytes() == CONTENT
    assert server.ranges_asked == ["", ""]


def test_a_server_without_ranges_gives_the_whole_again(server: FileServer, part: Path) -> None:
    server.does.content, server.does.ranges, server.does.drops = CONTENT, False, [BLOCK]
    fetch(server, part)
    assert part.read_bytes() == CONTENT


def test_a_file_that_changed_on_the_server_is_not_patched_together(server: FileServer, part: Path) -> None:
    server.does.content, server.does.drops = CONTENT, [BLOCK, 0, 0, 0, 0, 0]
    with pytest.raises(Unreachable):
        fetch(server, part)
    server.does.content, server.does.drops = CONTENT[::-1], []
    fetch(server, part)
    assert part.read_bytes() == CONTENT[::-1]


def test_parts_of_another_address_are_not_used(server: FileServer, part: Path) -> None:
    server.does.content, server.does.drops = CONTENT, [BLOCK, 0, 0, 0, 0, 0]
    with pytest.raises(Unreachable):
        fetch(server, part)
    server.does.drops = []
    fetch(server, part, url=server.url.replace("weights", "other"))
    assert server.ranges_asked[-1] == ""
    assert part.read_bytes() == CONTENT


def test_what_is_complete_already_is_not_fetched_again(server: FileServer, part: Path) -> None:
    server.does.content = CONTENT
    fetch(server, part)
    fetch(server, part)
    assert server.ranges_asked == ["", f"bytes={len(CONTENT)}-"]
    assert part.read_bytes() == CONTENT


def test_too_long_a_part_is_begun_anew(server: FileServer, part: Path) -> None:
    server.does.content = CONTENT
    fetch(server, part)
    part.write_bytes(CONTENT + b"more")
    fetch(server, part)
    assert part.read_bytes() == CONTENT


def test_an_answer_without_a_length_ends_with_the_connection(server: FileServer, part: Path) -> None:
    server.does.content, server.does.length = CONTENT, False
    fetch(server, part)
    assert part.read_bytes() == CONTENT


def test_a_server_that_never_gets_on_is_given_up_and_what_came_stays(server: FileServer, part: Path) -> None:
    server.does.content, server.does.drops = CONTENT, [1000] + [0] * 20
    with pytest.raises(Unreachable, match=r"connection broke while weights\.pth"):
        fetch(server, part)
    assert len(server.does.seen) == 1 + FRUITLESS
    assert part.read_bytes() == CONTENT[:1000]


def test_a_server_in_trouble_is_asked_again(server: FileServer, part: Path) -> None:
    server.does.content, server.does.statuses = CONTENT, [503, 500, 429]
    fetch(server, part)
    assert part.read_bytes() == CONTENT


@pytest.mark.parametrize("status", [403, 404, 410])
def test_a_refusal_is_told_at_once(server: FileServer, part: Path, status: int) -> None:
    server.does.statuses = [status] * 9
    with pytest.raises(Refused, match=rf"127\.0\.0\.1 does not give the file \(HTTP {status}\)"):
        fetch(server, part)
    assert len(server.does.seen) == 1


def test_no_server_is_one_sentence(part: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(Unreachable, match="could not be reached"):
        transfer(Wanted(f"http://127.0.0.1:{port}/w", "w"), part, lambda *_: None, Token())


def test_only_https_unless_it_is_this_machine(server: FileServer, part: Path) -> None:
    with pytest.raises(Refused, match=r"example\.org is not reached by https"):
        transfer(Wanted("http://example.org/w", "w"), part, lambda *_: None, Token())
    server.does.redirect = "http://example.org/w"
    with pytest.raises(Refused, match=r"example\.org is not reached by https"):
        fetch(server, part)


def test_a_redirect_is_followed_with_the_range(server: FileServer, part: Path) -> None:
    server.does.content, server.does.drops = CONTENT, [BLOCK]
    server.does.redirect = server.url.replace("127.0.0.1", "localhost").replace("weights", "moved")
    fetch(server, part)
    assert part.read_bytes() == CONTENT
    assert [path for path, _ in server.does.seen] == ["/weights.pth", "/moved.pth"] * 2
    assert server.ranges_asked[-1] == f"bytes={BLOCK}-"


def test_a_page_in_place_of_the_file_says_what_to_do(server: FileServer, part: Path) -> None:
    server.does.page = "<html><body>Please sign in</body></html>"
    with pytest.raises(Refused, match=r"web page in place .* Open https://authors\.example in a browser"):
        fetch(server, part, page="https://authors.example")
    assert not part.exists()


def test_the_drives_question_is_answered_once(server: FileServer, part: Path) -> None:
    server.does.content, server.does.drops = CONTENT, [BLOCK]
    server.does.page = (
        '<form id="search" action="/no"><input name="q" value="x"></form>'
        '<form id="download-form" action="/download" method="get"><input type="submit" value="Download anyway">'
        '<input type="hidden" name="id" value="a&amp;b"><input type="hidden" name="confirm" value="t"></form>'
    )
    fetch(server, part)
    assert part.read_bytes() == CONTENT
    assert [path for path, _ in server.does.seen][:2] == ["/weights.pth", "/download?id=a%26b&confirm=t"]


def test_a_full_disk_is_noticed_before_it_fills(
    server: FileServer, part: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.does.content = CONTENT
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(10**9, 10**9, module.SPARE + 1000))
    with pytest.raises(AppError, match=r"too full for weights\.pth"):
        fetch(server, part)
    assert not part.exists()


def test_a_disk_that_fills_meanwhile_keeps_what_came(
    server: FileServer, part: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.does.content = CONTENT
    opened = Path.open

    class Full:
        def __init__(self, file: object) -> None:
            self.file, self.room = file, BLOCK + 5

        def __enter__(self) -> Full:
            return self

        def __exit__(self, *_: object) -> None:
            self.file.close()

        def seek(self, place: int) -> None:
            self.file.seek(place)

        def write(self, block: bytes) -> None:
            self.file.write(block[: self.room])
            self.room -= len(block)
            if self.room < 0:
                raise OSError(errno.ENOSPC, "No space left on device")

    def open_full(self: Path, mode: str = "r", **rest: object) -> object:
        file = opened(self, mode, **rest)
        return Full(file) if self == part and "b" in mode and mode != "rb" else file

    with monkeypatch.context() as full:
        full.setattr(Path, "open", open_full)
        with pytest.raises(AppError, match=r"too full for weights\.pth.*what came is kept"):
            fetch(server, part)
    assert part.stat().st_size == BLOCK + 5
    fetch(server, part)
    assert part.read_bytes() == CONTENT
    assert server.ranges_asked == ["", f"bytes={BLOCK + 5}-"]


def test_a_folder_that_cannot_be_written_is_one_sentence(server: FileServer, part: Path) -> None:
    server.does.content = CONTENT
    part.mkdir()
    with pytest.raises(AppError, match=r"weights\.pth\.part could not be written"):
        fetch(server, part)


def test_a_given_proxy_is_used(server: FileServer, part: Path) -> None:
    server.does.content = CONTENT
    proxy = server.url.removesuffix("/weights.pth")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    fetch(server, part, proxy=proxy, url=f"http://127.0.0.1:{port}/far.pth")
    assert part.read_bytes() == CONTENT
    assert server.does.seen[0][0] == f"http://127.0.0.1:{port}/far.pth"


def test_the_environments_proxy_is_used(server: FileServer, part: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server.does.content = CONTENT
    monkeypatch.setenv("http_proxy", server.url.removesuffix("/weights.pth"))
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    fetch(server, part, url="http://localhost:1/far.pth")
    assert server.does.seen[0][0] == "http://localhost:1/far.pth"


def test_cancel_ends_the_pause_between_attempts(
    server: FileServer, part: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PAUSE_S", 60.0)
    server.does.content, server.does.drops = CONTENT, [0]
    token = Token()
    timer = threading.Timer(0.3, token.cancel)
    timer.start()
    begun = time.monotonic()
    with pytest.raises(Cancelled):
        fetch(server, part, token)
    timer.join()
    assert len(server.does.seen) == 1
    assert time.monotonic() - begun < 30


def test_forget_leaves_nothing(server: FileServer, part: Path) -> None:
    server.does.content = CONTENT
    fetch(server, part)
    forget(part)
    assert list(part.parent.iterdir()) == []


def test_a_torn_note_is_no_note(server: FileServer, part: Path) -> None:
    server.does.content, server.does.drops = CONTENT, [1000, 0, 0, 0, 0]
    with pytest.raises(Unreachable):
        fetch(server, part)
    part.with_name(f"{part.name}.json").write_text("{")
    fetch(server, part)
    assert part.read_bytes() == CONTENT


def test_nothing_is_sent_that_names_the_user(server: FileServer, part: Path) -> None:
    server.does.content = CONTENT
    fetch(server, part)
    _, headers = server.does.seen[0]
    assert set(headers) <= {"Accept-Encoding", "Connection", "Host", "User-Agent"}
    assert headers["User-Agent"].startswith("Volumask/")


def test_an_address_that_is_none_is_refused() -> None:
    with pytest.raises(Refused):
        web.get(web.opener(), "file:///etc/passwd", {})
