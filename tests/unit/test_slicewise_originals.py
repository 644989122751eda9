"""What a decoder said is found by the logits that were made of it, and by their mask, and by nothing else."""

import numpy as np
import pytest

from app.engine.protocol import Prior
from app.engine.slicewise import Originals, plane_of, united
from app.engine.slicewise.originals import _KEPT, NEAR

SHAPE = (5, 60, 50)


def logits(row: int = 20, column: int = 20) -> np.ndarray:
    y, x = np.mgrid[:60, :50]
    return (6.0 - np.hypot(y - row, x - column)).astype(np.float32)


@pytest.fixture
def originals() -> Originals[str]:
    made: Originals[str] = Originals()
    made.keep(0, 2, logits(), "first")
    return made


def test_it_is_found_by_its_logits_on_its_slice(originals: Originals[str]) -> None:
    assert originals.of_logits(0, 2, logits().copy()) == "first"
    assert originals.of_logits(0, 3, logits()) is None
    assert originals.of_logits(1, 2, logits()) is None
    assert originals.of_logits(0, 2, logits(21)) is None
    changed = logits()
    changed[20, 20] += 0.01
    assert originals.of_logits(0, 2, changed) is None


def test_it_is_found_after_the_slice_went_through_an_answer_with_others(originals: Originals[str]) -> None:
    originals.keep(0, 4, logits(35, 30), "second")
    answer = united({(0, 2): logits(), (0, 4): logits(35, 30)}, SHAPE, None)
    assert answer.region.shape[1:] != SHAPE[1:]
    prior = Prior(answer.region, answer.logits)
    for index, name in ((2, "first"), (4, "second")):
        known = plane_of(prior, SHAPE, 0, index)
        assert known is not None
        assert originals.of_logits(0, index, known) == name


def test_what_was_painted_near_it_counts_and_what_is_far_does_not(originals: Originals[str]) -> None:
    for distance, expected in ((NEAR, None), (NEAR + 1, "first")):
        changed = logits()
        changed[25 + distance] -= 1
        assert originals.of_logits(0, 2, changed) == expected


def test_a_mask_finds_the_newest_answer_it_is_of(originals: Originals[str]) -> None:
    assert originals.of_mask(0, 2, logits() > 0) == "first"
    originals.keep(0, 2, logits() * 2, "surer")
    assert originals.of_mask(0, 2, logits() > 0) == "surer"
    assert originals.of_logits(0, 2, logits()) == "first"
    painted = logits() > 0
    painted[0, 0] = True
    assert originals.of_mask(0, 2, painted) is None


def test_the_oldest_are_let_go(originals: Originals[str]) -> None:
    for n in range(_KEPT):
        originals.keep(0, 2, logits(n % 40 + 8, n // 40 + 20), f"{n}")
    assert originals.of_logits(0, 2, logits()) != "first"
    assert originals.of_logits(0, 2, logits(8, 20)) == "0"


def test_an_empty_slice_is_one_of_its_own(originals: Originals[str]) -> None:
    empty = np.full((60, 50), -8.0, np.float32)
    assert originals.of_logits(0, 2, empty) is None
    originals.keep(0, 2, empty, "none")
    assert originals.of_mask(0, 2, empty > 0) == "none"
