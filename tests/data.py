"""Where the real scans for tests lie: the folder shared/data, which is beside a checkout and never in it."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SAMPLE = ROOT / "resources" / "sample" / "ct_abdomen.nii.gz"


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
