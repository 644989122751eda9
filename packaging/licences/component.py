"""`Component`: one part of a bundle that somebody else made, with its terms."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Component:
    """One part.

    Args:
        licence: SPDX expression; empty when nobody could tell.
        purl: Package URL, by which scanners of vulnerabilities know it.
        files: Its shared libraries, as paths in the bundle.
        texts: Title and text of each licence file that came with it.
        authors: As its metadata names them.
        note: What a reader should know besides.
    """

    name: str
    version: str
    licence: str
    purl: str
    files: tuple[str, ...] = ()
    texts: tuple[tuple[str, str], ...] = ()
    authors: str = ""
    page: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Inventory:
    """All parts of a bundle, and the files and modules that belong to none."""

    components: tuple[Component, ...]
    strays: tuple[str, ...] = field(default=())
