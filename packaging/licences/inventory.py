"""`of_bundle`, `of_environment`: every part that is there, with its terms, and what belongs to nobody."""

from __future__ import annotations

import tomllib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePosixPath

from licences import system
from licences.component import Component, Inventory
from licences.contents import Contents, contents, is_library
from licences.wheels import Wheels

KNOWN = tomllib.loads((Path(__file__).parent / "known.toml").read_text("utf-8"))
OWN_MODULES = ("app", "launcher")
OWN_FOLDERS = ("resources", "models", "benchmarks", "_CodeSignature")
OWN_FILES = (
    *("LICENSE", "LICENSE.txt", "README.md", "README.txt", "THIRD_PARTY_NOTICES.txt", "sbom.cdx.json"),
    *("Info.plist", "PkgInfo", "Volumask.icns"),
)
WEIGHTS = (".safetensors", ".bin", ".pth", ".pt", ".onnx")


def of_bundle(bundle: Path, path: Sequence[str] | None = None) -> Inventory:
    """What a bundle really holds.

    Args:
        path: Where the distributions are that it was made of; this Python's own when None.
    """
    return of_contents(contents(bundle), bundle, Wheels(KNOWN, path))


def of_contents(inside: Contents, bundle: Path, wheels: Wheels) -> Inventory:
    """The same for contents that were looked at already."""
    sorting = _Sorting(wheels)
    for module in sorted(inside.modules):
        sorting.module(module)
    for file in inside.files:
        if file not in inside.programs:
            sorting.file(file)
    return Inventory((*sorting.components(), *_models(bundle, inside.files)), tuple(sorting.strays))


def of_environment(lock: Path) -> Inventory:
    """What a lock of requirements/ names and is installed here."""
    lines = lock.read_text("utf-8").splitlines()
    names = [line.split("==")[0].strip() for line in lines if "==" in line and not line.startswith("#")]
    wheels = Wheels(KNOWN)
    found = [
        wheels.component(one, (file.as_posix() for file in one.files or () if is_library(file.as_posix())))
        for one in wheels.named(names)
    ]
    return Inventory((system.python(()), *sorted(found, key=_by_name)))


class _Sorting:
    """Puts each file and module to its owner."""

    def __init__(self, wheels: Wheels) -> None:
        self._wheels = wheels
        self._distributions: dict[str, list[str]] = defaultdict(list)
        self._libraries: dict[str, list[str]] = defaultdict(list)
        self._python: list[str] | None = None
        self.strays: list[str] = []

    def module(self, name: str) -> None:
        if name.partition(".")[0] in OWN_MODULES:
            return
        if owner := self._wheels.owner_of_module(name):
            self._distributions[owner.metadata["Name"]] += []
        elif system.is_starter_module(name):
            self._distributions["pyinstaller"] += []
        elif system.is_python_module(name):
            self._python = self._python or []
        else:
            self.strays.append(f"module {name}")

    def file(self, path: str) -> None:
        place = PurePosixPath(path)
        if owner := self._wheels.owner_of_file(path):
            self._distributions[owner.metadata["Name"]] += [path] if is_library(path) else []
        elif system.is_python(path):
            self._python = [*(self._python or []), path]
        elif is_library(path) and (row := system.known_library(path, KNOWN)):
            if row["name"] == "CPython":
                self._python = [*(self._python or []), path]
            else:
                self._libraries[row["name"]].append(path)
        elif place.name not in OWN_FILES and not set(place.parts) & set(OWN_FOLDERS):
            self.strays.append(f"file {path}")

    def components(self) -> Iterable[Component]:
        """In the order of their names, CPython first."""
        if self._python is not None:
            yield system.python(self._python)
        wheels = [
            self._wheels.component(one, self._distributions[one.metadata["Name"]])
            for one in self._wheels.named(self._distributions)
        ]
        rows = {row["name"]: row for row in KNOWN["library"]}
        found = [system.libraries(rows[name], files) for name, files in self._libraries.items()]
        yield from sorted([*wheels, *found], key=_by_name)


def _models(bundle: Path, files: Iterable[str]) -> Iterable[Component]:
    """The sample, and weights of networks with the licence on their card."""
    for file in files:
        path = bundle / file
        if path.name == "ct_abdomen.nii.gz":
            text = path.parent / "LICENSE-ct_abdomen.txt"
            yield Component(
                name="ct_abdomen (sample scan)",
                version="",
                licence="Apache-2.0",
                purl="pkg:github/wasserth/TotalSegmentator",
                texts=((text.name, text.read_text("utf-8")),) if text.is_file() else (),
                authors="J. Wasserthal and others",
                page="https://github.com/wasserth/TotalSegmentator",
            )
        elif path.suffix in WEIGHTS and path.parent.parent.name == "models":
            card = path.parent / "card.toml"
            value = tomllib.loads(card.read_text("utf-8")) if card.is_file() else {}
            if value.get("family") not in ("builtin", "trial"):  # those are this project's own
                yield Component(
                    name=f"weights of {value.get('name', path.parent.name)}",
                    version="",
                    licence=str(value.get("licence", "")),
                    purl=f"pkg:generic/{path.parent.name}",
                    page=str(value.get("page", "")),
                )


def _by_name(component: Component) -> str:
    return component.name.lower()
