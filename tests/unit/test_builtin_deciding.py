"""From the network's logits to a mask: while much is unsure, what is likelier to pay is taken."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit

from app.engine.builtin.deciding import _lift


def expected(chance: np.ndarray, size: np.ndarray, taken: np.ndarray) -> float:
    """Dice, to first order."""
    return float(2 * (chance * size)[taken].sum() / (size[taken].sum() + (chance * size).sum()))


@pytest.mark.parametrize("seed", range(20))
def test_what_is_taken_has_the_best_expected_dice(seed: int) -> None:
    random = np.random.default_rng(seed)
    seen, size = random.normal(-1, 1.0, 200).astype(np.float32), random.uniform(0.2, 3, 200).astype(np.float32)
    lift = _lift(seen, size, 1)
    assert 0 < lift < 3
    best = max(expected(expit(seen), size, seen >= cut) for cut in seen)
    assert expected(expit(seen), size, seen + lift > -1e-5) == pytest.approx(best, rel=1e-6)
    assert expected(expit(seen), size, seen > 0) < best


def test_where_all_is_sure_nothing_changes() -> None:
    seen = np.array([9.0, 8.0, -8.0, -9.0, -9.0])
    lift = _lift(seen, np.ones(5), 1)
    assert np.array_equal(seen + lift > 0, seen > 0)


def test_after_more_prompts_less_is_added() -> None:
    seen = np.random.default_rng(0).normal(-1, 1, 100)
    one, two, four, many = (_lift(seen, np.ones(100), n) for n in (1, 2, 4, 5000))
    assert one == two > 0
    assert four == pytest.approx(one / 4)
    assert many < 0.01
    assert _lift(seen, np.ones(100), 0) == one  # a box alone


def test_what_is_all_outside_stays_bounded() -> None:
    lift = _lift(np.full(50, -30.0), np.ones(50), 1)
    assert 0 <= lift <= 3
    assert np.isfinite(_lift(np.full(50, 40.0), np.ones(50), 1))
