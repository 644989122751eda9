"""Which slices are recalled, in which row of the temporal code, and how many pointers: SAM 2's rules."""

from types import SimpleNamespace

import numpy as np
import pytest

from app.engine.sam2.bank import MOST_CONDITIONING, MemoryBank, Remembered

SIDE = 2
TOKENS = SIDE * SIDE


def bank(length=40, conditioning=(10,), tracked=(), latents=False, age=None):
    """Slice n is remembered as tokens and a pointer of value n; row r of the temporal code is 1000 * r."""
    temporal = np.repeat(1000.0 * np.arange(7, dtype=np.float32)[:, None], 64, axis=1)
    bias = None if age is None else np.zeros(64, np.float32)
    constants = SimpleNamespace(temporal=temporal, latents=latents, age=age, age_bias=bias)
    made = MemoryBank(SimpleNamespace(constants=constants, coarse=SIDE), length)
    made.conditioning.update({n: remembered(n) for n in conditioning})
    made.tracked.update({n: remembered(n) for n in tracked})
    return made


def remembered(n, tokens=TOKENS):
    values = np.full((tokens, 64), n, np.float32)
    return Remembered(values, np.zeros((tokens, 64), np.float32), np.full(256, n, np.float32))


def slices(recalled, count, tokens=TOKENS):
    """(slice, row) of the first `count` memories."""
    rows = recalled.positions[: count * tokens : tokens, 0] / 1000
    return list(zip(recalled.tokens[: count * tokens : tokens, 0].tolist(), rows.tolist(), strict=True))


def pointers(recalled, count, tokens=TOKENS):
    return recalled.tokens[count * tokens :: 4, 0].tolist()


def test_going_up_the_six_slices_before_are_recalled_the_nearest_in_the_first_row():
    recalled = bank(tracked=range(11, 20)).recall(20, 1)
    assert slices(recalled, 7) == [(10, 6), (14, 5), (15, 4), (16, 3), (17, 2), (18, 1), (19, 0)]
    assert pointers(recalled, 7) == [10, 19, 18, 17, 16, 15, 14, 13, 12, 11]


def test_going_down_the_six_slices_after_are_recalled_and_gaps_are_left_out():
    recalled = bank(tracked=(5, 6, 9, 12)).recall(4, -1)
    assert slices(recalled, 4) == [(10, 6), (9, 4), (6, 1), (5, 0)]
    assert pointers(recalled, 4) == [10, 5, 6, 9, 12]


def test_slices_beyond_the_start_count_where_they_are_known():
    recalled = bank(tracked=(7, 8, 9)).recall(11, 1)
    assert slices(recalled, 4) == [(10, 6), (7, 3), (8, 2), (9, 1)]


def test_sides_apart_forget_what_was_carried_the_other_way():
    """As bowang-lab/MedSAM2's scripts, which reset their state and prompt again before they go back."""
    made = bank(conditioning=(10,))
    made.sides_apart = True
    made.recall(9, -1)
    made.tracked.update({n: remembered(n) for n in (9, 8)})
    assert slices(made.recall(7, -1), 3) == [(10, 6), (9, 1), (8, 0)]
    assert slices(made.recall(11, 1), 1) == [(10, 6)]
    assert pointers(made.recall(11, 1), 1) == [10]
    made.tracked[11] = remembered(11)
    assert slices(made.recall(12, 1), 2) == [(10, 6), (11, 0)]
    assert list(made.conditioning) == [10]


def test_a_conditioning_slice_ahead_is_remembered_but_has_no_pointer():
    recalled = bank(conditioning=(10, 16), tracked=(11, 12)).recall(13, 1)
    assert slices(recalled, 4) == [(10, 6), (16, 6), (11, 1), (12, 0)]
    assert pointers(recalled, 4) == [10, 12, 11]


def test_at_most_sixteen_pointers_are_looked_for_and_no_more_than_there_are_slices():
    assert pointers(bank(tracked=range(11, 39)).recall(39, 1), 7) == [10, *range(38, 23, -1)]
    assert pointers(bank(length=5, conditioning=(0,), tracked=(1, 2, 3)).recall(4, 1), 4) == [0, 3, 2, 1]


def test_of_many_conditioning_slices_the_nearest_are_taken_and_others_count_as_seen():
    recalled = bank(conditioning=range(0, 40, 4)).recall(21, 1)
    taken = [n for n, row in slices(recalled, MOST_CONDITIONING) if row == 6]
    assert taken == [8, 12, 16, 20, 24, 28, 32, 36]
    recalled = bank(conditioning=[*range(5, 10), *range(11, 15)]).recall(10, 1)
    assert slices(recalled, 9)[-1] == (5, 4)  # not among the nearest eight, but five slices before


def test_keys_are_rotated_by_their_place_and_pointers_not_at_all():
    recalled = bank(tracked=(11,)).recall(12, 1)
    grid = [[0, 0], [1, 0], [0, 1], [1, 1]]
    assert recalled.places.tolist() == [*grid, *grid, *[[0, 0]] * 8]
    assert recalled.tokens.shape == recalled.positions.shape == (len(recalled.places), 64)


def test_the_first_half_of_latents_has_no_place():
    made = bank()
    made.conditioning[10] = remembered(10, tokens=8)
    made.network.constants.latents = True
    assert made.recall(11, 1).places[:8].tolist() == [[0, 0]] * 4 + [[0, 0], [1, 0], [0, 1], [1, 1]]


def test_the_age_of_a_pointer_is_a_sine_of_its_share_of_the_longest():
    made = bank(length=40, tracked=range(11, 20), age=np.eye(64, 256, dtype=np.float32))
    code = made.recall(20, 1).positions[7 * TOKENS :: 4]
    for row, offset in zip(code, [10, *range(1, 10)], strict=True):
        assert row[0] == row[1] == pytest.approx(np.sin(offset / 15), abs=1e-6)
        assert row[40] == pytest.approx(np.sin(offset / 15 / 10000 ** (40 / 128)), abs=1e-6)


def test_without_a_code_of_age_pointers_have_position_zero():
    assert (bank(tracked=(11,)).recall(12, 1).positions[2 * TOKENS :] == 0).all()
