"""The design's budget: a 512 x 512 x 300 CT in 3 s from NIfTI and in 5 s from 300 DICOM files, on 2 cores."""

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from app import volume_io
from app.geometry import Geometry
from app.volume import Volume
from tests.unit.made_dicom import save, stack

SHAPE = (300, 512, 512)


@pytest.fixture(scope="module")
def made() -> np.ndarray:
    """A smooth body with a scanner's noise, in air: compresses about as a CT does."""
    j, i = np.ogrid[: SHAPE[1], : SHAPE[2]]
    noise = np.random.default_rng(0).normal(0, 12, SHAPE[1:])
    body = ((j - 256) / 200) ** 2 + ((i - 256) / 240) ** 2 < 1
    out = np.empty(SHAPE, np.int16)
    for n in range(SHAPE[0]):
        out[n] = np.where(body, 40 + 0.1 * (n + j + i) + np.roll(noise, 7 * n, axis=0), -1000)
    return out


def seconds(read: Callable[[], Volume]) -> float:
    """The better of two: what the machine does beside it is not the loader's."""
    found = []
    for _ in range(2):
        start = time.perf_counter()
        assert read().shape == SHAPE
        found.append(time.perf_counter() - start)
    return min(found)


def test_a_ct_opens_from_nifti_within_3_seconds(made: np.ndarray, tmp_path: Path) -> None:
    path = tmp_path / "ct.nii.gz"
    volume_io.write_volume(Volume(made, Geometry(SHAPE, np.diag([0.7, 0.7, 1, 1]))), path)
    assert seconds(lambda: volume_io.read_volume(path)) < 3


def test_a_ct_opens_from_300_dicom_files_within_5_seconds(made: np.ndarray, tmp_path: Path) -> None:
    folder = save(tmp_path, stack(made, RescaleIntercept=-1024))
    assert seconds(lambda: volume_io.read_volume(folder)) < 5
