"""`standard_text`: the licence texts that parts point to without carrying them."""

from __future__ import annotations

from pathlib import Path

_FOLDER = Path(__file__).parent / "texts"
_NAMES = {
    "Apache-2.0": "Apache-2.0",
    "MIT": "MIT",
    "LGPL-2.1-only": "LGPL-2.1",
    "LGPL-2.1-or-later": "LGPL-2.1",
    "LGPL-3.0-only": "LGPL-3.0",
    "LGPL-3.0-or-later": "LGPL-3.0",
    "GPL-3.0-only": "GPL-3.0",
    "GPL-3.0-or-later": "GPL-3.0",
}


def standard_text(licence: str) -> tuple[str, str] | None:
    """Title and text of a licence that is called by an SPDX name; None when it is not kept here."""
    name = _NAMES.get(licence)
    return (name, (_FOLDER / f"{name}.txt").read_text("utf-8")) if name else None
