"""A scan of 512x512x900 voxels: opened, clicked, painted, propagated, undone, saved, exported, within 8 GB in all."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from tests.data import ROOT, SAMPLE

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not SAMPLE.exists(), reason="resources/sample is not in this checkout"),
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="/proc tells what processes share"),
]
SHAPE = (512, 512, 900)
MOST = 8e9

WORK = """
import json, sys, threading, time
from pathlib import Path
import numpy as np
import psutil
from app.geometry import Region
from app.prompts import Point
from app.session import Session

peak, over = [0], threading.Event()

def held():
    total = 0
    for process in [psutil.Process(), *psutil.Process().children(recursive=True)]:
        try:
            text = Path(f"/proc/{process.pid}/smaps_rollup").read_text()
        except OSError:
            continue
        total += next(int(line.split()[1]) for line in text.splitlines() if line.startswith("Pss:")) * 1024
    return total

def watch():
    while not over.wait(0.05):
        peak[0] = max(peak[0], held())

threading.Thread(target=watch, daemon=True).start()
folder = Path(sys.argv[1])
peaks = {}
with Session.headless(model="classic") as session:
    session.open(folder / "scan.nii"); peaks["open"] = peak[0]
    k, j, i = 450, 256, 256
    for number in range(5):
        segment = session.add_segment()
        session.add_prompt(segment, Point((k + 40 * number - 80, j + 30 * number - 60, i)))
        session.wait()
    peaks["clicks"] = peak[0]
    region = Region((100, 100, 100), (200, 400, 400))
    session.case.edit(segment.label, region, np.ones(region.shape, bool), "Paint")
    session.propagate(segment, 0, 150, (100, 250)); peaks["propagate"] = peak[0]
    session.uncertainty(session.case.segments[0], 4); peaks["uncertainty"] = peak[0]
    while session.undo():
        pass
    while session.redo():
        pass
    session.save(folder / "case.volumask")
    session.export_labels(folder / "labels.nii.gz")
    session.export_segments(folder / "labels.seg.nrrd")
    session.export_mesh(segment, folder / "mesh.stl"); peaks["exports"] = peak[0]
    session.open(folder / "case.volumask"); peaks["reopened"] = peak[0]
    counted = [int(session.mask(one).sum()) for one in session.case.segments]
over.set()
print(json.dumps({"peaks": peaks, "voxels": counted}))
"""


def test_a_scan_of_900_slices_stays_within_8_gigabytes(tmp_path: Path) -> None:
    sample = nib.load(SAMPLE)
    voxels = np.asarray(sample.dataobj, np.int16)
    repeats = [-(-wanted // had) for wanted, had in zip(SHAPE, voxels.shape, strict=True)]
    tiled = np.tile(voxels, repeats)[: SHAPE[0], : SHAPE[1], : SHAPE[2]]
    nib.save(nib.Nifti1Image(tiled, np.diag([0.7, 0.7, 1.0, 1.0])), tmp_path / "scan.nii")
    del tiled, voxels
    answer = subprocess.run(
        [sys.executable, "-c", WORK, str(tmp_path)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert answer.returncode == 0, answer.stderr[-2000:]
    told = json.loads(answer.stdout.splitlines()[-1])
    print({name: f"{held / 1e9:.2f} GB" for name, held in told["peaks"].items()})
    assert len(told["voxels"]) == 5
    assert all(told["voxels"])
    assert max(told["peaks"].values()) < MOST
