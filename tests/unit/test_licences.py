"""Notices and bill of materials say what a bundle holds, and a bundle with a GPL part or an unknown one is refused."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.data import ROOT

sys.path.insert(0, str(ROOT / "packaging"))
from licences import check, command, inventory, notices, policy, sbom, system
from licences.component import Component, Inventory
from licences.contents import Contents, contents, is_library
from licences.wheels import Wheels

MIT = "Permission is hereby granted, free of charge"


@dataclass
class Workshop:
    """A site-packages folder and a bundle that can be filled."""

    site: Path
    bundle: Path

    def install(self, name: str, *files: str, licence: str = "MIT", text: str = MIT, version: str = "1.0") -> None:
        """A distribution, with its files in the bundle as well."""
        info = self.site / f"{name}-{version}.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.4\nName: {name}\nVersion: {version}\n{licence}\n")
        listed = [*files, f"{info.name}/METADATA"]
        if text:
            (info / "LICENSE").write_text(text)
            listed.append(f"{info.name}/LICENSE")
        (info / "RECORD").write_text("".join(f"{file},,\n" for file in listed))
        for file in files:
            self.add(f"_internal/{file}")

    def add(self, path: str) -> None:
        """A file in the bundle."""
        place = self.bundle / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(b"\x7fELF")

    def inventory(self, *modules: str) -> Inventory:
        inside = contents(self.bundle)
        packed = Contents(inside.files, frozenset(modules))
        return inventory.of_contents(packed, self.bundle, Wheels(inventory.KNOWN, [str(self.site)]))


@pytest.fixture
def workshop(tmp_path: Path) -> Workshop:
    made = Workshop(tmp_path / "site", tmp_path / "bundle")
    made.bundle.mkdir()
    return made


def expression(spdx: str) -> str:
    return f"License-Expression: {spdx}"


def test_libraries_and_packed_modules_lead_to_their_distributions(workshop):
    workshop.install("one", "one/core.so", "one.libs/libhelp-12ab.so.3", licence=expression("MIT"))
    workshop.install("two", "two/__init__.py", "two/deep.py", licence=expression("BSD-3-Clause"))
    (workshop.bundle / "_internal" / "two" / "deep.py").unlink()  # packed into the executable instead
    found = workshop.inventory("two.deep", "app.session", "json.decoder", "pyimod02_importers", "zlib")
    assert {part.name: part.files for part in found.components} == {
        "CPython": (),
        "one": ("_internal/one.libs/libhelp-12ab.so.3", "_internal/one/core.so"),
        "two": (),
    }
    assert found.strays == ()
    assert check.findings(found) == []


def test_what_is_not_inside_is_not_listed(workshop):
    workshop.install("one", "one/core.so", licence=expression("MIT"))
    workshop.install("away", "away/core.so", licence=expression("MIT"))
    (workshop.bundle / "_internal" / "away" / "core.so").unlink()
    assert [part.name for part in workshop.inventory().components] == ["one"]


@pytest.mark.parametrize(
    "licence",
    [
        expression("GPL-3.0-only"),
        expression("MIT AND AGPL-3.0-or-later"),
        expression("CC-BY-NC-SA-4.0"),
        "License: GPLv3",
        "Classifier: License :: OSI Approved :: GNU General Public License v3 (GPLv3)",
        "",
    ],
)
def test_a_planted_distribution_under_gpl_or_unknown_terms_is_refused(workshop, licence):
    workshop.install("honest", "honest/core.so", licence=expression("MIT"))
    workshop.install("planted", "planted/core.so", licence=licence)
    found = check.findings(workshop.inventory())
    assert len(found) == 1
    assert "planted 1.0" in found[0]


def test_a_planted_gpl_library_of_the_system_is_refused_also_beside_honest_ones(workshop):
    workshop.add("_internal/libz.so.1")
    workshop.add("_internal/libreadline.so.8")
    found = [line for line in check.findings(workshop.inventory()) if "text" not in line]
    assert len(found) == 1
    assert "GNU Readline" in found[0]
    assert "_internal/libreadline.so.8" in found[0]


def test_a_library_nobody_knows_is_refused(workshop):
    workshop.add("_internal/libmystery.so.4")
    workshop.add("_internal/notes.txt")
    strays = check.findings(workshop.inventory("mystery.module"))
    assert [line.split(" belongs")[0] for line in strays] == [
        "module mystery.module", "file _internal/libmystery.so.4", "file _internal/notes.txt",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "file",
    [
        "PySide6/Qt/lib/libQt6WaylandCompositor.so.6",
        "PySide6/Qt/plugins/platforminputcontexts/libqtvirtualkeyboardplugin.so",
        "PySide6/Qt6Charts.dll",
        "PySide6/QtDataVisualization.abi3.so",
        "PySide6/Qt/lib/QtLottie.framework/Versions/A/QtLottie",
    ],
)
def test_a_part_of_qt_that_is_gpl_alone_is_refused(workshop, file):
    workshop.install("PySide6_Essentials", "PySide6/Qt/lib/libQt6Core.so.6", "PySide6/QtCore.abi3.so", file)
    found = check.findings(workshop.inventory())
    assert len(found) == 1
    assert file in found[0]


def test_qt_that_is_not_a_shared_library_is_refused():
    qt = Component("PySide6_Essentials", "6.11.3", "LGPL-3.0-only", "pkg:pypi/x@1", files=("_internal/libQt6Core.a",))
    assert any("not a shared library" in line for line in check.findings(Inventory((qt,))))


@pytest.mark.parametrize(
    ("offered", "taken"),
    [
        ("LGPL-3.0-only OR GPL-2.0-only OR GPL-3.0-only", "LGPL-3.0-only"),
        ("LGPL-2.1-only OR MIT", "MIT"),
        ("GPL-3.0-or-later WITH GCC-exception-3.1", "GPL-3.0-or-later WITH GCC-exception-3.1"),
        ("GPL-2.0-only WITH Font-exception-2.0", None),
        ("MIT AND (GPL-2.0-only OR Apache-2.0)", "MIT AND Apache-2.0"),
        ("GPL-2.0-only OR AGPL-3.0-only", None),
        ("no licence at all (", None),
        ("", None),
    ],
)
def test_the_licence_is_chosen_that_lets_the_bundle_be_given_on(offered, taken):
    assert policy.chosen(offered) == taken


def test_the_notices_name_every_part_and_give_qts_terms_and_how_to_exchange_it(workshop):
    workshop.install("PySide6_Essentials", "PySide6/Qt/lib/libQt6Core.so.6", text="", version="6.11.3")
    workshop.install("one", "one/core.so", licence=expression("MIT"), text="Copyright 2020 A. Uthor\n" + MIT)
    workshop.install("same", "same/core.so", licence=expression("MIT"), text="Copyright 2020 A. Uthor\n" + MIT)
    text = notices.notices(workshop.inventory(), "9.9", "_internal")
    flat = " ".join(text.split())
    assert "licence: LGPL-3.0-only (offered: LGPL-3.0-only OR GPL-2.0-only OR GPL-3.0-only)" in flat
    assert "GNU LESSER GENERAL PUBLIC LICENSE Version 3" in flat
    assert "GNU GENERAL PUBLIC LICENSE Version 3" in flat
    assert "/qt/6.11/6.11.3/" in flat
    assert "Replace the files of the same names in _internal/PySide6 and _internal/shiboken6" in flat
    assert text.count("A. Uthor") == 1  # the same text once, for both
    assert "one: LICENSE; same: LICENSE" in text


def test_a_part_without_a_text_gets_the_standard_one_or_is_refused(workshop):
    workshop.install("plain", "plain/core.so", licence=expression("Apache-2.0"), text="")
    assert check.findings(workshop.inventory()) == []
    assert "Apache License" in notices.notices(workshop.inventory(), "9.9", "_internal")
    workshop.install("bare", "bare/core.so", licence=expression("BSD-3-Clause"), text="")
    assert check.findings(workshop.inventory()) == ["bare 1.0: its licence text (BSD-3-Clause) was not found"]


def test_the_bill_keeps_cyclonedx_rules_and_is_the_same_each_time(workshop):
    workshop.install("one", "one/core.so", licence=expression("MIT AND BSD-3-Clause"))
    workshop.add("_internal/libz.so.1")
    found = workshop.inventory("json")
    document = sbom.bill(found, "9.9", moment=1_700_000_000)
    assert sbom.faults(document) == []
    assert sbom.bill(found, "9.9", moment=1_700_000_000) == document
    value = json.loads(document)
    assert value["specVersion"] == "1.6"
    assert value["metadata"]["timestamp"].startswith("2023-11-14T22:13:20")
    parts = {part["name"]: part for part in value["components"]}
    assert set(parts) == {"CPython", "one", "zlib"}
    assert parts["one"]["purl"] == "pkg:pypi/one@1.0"
    assert parts["one"]["licenses"][0]["expression"] == "MIT AND BSD-3-Clause"
    assert parts["one"]["evidence"]["occurrences"][0]["location"] == "_internal/one/core.so"


def test_a_bill_that_breaks_the_rules_is_noticed():
    assert sbom.faults('{"bomFormat": "CycloneDX", "specVersion": "1.6", "components": [{"type": "planet"}]}') != []


def test_weights_are_listed_with_their_cards_licence_and_refused_where_it_forbids_trade(workshop):
    for name, licence, family in (("own", "BSD-3-Clause", "builtin"), ("bought", "CC-BY-NC-SA-4.0", "sam")):
        workshop.add(f"_internal/models/{name}/w.safetensors")
        card = workshop.bundle / "_internal" / "models" / name / "card.toml"
        card.write_text(f'name = "{name}"\nfamily = "{family}"\nlicence = "{licence}"\n')
    found = check.findings(workshop.inventory())
    assert [line.split(":")[0] for line in found] == ["weights of bought  may not be inside"]


def test_the_environment_is_listed_whole_and_all_its_licences_are_known(tmp_path):
    found = inventory.of_environment(ROOT / "requirements" / "run.txt")
    locked = [line for line in (ROOT / "requirements" / "run.txt").read_text().splitlines() if "==" in line]
    assert len(found.components) == 1 + len([line for line in locked if not line.startswith("#")])
    assert command.write(found, tmp_path, given_on=False) == []
    assert (tmp_path / command.NOTICES).stat().st_size > 100_000
    assert json.loads((tmp_path / command.BILL).read_text())["bomFormat"] == "CycloneDX"


def test_the_command_refuses_a_bundle_with_a_gpl_library_and_says_which(workshop, capsys):
    workshop.add("_internal/libgdbm.so.6")
    assert command.main([str(workshop.bundle)]) == 1
    assert "GNU dbm" in capsys.readouterr().err
    assert (workshop.bundle / command.BILL).is_file()


def test_an_app_for_macos_keeps_its_papers_where_a_signature_allows_them(workshop, tmp_path):
    app = tmp_path / "Volumask.app"
    (app / "Contents" / "Frameworks").mkdir(parents=True)
    (app / "Contents" / "Frameworks" / "libffi.8.dylib").write_bytes(b"")
    command.main([str(app)])
    assert (app / "Contents" / "Resources" / command.BILL).is_file()
    assert sorted(path.name for path in app.iterdir()) == ["Contents"]


def test_files_are_told_from_libraries_on_every_system():
    libraries = [
        "a/libz.so.1",
        "a/b.pyd",
        "vtk.libs/x-1a.so",
        "Qt6Core.dll",
        "x.dylib",
        "Qt.framework/Versions/A/QtCore",
    ]
    others = ["a/b.py", "a/so.txt", "x.dll.mui", "Qt.framework/Resources/Info.plist", "libx.a"]
    assert [path for path in libraries + others if is_library(path)] == libraries
    assert system.is_python("_internal/python3.11/lib-dynload/_ssl.cpython-311-darwin.so")
    assert system.is_python("_internal/sqlite3/dbapi2.py")
    assert not system.is_python("_internal/_gdcm.so")
    assert not system.is_python("_internal/mystery/sqlite3.py")
