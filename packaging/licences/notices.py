"""`notices`: the text that goes with a bundle: every part, its terms, and how to exchange Qt."""

from __future__ import annotations

import textwrap
from collections import defaultdict
from collections.abc import Iterable

from licences import policy
from licences.check import QT
from licences.component import Component, Inventory
from licences.texts import standard_text

WIDTH = 100
_RULE = "=" * WIDTH


def notices(inventory: Inventory, version: str, python_folder: str) -> str:
    """The whole text.

    Args:
        python_folder: Where in the bundle the libraries lie, for the reader who wants to exchange one.
    """
    parts = inventory.components
    sections = [_head(version, len(parts)), _list(parts)]
    qt = [part for part in parts if part.name.lower().replace("_", "-") in QT]
    if qt:
        sections.append(_qt(qt, python_folder))
    sections.append(_texts(parts))
    return f"\n\n{_RULE}\n".join(sections) + "\n"


def _head(version: str, count: int) -> str:
    return "\n".join(
        (
            f"THIRD-PARTY NOTICES of Volumask {version}",
            "",
            *_wrapped(
                "Volumask itself is under the BSD 3-Clause License (LICENSE). It is given on together with the "
                f"{count} parts below, which others made. Each stays under its own terms; where a part offers several "
                "licences, the one under which it is used here is named. The same list for machines is sbom.cdx.json "
                "(CycloneDX). Nothing in Volumask's licence forbids to change the parts under the LGPL, or to take the "
                "program apart in order to debug such changes."
            ),
        )
    )


def _list(parts: Iterable[Component]) -> str:
    lines = ["PARTS", ""]
    for part in parts:
        licence = policy.chosen(part.licence) or part.licence or "unknown"
        lines.append(f"{part.name} {part.version}".strip())
        lines.append(f"    licence: {licence}" + (f" (offered: {part.licence})" if licence != part.licence else ""))
        lines += [f"    {what}: {said}" for what, said in (("by", part.authors), ("see", part.page)) if said]
        lines += textwrap.wrap(part.note, WIDTH, initial_indent="    ", subsequent_indent="    ")
    return "\n".join(lines)


def _qt(parts: Iterable[Component], folder: str) -> str:
    version = next((part.version for part in parts if "pyside6" in part.name.lower()), "")
    minor = ".".join(version.split(".")[:2])
    return "\n".join(
        (
            "QT",
            "",
            *_wrapped(
                f"Volumask uses Qt {version} and Qt for Python (PySide6, shiboken6) {version}, Copyright (C) The Qt "
                "Company Ltd. and other contributors, under the GNU Lesser General Public License, version 3. Its "
                "text is below, with that of the GNU General Public License which it builds on. The libraries are "
                "unchanged and lie in the bundle as shared libraries of their own."
            ),
            "",
            "Their source:",
            f"    https://download.qt.io/official_releases/qt/{minor}/{version}/single/",
            f"    https://download.qt.io/official_releases/QtForPython/pyside6/PySide6-{version}-src/",
            "",
            *_wrapped(
                "Qt holds code of others (among it FreeType, HarfBuzz, PCRE2, zlib, libpng, libjpeg-turbo, ICU), "
                f"listed with their licences at https://doc.qt.io/qt-{minor.split('.')[0]}/licenses-used-in-qt.html."
            ),
            "",
            "To run Volumask with a Qt of your own:",
            *_wrapped(f"1. Build Qt and PySide6 {minor} from the source, changed as you like, as shared libraries for "
                      "the same system, compiler runtime and CPython minor version (CPython's is in the list above)."),
            *_wrapped(f"2. Replace the files of the same names in {folder}/PySide6 and {folder}/shiboken6."),
            *_wrapped("3. Start Volumask. No file is checked for its origin. On macOS sign the folder anew first: "
                      "codesign --force --deep --sign - Volumask.app."),
        )
    )  # fmt: skip


def _texts(parts: Iterable[Component]) -> str:
    """Each text once, with the parts that it goes with."""
    users: dict[tuple[str, str], list[str]] = defaultdict(list)
    for part in parts:
        for title, text in (*part.texts, *_standard(part)):
            users[(text.strip(), "")].append(f"{part.name}: {title}")
    blocks = []
    for (text, _), names in users.items():
        blocks.append("\n".join((*textwrap.wrap("; ".join(dict.fromkeys(names)), WIDTH), "-" * WIDTH, text)))
    return "LICENCE TEXTS\n\n" + f"\n\n{_RULE}\n".join(blocks)


def _standard(part: Component) -> Iterable[tuple[str, str]]:
    """The texts that must be there even if the part lacks them: of copyleft, and of parts without any."""
    for leaf in dict.fromkeys(policy.leaves(policy.chosen(part.licence) or "")):
        text = standard_text(leaf)
        if text and (leaf in policy.WEAK or not part.texts):
            yield text
            if leaf.startswith("LGPL-3.0") and (gpl := standard_text("GPL-3.0-only")):
                yield gpl


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(text, WIDTH)
