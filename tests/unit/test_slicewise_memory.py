"""Embedding every slice of a long scan takes no more memory than the limit for features, however many slices."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import psutil
import pytest

from app.engine.sam.features import SamFeatures
from app.engine.sam.intensity import Grey
from app.engine.sam.recipes import RECIPES
from app.engine.slicewise.embeddings import MEMORY
from app.geometry import Geometry
from app.volume import Volume

SLICES = 500
AT_WORK = 48 << 20  # bytes for one slice's input, its features in single precision, and what the allocator holds back


def embedded(folder: Path, grid: int, memory: int) -> tuple[int, int]:
    """All slices of a scan, one after the other as the engine asks for them: how many, and the most bytes taken.

    The image encoder is left out: its memory does not depend on how many slices there are.

    Args:
        grid: Tokens along a side of an embedding; SAM's has 64.
    """
    shape = (SLICES, 64, 64)
    volume = Volume(np.zeros(shape, np.int16), Geometry(shape, np.diag([-1.0, -1, 2, 1])), modality="CT")
    made = np.random.default_rng(0).normal(size=(1, 256, grid, grid)).astype(np.float32)
    features = SamFeatures(volume, RECIPES["sam_med2d"], Grey(0, 1), lambda image: made + image[0, 0, 0, 0])
    features._store._memory = memory
    features.keep(folder, 4 << 30)
    process, most = psutil.Process(), 0
    before = process.memory_info().rss
    while features.encode_ahead() is not None:
        most = max(most, process.memory_info().rss - before)
    return len(features._store.keys), most


def alone(folder: Path, grid: int, memory: int) -> tuple[int, int]:
    """`embedded` in a process of its own, as the engine starts one for each model (`ComputeProcess`).

    In this one it measured 629 MB, once, after half an hour of other tests.
    """
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
        return process.submit(embedded, folder, grid, memory).result()


def test_memory_stays_within_the_limit_for_features(tmp_path: Path) -> None:
    memory = 32 << 20
    slices, most = alone(tmp_path, 32, memory)
    whole = SLICES * 256 * 32 * 32 * 2
    assert slices == SLICES, "every slice is there, in memory or in a file"
    assert whole > memory + AT_WORK + (64 << 20), "otherwise the limit would prove nothing"
    assert most < memory + AT_WORK, f"{most / 2**20:.0f} MB"


@pytest.mark.slow
def test_memory_stays_within_the_limit_for_sams_own_embeddings(tmp_path: Path) -> None:
    slices, most = alone(tmp_path, 64, MEMORY)
    assert slices == SLICES
    assert MEMORY / 2 < most < MEMORY + AT_WORK, f"{most / 2**20:.0f} MB"
