"""An object's tones, and how much others are like them."""

from __future__ import annotations

import numpy as np

from app.engine.classic.appearance import Appearance

NOISE = 0.01


def test_tones_are_alike_by_their_spread_and_unseen_ones_are_not():
    random = np.random.default_rng(3)
    seen = Appearance(_shares(random.normal(0.6, 0.05, 500)), np.zeros(64))
    assert seen.likeness(random.normal(0.6, 0.05, 400).astype(np.float32), NOISE) > 0.95
    assert 0.2 < seen.likeness(random.normal(0.5, 0.05, 400).astype(np.float32), NOISE) < 0.8
    assert seen.likeness(random.normal(0.1, 0.02, 400).astype(np.float32), NOISE) < 0.05


def _shares(tones: np.ndarray) -> np.ndarray:
    return np.bincount((tones * 63 + 0.5).astype(int), minlength=64) / tones.size
