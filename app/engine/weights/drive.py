"""Google Drive asks before it gives a large file: the address behind its "download anyway" button."""

from __future__ import annotations

from html.parser import HTMLParser
from urllib.parse import urlencode, urljoin

LONGEST_PAGE = 1_000_000  # bytes


def confirmed(page: str, url: str) -> str | None:
    """The address that the form of a confirmation page leads to; None where the page has no such form.

    Args:
        page: The HTML that came in the place of the file.
        url: Where it came from.
    """
    form = _Form()
    form.feed(page)
    return urljoin(url, f"{form.action}?{urlencode(form.fields)}") if form.action and form.fields else None


class _Form(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.action = ""
        self.fields: dict[str, str] = {}
        self._inside = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._inside = given.get("id") == "download-form"
            if self._inside:
                self.action = given.get("action", "").partition("?")[0]
        elif tag == "input" and self._inside and given.get("name"):
            self.fields[given["name"]] = given.get("value", "")

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._inside = False
