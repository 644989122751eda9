"""`findings`: what forbids to give a bundle on. An empty list is the condition for an installer."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

from licences import policy
from licences.component import Component, Inventory
from licences.contents import is_library
from licences.texts import standard_text

QT = ("pyside6", "pyside6-essentials", "pyside6-addons", "shiboken6")
_QT_LIBRARY = re.compile(r"^(?:lib)?Qt6?([A-Z]\w*?)(?:\.abi3)?(?:\.so[\w.]*|\.dll|\.pyd|\.dylib)?$")
_GPL_PLUGINS = ("qtvirtualkeyboard", "qtlottie")


def findings(inventory: Inventory, *, given_on: bool = True) -> list[str]:
    """Sentences, one for each thing that is wrong.

    Args:
        given_on: Whether it is a bundle; an environment has all of Qt's wheel, of which a bundle takes a part.
    """
    found = [f"{stray} belongs to nothing that is known: name it in packaging/licences/known.toml or leave it out"
             for stray in inventory.strays]  # fmt: skip
    for component in inventory.components:
        found += _of_licence(component)
        found += _of_texts(component)
        if given_on and component.name.lower().replace("_", "-") in QT:
            found += _of_qt(component)
    return found


def _of_licence(component: Component) -> list[str]:
    if not component.licence:
        return [f"{component.name} {component.version}: nobody knows its licence"]
    if policy.chosen(component.licence) is None:
        where = f" ({', '.join(component.files[:3])})" if component.files else ""
        return [f"{component.name} {component.version} may not be inside: {component.licence}{where}"]
    return []


def _of_texts(component: Component) -> list[str]:
    licence = policy.chosen(component.licence)
    if licence is None or component.texts:
        return []
    leaves = policy.leaves(licence)
    if any(standard_text(leaf) or leaf in policy.REFERENCES for leaf in leaves):
        return []
    return [f"{component.name} {component.version}: its licence text ({licence}) was not found"]


def _of_qt(component: Component) -> list[str]:
    """LGPL-3.0, section 4: Qt lies there as libraries of its own, and no part of it is under GPL alone."""
    found = []
    for file in component.files:
        name = PurePosixPath(file).name
        part = _QT_LIBRARY.match(name)
        if (part and part[1] not in policy.QT_PARTS) or any(plugin in name.lower() for plugin in _GPL_PLUGINS):
            found.append(f"{file} is a part of Qt that is not known to be under the LGPL")
        elif not is_library(file):
            found.append(f"{file} is not a shared library, so Qt could not be exchanged")
    return found
