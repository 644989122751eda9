"""Lessons on what is too large to be seen whole from near by."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("torch")

from tests.data import shared
from training import scans as real_scans
from training.graph import large, scans
from training.scans import Scan

SPACING = np.array([4.0, 1.0, 1.0])


@pytest.fixture
def head() -> Scan:
    """A shell of 1,000 HU around 40 HU in air."""
    grid = (np.indices((20, 80, 72)) - np.array([9.5, 39.5, 35.5])[:, None, None, None]) * SPACING[:, None, None, None]
    away = np.linalg.norm(grid, axis=0)
    image = np.where(away < 28, 40.0, np.where(away < 33, 1000.0, -1000.0)).astype(np.float32)
    return Scan(image, np.zeros(image.shape, np.int16), SPACING, {})


def test_without_scans_skulls_are_invented() -> None:
    image, masks, spacing = large.large([], np.random.default_rng(1))
    assert spacing == (1.0, 1.0, 1.0)
    assert len(masks) == 1
    assert masks[0].shape == image.shape
    assert image[masks[0]].mean() > image[~masks[0]].mean() + 200


@pytest.mark.parametrize("seed", range(8))
def test_what_is_bright_in_a_scan_is_its_bone(head: Scan, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(large, "_SKULLS", 0.0)
    image, masks, spacing = large.large([head], np.random.default_rng(seed))
    extent = np.array(image.shape) * spacing
    whole = np.array(head.image.shape) * head.spacing
    assert (extent > 0.4 * whole).all()
    assert (extent <= whole + 1e-6).all()
    for mask in masks:
        assert mask.shape == image.shape
        assert mask.any()
        assert image[mask].mean() > 300
        assert image[~mask].mean() < 100


def test_from_afar_a_scene_has_a_third_of_its_pieces() -> None:
    random = np.random.default_rng(0)
    image = random.normal(size=(48, 48, 48)).astype(np.float32)
    afar = scans.prepared_afar(image, (1.0, 1.0, 1.0), np.random.default_rng(2))
    assert afar.surroundings.shape[0] == afar.pieces.count
    assert afar.pieces.labels.max() + 1 == afar.pieces.count
    assert 0.15 * 10_000 < afar.pieces.count < 0.5 * image.size / 4
    assert afar.far is None
    assert scans.prepared(image, (1.0, 1.0, 1.0), 1_000).far is None


def test_scenes_from_afar_show_larger_objects() -> None:
    for example in scans.make(5, 9, 2, [], replace(scans.CLICKED, far=1.0)):
        assert example.mask.sum() / np.median(example.features.pieces.size) >= scans._SIZES_AFAR.smallest


def test_heads_without_outlines_are_among_the_scans() -> None:
    found = real_scans.load(shared())
    heads = found[-len(real_scans.HEADS) :]
    assert all(not scan.boxes for scan in heads)
    assert all(scan.image.size > 1_000_000 for scan in heads)
    assert len(found) == len(real_scans.CASES) + len(heads)
