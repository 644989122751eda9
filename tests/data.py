"""Where the real scans for tests lie: the folder shared/data, which is beside a checkout and never in it."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SAMPLE = ROOT / "resources" / "sample" / "ct_abdomen.nii.gz"


def tracked(*patterns: str) -> list[Path]:
    """The files that the repository holds, all or those of some patterns; none where this is no checkout."""
    git = shutil.which("git")
    command = [git or "", "ls-files", "-z", *patterns]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False).stdout if git else ""
    return [ROOT / name for name in listed.split("\0") if name and (ROOT / name).is_file()]


def shared_data() -> Path | None:
    """The folder of real scans (it holds manifest.json): VOLUMASK_DATA, or the one beside the checkout; else None."""
    named = os.environ.get("VOLUMASK_DATA")
    folders = [Path(named)] if named else [ROOT.parent / "shared" / "data"]
    return next((folder.resolve() for folder in folders if (folder / "manifest.json").is_file()), None)


def shared(*parts: str) -> Path:
    """A path below the folder of real scans; where it is absent, skips the test, or the module that asks on import."""
    folder = shared_data()
    if folder is None:
        pytest.skip(NO_SHARED_DATA, allow_module_level=True)
    return folder.joinpath(*parts)


NO_SHARED_DATA = "needs the real scans of shared/data, beside the checkout or named by VOLUMASK_DATA"
needs_shared = pytest.mark.skipif(shared_data() is None, reason=NO_SHARED_DATA)
