"""The scale of intensities: its ends are percentiles of all voxels, counted once each."""

from __future__ import annotations

import numpy as np
import pytest

from app.engine.classic.tone import Tone, _percentile


@pytest.mark.parametrize("share", [0.0, 0.1, 37.3, 50.0, 99.9, 100.0])
@pytest.mark.parametrize("size", [1, 2, 7, 5_000])
def test_percentiles_of_counted_values_are_those_of_all_of_them(share: float, size: int) -> None:
    every = np.random.default_rng(size).integers(-50, 60, size)
    values, often = np.unique(every, return_counts=True)
    assert _percentile(values.astype(np.float64), often, share) == pytest.approx(np.percentile(every, share))


def test_the_scale_rises_from_nothing_to_one_between_the_outermost_thousandths() -> None:
    image = np.random.default_rng(0).normal(100, 20, (40, 40, 40)).astype(np.float32)
    tone = Tone.of(image)
    low, high = np.percentile(image, (0.1, 99.9))
    assert tone.values[[0, -1]] == pytest.approx([low, high], rel=1e-4)
    assert (np.diff(tone.tones) >= 0).all()
    assert tone(np.array([low - 50, high + 50], dtype=np.float32)).tolist() == [0.0, 1.0]
