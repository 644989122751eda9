"""Sums over labels: to the bit what `np.bincount` gives."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.engine.classic.tally import sums, sums_of_rows


@given(shape=st.tuples(*[st.integers(1, 9)] * 3), count=st.integers(1, 20), seed=st.integers(0, 99))
def test_every_label_has_the_sum_that_numpy_counts(shape, count, seed):
    random = np.random.default_rng(seed)
    labels, values = random.integers(0, count, shape).astype(np.int32), random.random(shape).astype(np.float32)
    np.testing.assert_array_equal(sums(labels, values, count), np.bincount(labels.ravel(), values.ravel(), count))
    rows = random.random((shape[0] * shape[1], 2))
    each = np.repeat(rows, shape[2], axis=0)
    wanted = np.stack([np.bincount(labels.ravel(), column, count) for column in each.T], axis=1)
    np.testing.assert_array_equal(sums_of_rows(labels, rows, count), wanted)


def test_values_that_repeat_are_summed_as_if_each_was_there():
    labels = np.array([[[0, 1, 1], [1, 0, 2]]], dtype=np.int32)
    along = np.broadcast_to(np.arange(3.0), labels.shape)
    np.testing.assert_array_equal(sums(labels, along, 4), [1.0, 3.0, 2.0, 0.0])


@pytest.mark.parametrize("stray", [-1, 3])
def test_a_label_that_lies_outside_is_refused(stray):
    labels = np.array([[[0, 1, stray]]], dtype=np.int32)
    with pytest.raises(ValueError, match="outside"):
        sums(labels, np.ones(3), 3)
    with pytest.raises(ValueError, match="outside"):
        sums_of_rows(labels, np.ones((1, 2)), 3)
