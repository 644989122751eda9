"""The graph of pieces: each contact both ways, in the order that scipy would give."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from app.engine.classic.graph import Graph, order_of
from tests.unit.pieces import partition


@pytest.fixture(scope="module")
def graph() -> Graph:
    tone = np.random.default_rng(0).random((20, 24, 28), dtype=np.float32)
    return Graph.of(partition(tone, (1, 1, 1), 300), 0.1)


@pytest.mark.parametrize("size", [0, 1, 2, 1000])
def test_places_of_keys_are_those_of_a_stable_sort(size: int) -> None:
    keys = np.random.default_rng(size).integers(0, max(1, size // 3), size)  # many of them twice
    assert np.array_equal(order_of(keys), np.argsort(keys, kind="stable"))


def test_every_contact_is_there_both_ways(graph: Graph) -> None:
    pieces = graph.pieces
    numbers = np.arange(pieces.first.size) + 1.0
    one = sparse.coo_array((numbers, (pieces.first, pieces.second)), shape=graph.lengths.shape)
    told = sparse.csr_array((graph.contact + 1.0, graph.lengths.indices, graph.lengths.indptr), shape=one.shape)
    assert np.array_equal(told.toarray(), (one + one.T).toarray())
    assert (graph.lengths != graph.lengths.T).nnz == 0


def test_some_pieces_have_the_lengths_among_them_and_no_others(graph: Graph) -> None:
    nodes = np.sort(np.random.default_rng(1).choice(graph.pieces.count, 50, replace=False))
    entries = graph.among(nodes)
    found = sparse.csr_array((graph.lengths.data[entries.data], entries.indices, entries.indptr), shape=entries.shape)
    assert np.array_equal(found.toarray(), graph.lengths.toarray()[np.ix_(nodes, nodes)])
    assert (np.diff(entries.indptr) > 0).any()


def test_a_single_piece_has_no_contacts() -> None:
    graph = Graph.of(partition(np.zeros((1, 1, 1), dtype=np.float32), (1, 1, 1), 1), 0.1)
    assert graph.contact.size == graph.lengths.nnz == graph.among(np.array([0])).nnz == 0
