"""The installers for Windows and macOS, as far as they can be tried here: their texts, and one of them under wine."""

from __future__ import annotations

import os
import plistlib
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.data import ROOT

sys.path.insert(0, str(ROOT / "packaging"))
from file_types import FILE_TYPES, last_suffixes
from macos.info import info
from windows import keys

PACKAGING = ROOT / "packaging"
INNO = (PACKAGING / "windows" / "volumask.iss").read_text(encoding="utf-8")
WINE = shutil.which("wine64") or next(iter(Path("/usr/lib/wine").glob("wine64")), None)
WANTED = {".nii", ".nii.gz", ".dcm", ".nrrd", ".volumask"}


def sections() -> dict[str, list[str]]:
    """Inno's sections with their lines, comments and directives of the preprocessor left out."""
    found: dict[str, list[str]] = {}
    for line in INNO.splitlines():
        if name := re.fullmatch(r"\[(\w+)\]", line.strip()):
            found[name[1]] = []
        elif found and line.strip() and not line.startswith((";", "#")):
            found[list(found)[-1]].append(line.strip())
    return found


def test_every_kind_of_file_of_the_issue_is_known():
    assert {suffix for file_type in FILE_TYPES for suffix in file_type.suffixes} == WANTED


# Windows


def test_the_installer_asks_for_no_administrator_and_upgrades_in_place():
    setup = dict(line.split("=", 1) for line in sections()["Setup"])
    assert setup["PrivilegesRequired"] == "lowest"
    assert "PrivilegesRequiredOverridesAllowed" not in setup
    assert setup["DefaultDirName"].startswith("{localappdata}")
    assert setup["UsePreviousAppDir"] == "yes"
    assert re.fullmatch(r"\{\{[0-9A-F]{8}(-[0-9A-F]{4}){3}-[0-9A-F]{12}\}", setup["AppId"])
    assert setup["ChangesAssociations"] == "yes"
    assert 0 < int(setup["DiskSliceSize"]) < 2**31  # a file of a release has to be under 2 GiB


def test_an_upgrade_deletes_the_older_libraries_of_volumask_and_of_no_other_program():
    [deleted] = sections()["InstallDelete"]
    assert r"{app}\_internal" in deleted
    assert "Check: IsOurs" in deleted
    assert r"FileExists(ExpandConstant('{app}\Volumask.exe'))" in INNO


def test_a_silent_installation_asks_nothing():
    assert "MsgBox" not in INNO.replace("SuppressibleMsgBox", "")
    assert all("skipifsilent" in line for line in sections()["Run"])


def test_files_that_the_script_names_are_there_or_made_before():
    made = {"associations.iss", "volumask.ico"}
    named = set(re.findall(r'#include "([^"]+)"', INNO)) | set(re.findall(r"^SetupIconFile=(.+)$", INNO, re.M))
    assert named == made
    assert {str(Path(path)) for path in re.findall(r"\.\.\\\.\.\\(LICENSE)", INNO)} == {"LICENSE"}
    assert (ROOT / "LICENSE").is_file()


def test_no_scan_is_taken_from_the_program_that_opened_it_before():
    for key in keys.entries():
        if not key.path.startswith(tuple(keys.roots())):
            mine = key.path.endswith(r"\.volumask") or key.path.endswith(r"\OpenWithProgids")
            assert mine, key
            assert not key.ours, key
    assert {s for t in FILE_TYPES for s in last_suffixes(t)} == {".volumask", ".nii", ".gz", ".dcm", ".nrrd"}


def test_the_command_of_a_file_is_quoted_against_blanks():
    commands = {key.data for key in keys.entries() if key.path.endswith(r"\open\command")}
    assert commands == {r'"{app}\Volumask.exe" "%1"'}


def test_both_installers_write_the_same_keys():
    wanted = {(key.path, key.value) for key in keys.entries()}
    inno = re.findall(r'Subkey: "([^"]+)"; ValueType: string; ValueName: "([^"]*)"', keys.inno())
    nsis = re.findall(r"WriteRegStr HKCU '([^']+)' '([^']*)'", keys.nsis())
    assert set(inno) == set(nsis) == wanted
    assert all("Tasks: associate" in line for line in keys.inno().splitlines())


# macOS


