"""The bundle where users are: no OpenGL, foreign letters, a folder only to be read, a long path, old project files.

`tests/unit/test_circumstances.py` asks the same of the source.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from app.session import Session
from tests.circumstances import FOREIGN, LONG, WITHOUT_OPENGL, refuses_to_draw
from tests.data import ROOT, SAMPLE
from tests.e2e.desktop_user import DesktopUser, running, tools_missing, virtual_screen, wait
from tests.unit import old_project

BUNDLE = Path(os.environ.get("VOLUMASK_BUNDLE", ROOT / "dist" / "volumask-cpu"))
LACKING = tools_missing() if sys.platform == "linux" else ["Linux"]
PATIENCE_S = 900.0
READ_ONLY = 'mount --bind "$1" "$1" && mount -o remount,bind,ro "$1" && shift && exec "$@"'
"""Not even root writes there; for the program that follows alone."""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not (BUNDLE / "Volumask").is_file(), reason="needs dist/volumask-cpu: python3 dev.py bundle"),
    pytest.mark.skipif(bool(LACKING), reason=f"needs {', '.join(LACKING)}"),
]


def environment(home: Path, **more: str) -> dict[str, str]:
    """A user's with this home folder and no screen."""
    home.mkdir(parents=True, exist_ok=True)
    return {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "HOME": str(home), **more}


def placed(folder: Path) -> Path:
    """The bundle in this folder: the same files by a second name, where the disk allows it."""

    def link(source: str, target: str) -> None:
        try:
            os.link(source, target)
        except OSError:  # another disk
            shutil.copy2(source, target)

    return Path(shutil.copytree(BUNDLE, folder, symlinks=True, copy_function=link))


def works(program: Path, folder: Path, variables: dict[str, str], *before: str) -> None:
    """All of its self-test, and a mask of a scan in this folder; `before` is what the program is run by."""
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(SAMPLE, folder / SAMPLE.name)
    click = ("--click", "83,66,111,+", "--out", str(folder / "mask.nii.gz"))
    for words in (("self-test",), ("segment", str(folder / SAMPLE.name), *click)):
        command = [*before, str(program / "volumask"), *words]
        done = subprocess.run(command, env=variables, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "FAILED" not in done.stdout
        assert "Traceback" not in done.stderr
    assert (folder / "mask.nii.gz").stat().st_size > 0


def listing(folder: Path) -> dict[str, tuple[int, int]]:
    """Size and time of every file below a folder."""
    paths = [path for path in folder.rglob("*") if path.is_file()]
    return {str(path): (path.stat().st_size, path.stat().st_mtime_ns) for path in paths}


def test_without_opengl_one_sentence_is_said_and_nothing_crashes(tmp_path: Path) -> None:
    refuses_to_draw([str(BUNDLE / "Volumask"), str(SAMPLE)], environment(tmp_path, **WITHOUT_OPENGL), PATIENCE_S)


def test_a_user_with_foreign_letters_works_as_any_other(tmp_path: Path) -> None:
    home = tmp_path / FOREIGN
    works(placed(home / "Programme" / "Volumask"), home / "Bilder", environment(home))


def test_the_installed_folder_is_only_read(tmp_path: Path) -> None:
    program = placed(tmp_path / "program")
    before = listing(program)
    only_read = ("unshare", "--mount", "--map-root-user", "sh", "-c", READ_ONLY, "inside", str(program))
    works(program, tmp_path / "scans", environment(tmp_path / "home"), *only_read)
    assert listing(program) == before


def test_paths_of_250_characters_work_for_program_scan_and_home(tmp_path: Path) -> None:
    def deep(folder: Path) -> Path:
        while len(str(folder)) < LONG:
            folder = folder / ("abdomen and pelvis, portal venous phase"[: max(1, LONG - len(str(folder)))])
        return folder

    program = deep(tmp_path / "p")
    program.parent.mkdir(parents=True)
    works(placed(program), deep(tmp_path / "s"), environment(deep(tmp_path / "h"), TMPDIR=str(tmp_path)))


@pytest.mark.parametrize("version", old_project.VERSIONS)
def test_an_old_project_opens_in_the_window_and_is_saved_whole(tmp_path: Path, version: int) -> None:
    project = old_project.write(tmp_path, version)
    before = project.read_bytes()
    with virtual_screen() as screen:
        person = DesktopUser(screen)
        variables = environment(tmp_path / "home", QT_QPA_PLATFORM="xcb", **screen)
        with running([str(BUNDLE / "Volumask"), str(project)], variables):
            person.do("windowfocus", "--sync", person.window(project.name))  # no window manager does it
            person.press("ctrl+s")
            wait("the saved project", lambda: project.read_bytes() != before)
    with Session.headless(model="classic", engine="inline") as session:
        session.open(project)
        voxels = {segment.name: int(session.mask(segment).sum()) for segment in session.case.segments}
    assert voxels == old_project.SEGMENTS[version]
