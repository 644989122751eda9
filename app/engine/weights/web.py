"""The way to a server: https only (http to this machine), through the system's proxy or one that is given."""

from __future__ import annotations

import ssl
import urllib.error
import urllib.request
from collections.abc import Mapping
from http.client import HTTPResponse
from typing import Any
from urllib.parse import urlsplit

from app import __version__
from app.errors import AppError

PATIENCE_S = 30.0  # without a byte from the server
LOOPBACK = ("127.0.0.1", "localhost", "::1")


class Unreachable(AppError):
    """The server could not be reached, or the connection broke; trying again may help."""


class Refused(AppError):
    """The server answered that it will not give the file."""


def opener(proxy: str = "") -> urllib.request.OpenerDirector:
    """What opens addresses.

    Args:
        proxy: Address of an HTTP proxy; the environment's or the system's when empty.
    """
    proxies = {"http": proxy, "https": proxy} if proxy else urllib.request.getproxies()
    return urllib.request.build_opener(urllib.request.ProxyHandler(proxies), _SafeRedirects())


def get(way: urllib.request.OpenerDirector, url: str, headers: Mapping[str, str]) -> HTTPResponse:
    """The answer to a GET, its body unread; 206 and 416 are answers too.

    Raises:
        Unreachable: no connection, or a server that fails for now.
        Refused: the server says no, or the address is not safe.
    """
    _check(url)
    host = urlsplit(url).hostname
    request = urllib.request.Request(url, headers={"User-Agent": f"Volumask/{__version__}", **headers})
    try:
        answer: HTTPResponse = way.open(request, timeout=PATIENCE_S)
    except urllib.error.HTTPError as error:
        if error.code == 416:
            return error  # type: ignore[return-value]  # it is a response with its headers
        error.close()
        raise _refusal(host, error.code) from error
    except urllib.error.URLError as error:
        raise _unreachable(host, error.reason) from error
    except (OSError, ValueError) as error:  # a connection that breaks while headers arrive; a proxy that is none
        raise _unreachable(host, error) from error
    return answer


def _refusal(host: str | None, status: int) -> AppError:
    if status >= 500 or status in (408, 429):
        return Unreachable(f"{host} has trouble answering now (HTTP {status}).", "Try again later; what came is kept.")
    return Refused(f"{host} does not give the file (HTTP {status}).", "It may have moved: look at the model's page.")


def _unreachable(host: str | None, reason: Any) -> AppError:
    if isinstance(reason, ssl.SSLCertVerificationError):
        hint = "A proxy of your network may be in between: ask its administrator, or import a file."
        return Refused(f"{host} could not prove who it is.", hint)
    return Unreachable(f"{host} could not be reached.", "Check the connection and the proxy; what came is kept.")


def _check(url: str) -> None:
    parts = urlsplit(url)
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in LOOPBACK):
        raise Refused(f"{parts.hostname or url} is not reached by https, so nothing was downloaded from it.")


class _SafeRedirects(urllib.request.HTTPRedirectHandler):
    """To other hosts, because hubs keep large files elsewhere; never to an address that is not safe."""

    def redirect_request(
        self, req: urllib.request.Request, fp: Any, code: int, msg: str, headers: Any, newurl: str
    ) -> urllib.request.Request | None:
        _check(newurl)
        return super().redirect_request(req, fp, code, msg, headers, newurl)