def test_the_property_list_declares_each_kind_of_file():
    made = plistlib.loads(plistlib.dumps(info("1.2.3")))
    documents = {ending for kind in made["CFBundleDocumentTypes"] for ending in kind["CFBundleTypeExtensions"]}
    assert {f".{ending}" for ending in documents} == WANTED
    ranks = {kind["CFBundleTypeName"]: kind["LSHandlerRank"] for kind in made["CFBundleDocumentTypes"]}
    assert ranks.pop("Volumask project") == "Owner"
    assert set(ranks.values()) == {"Alternate"}
    declared = [*made["UTExportedTypeDeclarations"], *made["UTImportedTypeDeclarations"]]
    used = {uti for kind in made["CFBundleDocumentTypes"] for uti in kind["LSItemContentTypes"]}
    assert {kind["UTTypeIdentifier"] for kind in declared} == used
    assert made["CFBundleShortVersionString"] == "1.2.3"


def test_the_entitlements_let_qt_be_exchanged():
    entitlements = plistlib.loads((PACKAGING / "macos" / "entitlements.plist").read_bytes())
    assert entitlements["com.apple.security.cs.disable-library-validation"] is True


def test_the_disk_image_script_is_right_as_a_text():
    script = PACKAGING / "macos" / "dmg.sh"
    assert os.access(script, os.X_OK)
    assert subprocess.run(["bash", "-n", str(script)], check=False).returncode == 0
    text = script.read_text()
    assert all((ROOT / path).is_file() for path in re.findall(r"packaging/macos/[\w.]+", text))
    run = "set -euo pipefail; version=1.2; " + re.search(r"^ending=.*?^image=[^\n]+", text, re.M | re.S)[0]
    for identity, name in (("", "arm64-unsigned"), ("Developer ID", "arm64")):
        told = subprocess.run(
            ["bash", "-c", f'set -- 1.2; {run}; echo "$image"'],
            env={"CODESIGN_IDENTITY": identity, "PATH": os.environ["PATH"]},
            capture_output=True,
            text=True,
            check=True,
        )
        assert told.stdout.strip() == f"dist/volumask-1.2-macos-{name}.dmg"


def test_icons_are_drawn_for_each_system(tmp_path):
    from PIL import Image

    subprocess.run([sys.executable, str(PACKAGING / "icons.py"), str(tmp_path)], check=True, capture_output=True)
    with Image.open(tmp_path / "volumask.ico") as icon:
        assert {(16, 16), (256, 256)} <= icon.info["sizes"]
    with Image.open(tmp_path / "volumask.icns") as icon:
        assert max(icon.info["sizes"])[0] * max(icon.info["sizes"])[2] >= 512
    with Image.open(tmp_path / "volumask.png") as icon:
        assert icon.size == (256, 256)
        assert icon.convert("RGBA").getpixel((0, 0))[3] == 0  # round corners


@pytest.mark.parametrize("system", ["linux", "win32", "darwin"])
def test_the_recipe_makes_of_the_bundle_what_each_system_calls_a_program(system, monkeypatch):
    made: dict[str, list[dict[str, Any]]] = {}

    class Target:
        pure = binaries = datas = scripts = ()

    def target(name: str) -> Callable[..., Target]:
        def make(*_: object, **given: Any) -> Target:
            made.setdefault(name, []).append(given)
            return Target()

        return make

    text = (PACKAGING / "volumask.spec").read_text(encoding="utf-8")
    names = {name: target(name) for name in ("Analysis", "PYZ", "EXE", "COLLECT", "BUNDLE")}
    code = compile(text, "volumask.spec", "exec")
    exec(code, names | {"SPECPATH": str(PACKAGING)})  # every import of the spec is done before the system is another
    made.clear()
    monkeypatch.setattr(sys, "platform", system)
    exec(code, names | {"SPECPATH": str(PACKAGING)})
    programs = {"win32": ["Volumask", "volumask.com"]}.get(system, ["Volumask"])
    assert [program["name"] for program in made["EXE"]] == programs
    icon = {"linux": None, "win32": "volumask.ico", "darwin": "volumask.icns"}[system]
    assert {program["icon"] and Path(program["icon"]).name for program in made["EXE"]} == {icon}
    assert [app["name"] for app in made.get("BUNDLE", [])] == (["Volumask.app"] if system == "darwin" else [])
    assert all(app["info_plist"]["CFBundleName"] == "Volumask" for app in made.get("BUNDLE", []))


# Under wine: the NSIS form of the same installation


@pytest.fixture
def wine(tmp_path: Path) -> Callable[..., str]:
    """Runs a Windows program in a fresh Windows user; returns what it printed."""
    environment = os.environ | {"WINEPREFIX": str(tmp_path / "prefix"), "WINEDEBUG": "-all"}
    environment["WINEDLLOVERRIDES"] = "mscoree,mshtml="

    def run(*command: str, status: int | None = 0) -> str:
        done = subprocess.run([str(WINE), *command], env=environment, capture_output=True, timeout=300, check=False)
        assert status is None or done.returncode == status, done
        return done.stdout.decode("utf-8", "replace")

    run("wineboot", "--init")
    yield run
    subprocess.run([str(WINE), "wineboot", "--kill"], env=environment, capture_output=True, timeout=120, check=False)


