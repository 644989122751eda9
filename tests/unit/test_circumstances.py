"""Where users are: no OpenGL, foreign letters, folders only to be read, long paths, two versions, old files."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from app.errors import BadInput
from app.session import Session
from tests.circumstances import FOREIGN, LONG, WITHOUT_OPENGL, refuses_to_draw
from tests.data import ROOT
from tests.unit import old_project

PATIENCE = 180.0

JOB = """
import sys
from pathlib import Path
import app
from app.prompts import Point
from app.session import Session
root, scan, out = Path(app.__file__).parents[1], sys.argv[1], Path(sys.argv[2])
with Session.headless(model="trial") as session:
    session.open(scan)
    segment = session.add_segment("Größe 肝臓")
    session.add_prompt(segment, Point((10, 12, 14)))
    session.wait()
    mask = session.mask(segment)
    session.export_labels(out / "labels.nii.gz")
    session.export_mesh(segment, out / "mesh.stl")
    session.save(out / "case.volumask")
with Session.headless(model="trial") as session:
    session.open(out / "case.volumask")
    assert (session.mask(1) == mask).all() and session.case.segments[0].name == "Größe 肝臓"
print(root, int(mask.sum()))
"""
"""Open, click, export labels and mesh, save, open again; prints where the program lies and how many voxels it found."""


@pytest.fixture
def scan(tmp_path: Path) -> Path:
    return made_scan(tmp_path)


def made_scan(folder: Path) -> Path:
    """A bright ball in a dark box."""
    folder.mkdir(parents=True, exist_ok=True)
    k, j, i = np.indices((28, 24, 20))
    ball = ((k - 14) ** 2 + (j - 12) ** 2 + (i - 10) ** 2 < 36).astype(np.int16)
    path = folder / "scan.nii.gz"
    nib.save(nib.Nifti1Image(ball * 200, np.diag([2.0, 2, 2, 1])), path)
    return path


def installed(folder: Path) -> Path:
    """A copy of the program, as an installer puts it somewhere."""
    for name in ("app", "resources"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for model in ("trial", "classic"):
        shutil.copytree(ROOT / "models" / model, folder / "models" / model)
    return folder


def environment(home: Path, **more: str) -> dict[str, str]:
    """That of a user with this home folder."""
    mine = {name: value for name, value in os.environ.items() if not name.startswith(("XDG_", "VOLUMASK_"))}
    home.mkdir(parents=True, exist_ok=True)
    return mine | {"HOME": str(home), "PYTHONDONTWRITEBYTECODE": "1", "PYTHONUTF8": "1", **more}


def do_the_job(program: Path, scan: Path, out: Path, variables: dict[str, str]) -> int:
    """The job in a process of the program's own copy; returns the voxels that a click found."""
    out.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-c", JOB, str(scan), str(out)]
    done = subprocess.run(command, cwd=program, env=variables, capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode == 0, done.stderr
    where, voxels = done.stdout.strip().rsplit(" ", 1)
    assert Path(where) == program
    assert {path.name for path in out.iterdir()} >= {"labels.nii.gz", "mesh.stl", "case.volumask"}
    return int(voxels)


def listing(folder: Path) -> dict[str, tuple[int, int]]:
    """Size and time of every file below a folder."""
    paths = [path for path in folder.rglob("*") if path.is_file()]
    return {str(path): (path.stat().st_size, path.stat().st_mtime_ns) for path in paths}


def test_without_opengl_the_window_says_so_in_one_sentence_and_does_not_crash(scan, tmp_path):
    variables = environment(tmp_path / "home", **WITHOUT_OPENGL)
    variables.pop("DISPLAY", None)
    refuses_to_draw([sys.executable, "-m", "app", str(scan)], variables, PATIENCE, ROOT)


def test_a_user_with_foreign_letters_works_as_any_other(tmp_path):
    home = tmp_path / FOREIGN
    program = installed(tmp_path / FOREIGN / "Programme" / "Volumask")
    variables = environment(home, TMPDIR=str(tmp_path))
    assert do_the_job(program, made_scan(home / "Bilder"), home / "Ergebnis", variables) > 0
    assert list((home / ".cache").rglob("*")), "the caches lie in that home"


def test_the_folder_of_the_program_is_only_read(scan, tmp_path):
    program = installed(tmp_path / "program")
    for path in [program, *program.rglob("*")]:  # root may write all the same, so it is compared as well
        path.chmod(path.stat().st_mode & ~(stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH))
    before = listing(program)
    try:
        assert do_the_job(program, scan, tmp_path / "out", environment(tmp_path / "home")) > 0
        assert listing(program) == before
    finally:
        for path in [program, *program.rglob("*")]:
            path.chmod(path.stat().st_mode | stat.S_IWUSR)


def deep(folder: Path) -> Path:
    """A folder below another, so that a file in it has a path of more than 250 characters."""
    while len(str(folder)) < LONG:
        folder = folder / ("abdomen and pelvis, portal venous phase"[: max(1, LONG - len(str(folder)))])
    return folder


def test_paths_of_250_characters_work_for_scan_results_home_and_program(tmp_path):
    program = installed(deep(tmp_path / "p"))
    scan, out = made_scan(deep(tmp_path / "s")), deep(tmp_path / "o")
    assert min(len(str(path)) for path in (program, scan, out)) >= LONG
    assert do_the_job(program, scan, out, environment(deep(tmp_path / "h"), TMPDIR=str(tmp_path))) > 0


def test_a_temporary_folder_with_a_long_path_works(scan, tmp_path):
    long = deep(tmp_path / "t")
    long.mkdir(parents=True)
    assert do_the_job(ROOT, scan, tmp_path / "out", environment(tmp_path / "home", TMPDIR=str(long))) > 0


def test_a_file_whose_name_is_as_long_as_the_system_allows_is_written_and_read(scan, tmp_path):
    name = "é" * 100 + "x" * (255 - 200 - len(".volumask")) + ".volumask"
    assert len(name.encode()) == 255
    with Session.headless(model="classic", engine="inline") as session:
        session.open(scan)
        session.add_segment("One")
        session.save(tmp_path / name)
        session.open(tmp_path / name)
        assert [segment.name for segment in session.case.segments] == ["One"]


SIDE = """
import sys
import app
app.__version__ = sys.argv[1]
from pathlib import Path
from app.autosave import Autosave, recoverable, recovery_folder
from app.prompts import Point
from app.session import Session
with Session.headless(model="classic") as session:
    session.open(sys.argv[2])
    autosave = Autosave(session, recovery_folder())
    segment = session.add_segment(sys.argv[1])
    session.add_prompt(segment, Point((10, 12, 14)))
    session.wait()
    autosave.flush()
    others = [path for path in recoverable(recovery_folder()) if path != autosave.path]
    print(autosave.path.name, int(session.mask(segment).sum()), len(others), flush=True)
    sys.stdin.readline()
    print(autosave.path.exists(), int(session.mask(segment).sum()), flush=True)
    session.save(sys.argv[3])
    autosave.close()
"""
"""One of two versions: works, tells what it would offer to recover, waits, tells what it still has, saves."""


def test_two_versions_at_the_same_time_share_a_home_and_take_nothing_from_each_other(scan, tmp_path):
    variables = environment(tmp_path / "home")
    programs = [installed(tmp_path / "0.1"), installed(tmp_path / "0.2")]
    saved = [tmp_path / "a.volumask", tmp_path / "b.volumask"]
    running = []
    for program, version, project in zip(programs, ("0.1.0", "0.2.0"), saved, strict=True):
        command = [sys.executable, "-c", SIDE, version, str(scan), str(project)]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        running.append(subprocess.Popen(command, cwd=program, env=variables, **pipes))
    first = [process.stdout.readline().split() for process in running]
    rest = [process.communicate("\n", timeout=PATIENCE)[0].split() for process in running]
    assert [process.returncode for process in running] == [0, 0]
    assert first[0][0] != first[1][0], "each has a recovery file of its own"
    assert [line[2] for line in first] == ["0", "0"], "neither offers the other's open work"
    assert [line[0] for line in rest] == ["True", "True"]
    assert first[0][1] == first[1][1] == rest[0][1] == rest[1][1] != "0"
    with Session.headless(model="classic", engine="inline") as session:  # each reads what the other wrote
        for project, version in zip(saved, ("0.1.0", "0.2.0"), strict=True):
            session.open(project)
            assert [segment.name for segment in session.case.segments] == [version]


@pytest.mark.parametrize("version", old_project.VERSIONS)
def test_an_old_project_opens_whole_and_its_history_goes_both_ways(tmp_path, version):
    project = old_project.write(tmp_path, version)
    with Session.headless(model="classic", engine="inline") as session:
        session.open(project)
        voxels = {segment.name: int(session.mask(segment).sum()) for segment in session.case.segments}
        assert voxels == old_project.SEGMENTS[version]
        while session.redo():
            pass
        steps = 0
        while session.undo():
            steps += 1
        assert (steps, session.case.segments) == (old_project.STEPS[version], ())
        while session.redo():
            pass
        session.save(project)
        session.open(project)
        assert {s.name for s in session.case.segments} == old_project.AT_LAST[version]


def test_an_old_project_whose_scan_is_gone_says_so_and_stays_as_it_is(tmp_path):
    project = old_project.write(tmp_path)
    before = project.read_bytes()
    (tmp_path / "scan.nii").unlink()
    with Session.headless(model="classic", engine="inline") as session, pytest.raises(BadInput, match="not there"):
        session.open(project)
    assert project.read_bytes() == before
