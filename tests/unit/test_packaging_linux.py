"""Linux's installers on a bundle of two files: what the desktop is told, what lands where, and that it goes again."""

from __future__ import annotations

import configparser
import os
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from tests.data import ROOT

sys.path.insert(0, str(ROOT / "packaging"))
from bundling import freeze
from file_types import FILE_TYPES
from linux import deb, desktop, needed, per_user, tree

TOOLS = ("dpkg-deb", "ar", "xz", "tar", "readelf", "sha256sum")
pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or not all(map(shutil.which, TOOLS)), reason=f"needs Linux with {', '.join(TOOLS)}"
)
PROGRAM = """#!/bin/sh
echo "$0 $*" >> "$HOME/called"
"""


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A script in the place of the program, and a library that is linked to the system's libc."""
    folder = tmp_path_factory.mktemp("made") / "volumask-cpu"
    (folder / "_internal").mkdir(parents=True)
    (folder / "Volumask").write_text(PROGRAM)
    (folder / "Volumask").chmod(0o755)
    (folder / "volumask").symlink_to("Volumask")
    shutil.copyfile("/bin/true", folder / "_internal" / "libpart.so")
    return folder


@pytest.fixture(scope="module")
def made(bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A .deb and two versions of the per-user file."""
    out = tmp_path_factory.mktemp("dist")
    packed = out / "tree.tar.xz"
    with tree.laid_out(bundle) as root:
        tree.pack(root, packed, freeze.environment("cpu"), "--x86", "--lzma2=preset=0")
        weight = tree.weight(root)
        package = deb.build(root, packed, "cpu", "1.2", out)
    files = {version: per_user.build(packed, weight, "cpu", version, out) for version in ("1.2", "1.3")}
    return {"deb": package, **files}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home folder whose name is beyond ASCII and has what a shell and a desktop entry must quote."""
    folder = tmp_path / "Jürgen's 検査 $HOME 100%"
    folder.mkdir()
    return folder


def sh(home: Path, *command: object, **options: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": os.environ["PATH"], "HOME": str(home), "LANG": "C.UTF-8", **options}
    words = ["sh", *map(str, command)]
    return subprocess.run(words, env=environment, capture_output=True, text=True, check=False, cwd=home.parent)


def everything(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir() or path.is_symlink()}


def entry(text: str) -> configparser.SectionProxy:
    parser = configparser.ConfigParser(interpolation=None, delimiters=("=",))
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # keys keep their capitals
    parser.read_string(text)
    return parser["Desktop Entry"]


def test_the_menu_entry_offers_every_kind_of_file():
    found = entry(desktop.entry("/usr/bin/volumask"))
    assert found["Exec"] == "/usr/bin/volumask %f"
    assert found["MimeType"].split(";") == [*(kind.mime for kind in FILE_TYPES), ""]
    assert found["Terminal"] == "false"


def test_a_packed_nifti_goes_before_what_is_known_of_gz():
    root = ET.fromstring(desktop.mime_types().encode())
    space = "{http://www.freedesktop.org/standards/shared-mime-info}"
    globs = {glob.get("pattern"): int(glob.get("weight", "0")) for glob in root.iter(f"{space}glob")}
    assert globs.keys() == {"*.volumask", "*.nii.gz", "*.nii", "*.dcm", "*.nrrd"}
    assert globs["*.nii.gz"] > 50 == globs["*.nii"]


def test_the_computers_mime_database_takes_the_kinds(tmp_path):
    if not shutil.which("update-mime-database"):
        pytest.skip("needs update-mime-database (shared-mime-info)")
    (tmp_path / "packages").mkdir()
    (tmp_path / "packages" / "volumask.xml").write_text(desktop.mime_types(), "utf-8")
    subprocess.run(["update-mime-database", str(tmp_path)], check=True, capture_output=True)
    assert "70:application/x-nifti:*.nii.gz" in (tmp_path / "globs2").read_text().splitlines()


def test_libraries_that_are_not_inside_are_asked_of_the_system(bundle):
    assert needed.from_system(bundle) == []
    assert needed.depends(bundle)[0].startswith("libc6 (>= 2.")
    assert "libgl1" in needed.depends(bundle)


def test_a_library_without_a_known_package_is_an_error_and_not_left_out(bundle, monkeypatch):
    monkeypatch.setattr(needed, "from_system", lambda _: ["libnobody.so.1"])
    with pytest.raises(KeyError, match=r"libnobody\.so\.1"):
        needed.depends(bundle)


def test_the_package_says_what_dpkg_wants_to_know(made):
    shown = subprocess.run(["dpkg-deb", "-f", made["deb"]], capture_output=True, text=True, check=True).stdout
    fields = dict(line.split(": ", 1) for line in shown.splitlines() if ": " in line and line[0] != " ")
    assert (fields["Package"], fields["Version"], fields["Architecture"]) == ("volumask", "1.2", "amd64")
    assert fields["Conflicts"] == "volumask-cuda"
    assert int(fields["Installed-Size"]) > 0


def test_the_packages_files_lie_where_a_desktop_looks_and_are_roots(made):
    told = subprocess.run(["dpkg-deb", "-c", made["deb"]], capture_output=True, text=True, check=True).stdout
    rows = [line.split(maxsplit=5) for line in told.splitlines()]
    names = {row[5].split(" -> ")[0] for row in rows}
    assert {
        "./opt/volumask/Volumask",
        "./usr/share/applications/volumask.desktop",
        "./usr/share/mime/packages/volumask.xml",
        "./usr/share/icons/hicolor/scalable/apps/volumask.svg",
        "./usr/share/doc/volumask/copyright",
    } <= names
    assert any(row[5] == "./usr/bin/volumask -> /opt/volumask/volumask" for row in rows)
    assert {row[1] for row in rows} == {"0/0"}
    assert {row[0][7:] for row in rows if row[0][0] != "l"} <= {"r-x", "r--"}


def test_the_packages_checksums_are_those_of_its_files(made, tmp_path):
    subprocess.run(["dpkg-deb", "-R", made["deb"], str(tmp_path)], check=True)
    sums = tmp_path / "DEBIAN" / "md5sums"
    subprocess.run(["md5sum", "--check", "--quiet", str(sums)], check=True, cwd=tmp_path)
    assert os.access(tmp_path / "DEBIAN" / "postinst", os.X_OK)


def test_two_packages_of_one_bundle_are_the_same_bytes(bundle, tmp_path):
    packages = []
    for name in ("one", "two"):
        out = tmp_path / name
        out.mkdir()
        with tree.laid_out(bundle) as root:
            packed = tree.pack(root, out / "tree.tar.xz", freeze.environment("cpu"), "-0")
            packages.append(deb.build(root, packed, "cpu", "1.2", out).read_bytes())
    assert packages[0] == packages[1]


def test_one_user_installs_tries_starts_and_removes_it(made, home):
    before = everything(home)
    installed = sh(home, made["1.2"])
    assert installed.returncode == 0, installed.stderr
    place = home / ".local" / "opt" / "volumask-1.2"
    assert (home / "called").read_text() == f"{place}/volumask self-test\n"
    assert (home / ".local" / "bin" / "volumask").resolve() == place / "Volumask"
    assert everything(place) == {"Volumask", "volumask", "_internal/libpart.so", "uninstall.sh"}
    found = entry((home / ".local/share/applications/volumask.desktop").read_text("utf-8"))
    assert found["Exec"].endswith('/Volumask" %f')
    removed = sh(home, place / "uninstall.sh")
    assert removed.returncode == 0, removed.stderr
    assert everything(home) - before == {"called"}


def test_a_database_of_kinds_that_others_use_stays(made, home):
    others = home / ".local/share/mime/packages/others.xml"
    others.parent.mkdir(parents=True)
    others.write_text('<mime-info xmlns="http://www.freedesktop.org/standards/shared-mime-info"/>')
    assert sh(home, made["1.2"]).returncode == 0
    assert sh(home, home / ".local/opt/volumask-1.2/uninstall.sh").returncode == 0
    assert others.is_file()
    if shutil.which("update-mime-database"):
        assert (others.parents[1] / "globs2").is_file()


def test_the_menu_entry_of_a_user_names_the_program_whatever_the_folder_is_called(made, home):
    assert sh(home, made["1.2"]).returncode == 0
    line = entry((home / ".local/share/applications/volumask.desktop").read_text("utf-8"))["Exec"]
    value = line.replace("\\\\", "\\").replace("%%", "%")  # a desktop reads the value first, then the quotes
    assert re.sub(r"\\(.)", r"\1", value) == f'"{home}/.local/opt/volumask-1.2/Volumask" %f'


def test_two_versions_live_side_by_side_and_the_menu_belongs_to_the_newer(made, home):
    assert sh(home, made["1.2"]).returncode == sh(home, made["1.3"]).returncode == 0
    old, new = (home / ".local" / "opt" / f"volumask-{version}" for version in ("1.2", "1.3"))
    assert sh(home, old / "uninstall.sh").returncode == 0
    assert not old.exists()
    assert (home / ".local" / "bin" / "volumask").resolve() == new / "Volumask"
    assert (home / ".local/share/applications/volumask.desktop").exists()


def test_installing_again_renews_the_program(made, home):
    assert sh(home, made["1.2"]).returncode == 0
    place = home / ".local" / "opt" / "volumask-1.2"
    (place / "left over").touch()
    assert sh(home, made["1.2"]).returncode == 0
    assert not (place / "left over").exists()
    assert [path.name for path in place.parent.iterdir()] == ["volumask-1.2"]


def test_another_folder_is_taken_also_by_its_relative_name(made, home):
    assert sh(home, made["1.2"], "--to", "programs").returncode == 0
    assert (home.parent / "programs" / "volumask-1.2" / "Volumask").exists()


@pytest.mark.parametrize("damage", ["cut", "changed"])
def test_a_file_that_did_not_arrive_whole_installs_nothing(made, home, damage):
    content = made["1.2"].read_bytes()
    broken = home.parent / "broken.run"
    broken.write_bytes(content[:-9] if damage == "cut" else content[:-9] + bytes(9))
    told = sh(home, broken)
    assert told.returncode == 1
    assert told.stderr.startswith("Volumask was not installed: this file is ")
    assert everything(home) == set()
    assert sh(home, made["1.2"], "--check").stdout == "This file is whole.\n"


def test_a_large_file_goes_on_in_parts_and_none_may_be_missing(bundle, home, tmp_path, monkeypatch):
    packed = tmp_path / "tree.tar.xz"
    with tree.laid_out(bundle) as root:
        tree.pack(root, packed, {"SOURCE_DATE_EPOCH": "0"}, "-0")
        weight = tree.weight(root)
    monkeypatch.setattr(per_user, "PART", 8000)
    made = per_user.build(packed, weight, "cuda", "1.4", tmp_path)
    one, two, *more = per_user.parts(made)
    assert two.name == f"{one.name}.part2"
    assert all(part.stat().st_size <= 8000 for part in (one, two, *more))
    two.rename(tmp_path / "elsewhere")
    told = sh(home, made)
    assert told.returncode == 1
    assert "not complete" in told.stderr
    assert everything(home) == set()
    (tmp_path / "elsewhere").rename(two)
    assert sh(home, made).returncode == 0
    assert (home / ".local" / "opt" / "volumask-1.4" / "Volumask").is_file()
    monkeypatch.setattr(per_user, "PART", 1 << 20)
    assert per_user.parts(per_user.build(packed, weight, "cuda", "1.4", tmp_path)) == [made], "old parts stayed"


def test_a_full_disk_is_one_sentence_and_leaves_nothing(made, home):
    text, rest = made["1.2"].read_bytes().split(b'[ "$free" -ge ', 1)
    needs = rest.split(b" ", 1)[1]
    greedy = home.parent / "greedy.run"
    greedy.write_bytes(text + b'[ "$free" -ge 999999999999 ' + needs)
    told = sh(home, greedy)
    assert told.returncode == 1
    assert "MB are needed" in told.stderr
    assert everything(home) == set()


def test_an_unknown_option_shows_how_to_use_it(made, home):
    told = sh(home, made["1.2"], "--help")
    assert told.returncode == 2
    assert "sh FILE" in told.stdout
    assert everything(home) == set()


def test_the_script_is_clean_by_shellcheck():
    checker = shutil.which("shellcheck")
    if not checker:
        pytest.skip("needs shellcheck")
    text = per_user.script("1.2", 1, "0", 1)
    told = subprocess.run([checker, "-s", "sh", "-"], input=text, capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stdout