def setup(folder: Path, version: str, *libraries: str) -> str:
    """An installer of a bundle that holds these libraries and, as its program, something that starts and ends."""
    bundle, generated = folder / f"bundle-{version}", folder / "generated"
    (bundle / "_internal").mkdir(parents=True)
    generated.mkdir(exist_ok=True)
    stub = folder / "stub.nsi"
    stub.write_text(
        f"Target amd64-unicode\nName stub\nOutFile {bundle}/Volumask.exe\nSilentInstall silent\n"
        "RequestExecutionLevel user\nSection\nSectionEnd\n"
    )
    subprocess.run(["makensis", "-V1", str(stub)], check=True)
    for name in libraries:
        (bundle / "_internal" / name).write_text(name)
    (generated / "associations.nsh").write_text(keys.nsis())
    subprocess.run([sys.executable, str(PACKAGING / "icons.py"), str(generated)], check=True, capture_output=True)
    made = folder / f"volumask-{version}.exe"
    given = {"VERSION": version, "BUNDLE": bundle, "OUTPUT": made, "GENERATED": generated}
    script = str(PACKAGING / "windows" / "volumask.nsi")
    subprocess.run(["makensis", "-V1", *(f"-D{name}={value}" for name, value in given.items()), script], check=True)
    return str(made)


@pytest.mark.slow
@pytest.mark.skipif(not (shutil.which("makensis") and WINE), reason="needs makensis and wine64")
def test_a_windows_user_installs_upgrades_and_uninstalls_and_nothing_is_left(wine, tmp_path):
    classes = r"HKCU\Software\Classes"
    wine("reg", "add", rf"{classes}\.gz", "/ve", "/d", "SomeZip", "/f")  # what another program had set
    wine(setup(tmp_path, "1.0", "old.dll", "ümläut.dll"), "/S")
    home = next((tmp_path / "prefix" / "drive_c" / "users").glob("*/AppData/Local/Programs/Volumask"))
    assert sorted(path.name for path in (home / "_internal").iterdir()) == ["old.dll", "ümläut.dll"]
    registry = wine("reg", "query", classes, "/s")
    assert r'\AppData\Local\Programs\Volumask\Volumask.exe" "%1"' in registry
    for suffix in (".gz", ".nii", ".dcm", ".nrrd", ".volumask"):
        assert rf"\Classes\{suffix}\OpenWithProgids" in registry
    assert "SomeZip" in registry

    wine(setup(tmp_path, "1.1", "new.dll"), "/S")
    assert [path.name for path in (home / "_internal").iterdir()] == ["new.dll"]
    uninstall = r"HKCU\Software\Microsoft\Windows\CurrentVersion\Uninstall\Volumask"
    assert "1.1" in wine("reg", "query", uninstall, "/v", "DisplayVersion")

    (home / "mine.txt").write_text("something that the user put there")
    wine(str(home / "uninstall.exe"), "/S", f"_?={windows_path(home)}")
    assert sorted(path.name for path in home.iterdir()) in (["mine.txt"], ["mine.txt", "uninstall.exe"])
    registry = wine("reg", "query", classes, "/s")
    assert "Volumask" not in registry
    assert not re.search(r"\\Classes\\\.(volumask|nii|dcm|nrrd)", registry)
    assert "SomeZip" in registry
    wine("reg", "query", uninstall, status=1)


@pytest.mark.slow
@pytest.mark.skipif(not (shutil.which("makensis") and WINE), reason="needs makensis and wine64")
def test_an_installation_into_a_folder_of_another_program_deletes_nothing_of_it(wine, tmp_path):
    other = tmp_path / "prefix" / "drive_c" / "tools"
    (other / "_internal").mkdir(parents=True)
    (other / "_internal" / "theirs.dll").write_text("theirs")
    (other / "other.exe").write_text("theirs")
    wine(setup(tmp_path, "1.0", "ours.dll"), "/S", r"/D=C:\tools")
    assert (other / "_internal" / "theirs.dll").is_file()
    assert (other / "Volumask.exe").is_file()
    assert (other / "other.exe").is_file()


def windows_path(path: Path) -> str:
    """As Windows calls a file of the wine prefix."""
    return "C:\\" + str(path).split("/drive_c/")[1].replace("/", "\\")
