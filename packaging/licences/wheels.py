"""`Wheels`: which installed distribution a file or module of the bundle came from, and its terms by its metadata."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import Distribution, distributions
from pathlib import Path, PurePosixPath
from typing import Any

from licences.component import Component
from licences.contents import is_library

_LEGAL = re.compile(r"(licen[cs]e|copying|notice|copyright|authors)", re.IGNORECASE)
_NOT_TEXT = re.compile(r"\.(py|pyc|so|h|json|toml|cfg)$", re.IGNORECASE)
LONGEST_TEXT = 400_000  # characters; above this it is data that is called like a licence


class Wheels:
    """Args:
    known: `aliases` (what people write -> SPDX), `licences` (distribution -> SPDX, where its metadata is silent or
        vague) and `notes` (distribution -> what to add), from known.toml.
    path: Where to look for distributions; this Python's own when None.
    """

    def __init__(self, known: Mapping[str, Any], path: Sequence[str] | None = None) -> None:
        self._known = known
        self._of_file: dict[str, Distribution] = {}
        self._of_folder: dict[str, Distribution] = {}
        self._of_name: dict[str, Distribution | None] = {}
        for distribution in distributions(path=list(path)) if path is not None else distributions():
            for file in distribution.files or ():
                self._note(file.as_posix(), distribution)

    def _note(self, file: str, distribution: Distribution) -> None:
        if file.startswith(".."):
            return
        self._of_file.setdefault(file, distribution)
        if file.endswith((".py", ".so", ".pyd")):
            self._of_folder.setdefault(file.rpartition("/")[0], distribution)
        if is_library(file):
            name = PurePosixPath(file).name
            self._of_name[name] = None if name in self._of_name else distribution  # None: more than one has it

    def owner_of_file(self, path: str) -> Distribution | None:
        """The distribution that installed a file, by its path's end or, for a library, by its name alone."""
        parts = PurePosixPath(path.replace("__dot__", ".")).parts
        for start in range(len(parts)):
            if found := self._of_file.get("/".join(parts[start:])):
                return found
        return self._of_name.get(parts[-1]) if is_library(path) else None

    def owner_of_module(self, name: str) -> Distribution | None:
        """The distribution that a packed module came from."""
        stem = name.replace(".", "/")
        places = (self._of_file.get(f"{stem}.py"), self._of_file.get(f"{stem}/__init__.py"))
        return places[0] or places[1] or self._of_folder.get(stem)  # a package may lack __init__.py

    def named(self, names: Iterable[str]) -> list[Distribution]:
        """The installed distributions of these names."""
        wanted = {canonical(name) for name in names}
        every = {id(found): found for found in self._of_file.values()}.values()
        return [found for found in every if canonical(found.metadata["Name"]) in wanted]

    def component(self, distribution: Distribution, files: Iterable[str]) -> Component:
        """What its metadata says of it."""
        metadata = distribution.metadata
        name, version = metadata["Name"], distribution.version
        return Component(
            name=name,
            version=version,
            licence=self.licence(distribution),
            purl=f"pkg:pypi/{canonical(name)}@{version.split('+')[0]}",
            files=tuple(sorted(files)),
            texts=tuple(_texts(distribution)),
            authors=metadata.get("Author") or metadata.get("Author-email") or "",
            page=_page(metadata),
            note=self._known["notes"].get(canonical(name), ""),
        )

    def licence(self, distribution: Distribution) -> str:
        """Its SPDX expression, or "" when its metadata does not tell and nobody has looked it up."""
        metadata = distribution.metadata
        if known := self._known["licences"].get(canonical(metadata["Name"])):
            return str(known)
        if expression := metadata.get("License-Expression"):
            return str(expression)
        classifiers = [
            c.split("::")[-1].strip() for c in metadata.get_all("Classifier") or () if c.startswith("License")
        ]
        said = [(metadata.get("License") or "").strip(), *classifiers]
        return next((spdx for words in said if (spdx := self._known["aliases"].get(words.lower()))), "")


def canonical(name: str) -> str:
    """A distribution's name as indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _texts(distribution: Distribution) -> Iterable[tuple[str, str]]:
    """Title and text of the licence files in its metadata folder, or of the metadata's own field when there is none."""
    found = False
    for file in sorted(distribution.files or (), key=str):
        inside = file.parts[0].endswith((".dist-info", ".egg-info")) and not file.as_posix().startswith("..")
        if inside and _LEGAL.search("/".join(file.parts[1:])) and not _NOT_TEXT.search(file.name):
            path = Path(str(distribution.locate_file(file)))
            if path.is_file() and len(text := path.read_text("utf-8", "replace")) < LONGEST_TEXT:
                found = True
                yield "/".join(file.parts[1:]), text
    words = distribution.metadata.get("License") or ""
    if not found and len(words) > 300:
        yield "License", words


def _page(metadata: Any) -> str:
    if metadata.get("Home-page"):
        return str(metadata["Home-page"])
    links = [link.split(",", 1) for link in metadata.get_all("Project-URL") or ()]
    named = {label.strip().lower(): url.strip() for label, url in links}
    return next((named[label] for label in ("homepage", "repository", "source", "source code") if label in named), "")
