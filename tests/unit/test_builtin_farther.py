"""What the network looks at when an object goes on, and what holds of what it does not look at."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from app.engine.builtin.deciding import _elsewhere, decide, idea
from app.engine.builtin.features import BuiltinFeatures, prepare_features
from app.engine.builtin.looking import Looking
from app.engine.builtin.subgraph import MOST, Subgraph
from app.engine.classic.seeds import Seeds
from app.engine.protocol import Token
from app.geometry import Geometry
from app.prompts import Point
from app.volume import Volume

SHAPE = (24, 90, 90)
CLICK = Point((12, 45, 45))


class Oracle:
    """A network that knows which pieces belong to the object, and counts how often it is asked."""

    def __init__(self, inside: np.ndarray) -> None:
        self.inside, self.looks = inside, []

    def __call__(self, graph: Subgraph) -> np.ndarray:
        self.looks.append(graph.nodes)
        return np.where(self.inside[graph.nodes], 5.0, -5.0).astype(np.float32)


@pytest.fixture(scope="module")
def features() -> BuiltinFeatures:
    """Noise alone: what is looked at first is a ball around the click."""
    noise = np.random.default_rng(0).normal(0, 10, SHAPE).astype(np.float32)
    return prepare_features(Volume(noise, Geometry(SHAPE, np.eye(4))), lambda done, what: None, Token())


@pytest.fixture(scope="module")
def looking(features: BuiltinFeatures) -> Looking:
    made = Looking.of(features, Seeds.of((CLICK,), SHAPE, (1.0, 1.0, 1.0)), None)
    assert made is not None
    return made


def pieces_in(features: BuiltinFeatures, mask: np.ndarray) -> np.ndarray:
    share = np.bincount(features.pieces.labels.ravel(), mask.ravel(), features.pieces.count)
    return share > 0.5 * features.pieces.size


def sheet(width: int) -> np.ndarray:
    mask = np.zeros(SHAPE, dtype=bool)
    mask[10:15, :, 45 - width : 45 + width] = True
    return mask


def test_an_object_that_goes_on_is_followed(features: BuiltinFeatures, looking: Looking) -> None:
    inside = pieces_in(features, sheet(9))
    network = Oracle(inside)
    answer = decide(network, looking) > 0  # type: ignore[arg-type]
    assert len(network.looks) > 1
    assert (np.diff([nodes.size for nodes in network.looks]) > 0).all()
    assert network.looks[-1].size <= MOST
    first = inside[network.looks[0]].sum()
    assert (answer & inside).sum() > 1.5 * first
    assert not (answer & ~inside).any()


def test_an_object_that_is_seen_whole_is_looked_at_once(features: BuiltinFeatures, looking: Looking) -> None:
    mask = np.zeros(SHAPE, dtype=bool)
    mask[10:15, 43:48, 43:48] = True
    network = Oracle(pieces_in(features, mask))
    decide(network, looking)  # type: ignore[arg-type]
    assert len(network.looks) == 1


def test_there_is_an_idea_of_what_was_looked_at_last(features: BuiltinFeatures, looking: Looking) -> None:
    network = Oracle(pieces_in(features, sheet(9)))
    said = idea(network, looking)  # type: ignore[arg-type]
    unseen = np.setdiff1d(np.arange(features.pieces.count), network.looks[-1])
    assert unseen.size
    assert not said[unseen].any()
    assert said[network.looks[-1]].all()


def test_the_share_at_the_rim_is_that_of_pieces_with_an_unseen_neighbour(
    features: BuiltinFeatures, looking: Looking
) -> None:
    graph, pieces = Subgraph.around(looking), features.pieces
    seen = np.isin(np.arange(pieces.count), graph.nodes)
    inside = pieces_in(features, sheet(9)) & seen
    touching = {int(a) for a, b in zip(pieces.first, pieces.second, strict=True) if not seen[b]}
    touching |= {int(b) for a, b in zip(pieces.first, pieces.second, strict=True) if not seen[a]}
    expected = np.mean([int(n) in touching for n in np.flatnonzero(inside)])
    assert graph.cut(looking, inside) == pytest.approx(expected)
    assert 0 < expected < 1
    assert graph.cut(looking, np.zeros(pieces.count, dtype=bool)) == 0


def test_the_nearest_pieces_are_taken_in_rising_order(features: BuiltinFeatures, looking: Looking) -> None:
    inside = pieces_in(features, sheet(3))
    nodes = Subgraph.near(looking, inside, 3_000).nodes
    assert nodes.size == 3_000
    assert (np.diff(nodes) > 0).all()
    assert np.isin(np.flatnonzero(inside), nodes).all()
    assert Subgraph.near(looking, inside, 10**6).nodes.size == MOST


@pytest.mark.parametrize(("agreeing", "kept"), [(9, True), (5, False)])
def test_beyond_its_view_classic_is_believed_as_far_as_it_is_right_within(agreeing: int, kept: bool) -> None:
    judged = np.full(40, 4.0)  # all is inside: more pieces than are looked at
    asked = SimpleNamespace(judged=SimpleNamespace(logits=judged), extent=40)
    graph = SimpleNamespace(nodes=np.arange(10), size=np.ones(10))
    said = _elsewhere(asked, graph, np.arange(10) < agreeing)  # type: ignore[arg-type]
    assert (said[10:] > 0).all() == kept
    assert (judged == 4.0).all()


def test_of_an_object_that_can_be_seen_whole_nothing_lies_elsewhere() -> None:
    asked = SimpleNamespace(judged=SimpleNamespace(logits=np.full(40, 4.0)), extent=8)
    graph = SimpleNamespace(nodes=np.arange(10), size=np.ones(10))
    assert (_elsewhere(asked, graph, np.ones(10, dtype=bool)) < 0).all()  # type: ignore[arg-type]
