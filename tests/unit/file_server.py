"""A server on this machine that gives one file, well or badly: ranges, drops, redirects, pages."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any


@dataclass
class Behaviour:
    """What the server does; tests change it, also between two requests.

    Args:
        drops: After how many bytes of the body each of the next answers breaks off.
        validator: "etag", "weak", "date" or "" for an answer without one.
    """

    content: bytes = b""
    ranges: bool = True
    drops: list[int] = field(default_factory=list)
    validator: str = "etag"
    length: bool = True
    statuses: list[int] = field(default_factory=list)
    redirect: str = ""
    page: str = ""
    seen: list[tuple[str, dict[str, str]]] = field(default_factory=list)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Any

    def do_GET(self) -> None:
        does: Behaviour = self.server.behaviour
        does.seen.append((self.path, dict(self.headers)))
        self.close_connection = True
        if does.statuses:
            self._answer(does.statuses.pop(0), b"", {"Content-Length": "0"})
        elif does.redirect and "moved" not in self.path:
            self._answer(302, b"", {"Location": does.redirect, "Content-Length": "0"})
        elif does.page and "confirm=" not in self.path:
            page = does.page.encode()
            self._answer(200, page, {"Content-Type": "text/html; charset=utf-8", "Content-Length": str(len(page))})
        else:
            self._give(does)

    def _give(self, does: Behaviour) -> None:
        tag = f'"{hashlib.sha256(does.content).hexdigest()[:16]}"'
        date = f"Mon, 0{1 + len(does.content) % 7} Jan 2024 00:00:00 GMT"
        headers = {
            "etag": {"ETag": tag}, "weak": {"ETag": f"W/{tag}"}, "date": {"Last-Modified": date}, "": {},
        }[does.validator]  # fmt: skip
        body, status = does.content, 200
        wanted = self.headers.get("Range", "")
        if does.ranges and wanted and self.headers.get("If-Range") in headers.values():
            start = int(wanted.removeprefix("bytes=").removesuffix("-"))
            if start >= len(body):
                self._answer(416, b"", {"Content-Range": f"bytes */{len(body)}", "Content-Length": "0"})
                return
            headers |= {"Content-Range": f"bytes {start}-{len(body) - 1}/{len(body)}"}
            body, status = body[start:], 206
        if does.length:
            headers |= {"Content-Length": str(len(body))}
        drop = does.drops.pop(0) if does.drops else None
        self._answer(status, body[:drop], {"Content-Type": "application/octet-stream", **headers})

    def _answer(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        with suppress(ConnectionError):  # the other side has heard enough
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing to stderr."""


@dataclass
class FileServer:
    """The running server."""

    url: str
    does: Behaviour

    @property
    def ranges_asked(self) -> list[str]:
        """The Range of every request, "" for those without one."""
        return [headers.get("Range", "") for _, headers in self.does.seen]


@contextmanager
def serving() -> Iterator[FileServer]:
    """A server for the length of the block."""
    made = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    made.behaviour = Behaviour()  # type: ignore[attr-defined]
    thread = Thread(target=made.serve_forever, args=(0.02,), name="file server")
    thread.start()
    yield FileServer(f"http://127.0.0.1:{made.server_port}/weights.pth", made.behaviour)  # type: ignore[attr-defined]
    made.shutdown()
    made.server_close()
    thread.join()
