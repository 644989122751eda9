"""The .deb on a computer without Python: installed, tried, used by mouse and keys, compared with source, removed."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import nibabel
import numpy as np
import pytest

from app.prompt_codec import decode
from app.prompts import Prompt
from app.session import Session
from tests.data import ROOT, SAMPLE
from tests.e2e.clean_root import HOME, USER, CleanRoot, missing
from tests.e2e.desktop_user import DesktopUser, running, tools_missing, virtual_screen, wait

PACKAGES = sorted((ROOT / "dist").glob("volumask_*_amd64.deb"))
LACKING = [*missing(), *tools_missing()] if sys.platform == "linux" else ["Linux"]
CLICK = "83,66,111,+"
# What a desktop has anyway: a graphics driver, fonts, the databases of the menu.
DESKTOP = ("libgl1-mesa-dri", "fonts-dejavu-core", "shared-mime-info", "desktop-file-utils", "hicolor-icon-theme")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not PACKAGES, reason="needs dist/*.deb: python3 dev.py bundle, then python3 dev.py installer"),
    pytest.mark.skipif(bool(LACKING), reason=f"needs {', '.join(LACKING)}"),
]


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CleanRoot]:
    """A Debian with what the package depends on, and without the package."""
    made = CleanRoot(tmp_path_factory.mktemp("clean") / "root")
    made.folder.mkdir()
    made.folder.chmod(0o755)
    try:
        made.make()
        made.install(*DESKTOP, *depends())
        yield made
    finally:
        shutil.rmtree(made.folder)


def depends() -> list[str]:
    asked = ["dpkg-deb", "-f", str(PACKAGES[-1]), "Depends"]
    fields = subprocess.run(asked, capture_output=True, text=True, check=True).stdout.split(",")
    return [field.split("|")[0].split("(")[0].strip() for field in fields]


def used(root: CleanRoot, scan: str, *, dropped: bool) -> np.ndarray:
    """The labels that a person takes away from the installed program on a virtual screen.

    Args:
        scan: Given with the start, or dropped on the window.
    """
    for path in root.home.glob(".*"):  # as if it had never run: no log, nothing to recover
        shutil.rmtree(path)
    out = root.folder / "tmp" / f"dropped_{dropped}.nii.gz"
    command = root.command("/usr/bin/volumask", *([] if dropped else [scan]), user=USER)
    with virtual_screen() as screen:
        person = DesktopUser(screen)
        with running(command, root.environment() | screen):
            if dropped:
                person.window("Volumask")
                person.drag(scan, lambda: person.do("search", "--onlyvisible", "--name", "ct_abdomen"))
            person.segment_and_export(root.home, out, f"/tmp/{out.name}")
    return np.asarray(nibabel.load(out).dataobj)


def test_it_is_installed_used_compared_and_removed(root: CleanRoot, tmp_path: Path) -> None:
    assert root.pythons() == []
    before = root.files()
    shutil.copyfile(PACKAGES[-1], root.folder / "tmp" / "volumask.deb")
    told = root.run("dpkg", "-i", "/tmp/volumask.deb")
    assert "Volumask works on this computer." in told
    assert "FAILED" not in told

    globs = (root.folder / "usr/share/mime/globs2").read_text().splitlines()
    assert "70:application/x-nifti:*.nii.gz" in globs
    handlers = (root.folder / "usr/share/applications/mimeinfo.cache").read_text().splitlines()
    for kind in ("application/dicom", "application/x-nifti", "application/x-nrrd", "application/x-volumask"):
        assert f"{kind}=volumask.desktop;" in handlers

    here = root.run("/usr/bin/volumask", "self-test", user=USER)
    assert "installed" in here
    assert "FAILED" not in here

    scan = root.home / SAMPLE.name
    shutil.copyfile(SAMPLE, scan)
    inside = f"{HOME}/{SAMPLE.name}"
    clicked = segmented(root, inside)
    with_source = tmp_path / "source.nii.gz"
    asked = ["segment", str(SAMPLE), "--click", CLICK, "--out", str(with_source)]
    own = [sys.executable, "-P", "-m", "app", *asked]
    subprocess.run(own, check=True, capture_output=True, env=os.environ | {"PYTHONPATH": str(ROOT)})
    assert np.array_equal(clicked, np.asarray(nibabel.load(with_source).dataobj))

    for dropped in (False, True):
        seen = used(root, inside, dropped=dropped)
        assert np.array_equal(seen, from_source(clicked_in(root.home), tmp_path / f"dropped_{dropped}.nii.gz"))

    root.run("dpkg", "--purge", "volumask")
    assert root.files() - before == set()
    assert before - root.files() <= {"opt"}  # dpkg takes away a folder that it leaves empty


def clicked_in(home: Path) -> Prompt:
    """The click that the program kept for recovery; it was killed, so the file is there."""
    (kept,) = (home / ".local" / "share" / "Volumask" / "recovery").glob("*.volumask")
    with zipfile.ZipFile(kept) as archive:
        (click,) = json.loads(archive.read("case.json"))["prompts"]
    return decode(click)


def from_source(click: Prompt, out: Path) -> np.ndarray:
    """Labels after the same click from source."""
    with Session.headless() as session:
        session.open(SAMPLE)
        session.add_prompt(session.add_segment(), click)
        session.wait()
        session.export_labels(out)
    labels = np.asarray(nibabel.load(out).dataobj)
    assert labels.any()
    return labels


def segmented(root: CleanRoot, inside: str) -> np.ndarray:
    """By the console program, as the user without rights."""
    root.run("/usr/bin/volumask", "segment", inside, "--click", CLICK, "--out", f"{HOME}/mask.nii.gz", user=USER)
    mask = root.home / "mask.nii.gz"
    wait("the mask", mask.exists)
    return np.asarray(nibabel.load(mask).dataobj)
