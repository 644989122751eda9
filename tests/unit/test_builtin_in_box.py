"""What the network for boxes is told, what it looks at, and that no piece is held that nobody pointed at."""

from __future__ import annotations

import numpy as np
import pytest

from app.engine.builtin.deciding import joined
from app.engine.builtin.features import BuiltinFeatures, prepare_features
from app.engine.builtin.in_box import COUNT, from_middle, in_box
from app.engine.builtin.looking import Looking
from app.engine.builtin.node_features import COUNT as OF_CLICKS
from app.engine.builtin.subgraph import Subgraph
from app.engine.classic.seeds import Seeds
from app.engine.protocol import Token
from app.geometry import Geometry
from app.prompts import Box, Point, Prompt
from app.volume import Volume

SHAPE, SPACING = (30, 44, 48), (2.0, 1.0, 1.25)
NEAR, MIDDLE, FAR, LENGTH, DEPTH, SHORTEST, LONGEST, FLAT, OFF, RATIO, GUESSED = range(COUNT)
SOLID, SLICE = Box((9, 12, 10), (18, 31, 25)), Box((14, 12, 10), (14, 31, 25))


@pytest.fixture(scope="module")
def features() -> BuiltinFeatures:
    """Bright within `SOLID`, save for a darker middle; the same bright far away."""
    image = np.random.default_rng(0).normal(0, 5, SHAPE).astype(np.float32)
    image[10:18, 13:31, 11:25] += 100
    image[13:15, 19:25, 16:20] -= 50
    image[:, :, 40:] += 100
    return prepare_features(
        Volume(image, Geometry(SHAPE, np.diag([*SPACING[::-1], 1.0]))), lambda *_: None, Token(), 1_500
    )


def looking(features: BuiltinFeatures, *prompts: Prompt) -> Looking:
    made = Looking.in_boxes(features, Seeds.of(prompts, SHAPE, SPACING), None)
    assert made is not None
    return made


def told(features: BuiltinFeatures, *prompts: Prompt) -> np.ndarray:
    return in_box(looking(features, *prompts), np.arange(features.pieces.count)).astype(np.float64)


def test_places_are_in_half_sides_of_the_box(features: BuiltinFeatures) -> None:
    made = told(features, SOLID)
    index = features.pieces.centre / np.array(SPACING)  # every voxel is a cell
    half = np.array([5.0, 10.0, 8.0])
    ways = np.abs(index - np.array([13.5, 21.5, 17.5]))
    expected = np.sort(ways / half, axis=1)
    np.testing.assert_allclose(made[:, [NEAR, MIDDLE, FAR]], np.minimum(expected, 3), atol=0.02)
    np.testing.assert_allclose(made[:, LENGTH], np.minimum(np.linalg.norm(expected, axis=1) / 2, 3), atol=0.02)
    inside = (ways < half).all(axis=1)
    assert (made[inside, DEPTH] > 0).all()
    assert (made[~inside, DEPTH] <= 0).all()
    assert not made[:, [FLAT, OFF]].any()
    np.testing.assert_allclose(made[0, [SHORTEST, LONGEST]], np.log(np.array([10.0, 10.0]) / features.pitch) / 3)


def test_a_flat_box_reaches_as_far_from_its_slice_as_it_is_long(features: BuiltinFeatures) -> None:
    made = told(features, SLICE)
    away = np.abs(features.pieces.centre[:, 0] - 14 * SPACING[0])
    np.testing.assert_allclose(np.exp(3 * made[:, OFF]) - 1, away / features.pitch, atol=0.02)
    assert made[:, FLAT].all()
    reached = from_middle(looking(features, SLICE)) <= 1
    assert 8 < away[reached].max() <= 10


def test_tones_that_are_commoner_in_the_box_than_around_it_are_told(features: BuiltinFeatures) -> None:
    made, tone = told(features, SOLID), features.pieces.tone
    bright = tone > np.median(tone) + 0.5 * (tone.max() - np.median(tone))
    inside = from_middle(looking(features, SOLID)) < 0.7
    assert made[bright & inside, RATIO].min() > 0.3
    assert made[~bright & ~inside, RATIO].max() < made[bright & inside, RATIO].min()


def test_several_boxes_are_one(features: BuiltinFeatures) -> None:
    ends = (Box((9, 12, 10), (9, 31, 25)), Box((18, 12, 10), (18, 31, 25)))
    np.testing.assert_array_equal(told(features, *ends)[:, :GUESSED], told(features, SOLID)[:, :GUESSED])


@pytest.mark.parametrize("box", [Box((3, 4, 5), (3, 4, 5)), Box((0, 0, 0), (29, 43, 47)), Box((7, 0, 9), (7, 43, 9))])
def test_every_box_tells_something(features: BuiltinFeatures, box: Box) -> None:
    made = told(features, box)
    assert made.shape == (features.pieces.count, COUNT)
    assert np.isfinite(made).all()
    assert np.abs(made).max() <= 3


def test_pieces_in_the_box_and_around_it_are_looked_at(features: BuiltinFeatures) -> None:
    asked = looking(features, SOLID)
    away = from_middle(asked)
    graph = Subgraph.around(asked, 400)
    assert graph.told.shape == (400, OF_CLICKS + COUNT)
    np.testing.assert_array_equal(np.sort(away[graph.nodes]), np.sort(away)[:400])


def test_the_middle_of_a_box_is_guessed_and_not_held(features: BuiltinFeatures) -> None:
    asked = looking(features, SOLID)
    graph = Subgraph.around(asked)
    core = np.isin(graph.nodes, asked.known.include)
    assert told(features, SOLID)[0, GUESSED] == 1
    rim = np.isin(graph.nodes, np.flatnonzero(from_middle(asked) < 1)) & ~core
    answer = joined(asked, graph, np.where(rim, 3.0, -3.0).astype(np.float32))
    assert (answer[graph.nodes[rim]] > 0).mean() > 0.9
    clicked = looking(features, SOLID, Point((14, 21, 17)))
    assert told(features, SOLID, Point((14, 21, 17)))[0, GUESSED] == 0
    assert (joined(clicked, graph, np.full(graph.nodes.size, -3.0, np.float32))[clicked.known.include] > 0).all()


def test_a_click_on_what_was_missed_adds_to_what_was_found(features: BuiltinFeatures) -> None:
    seeds = Seeds.of((SOLID, Point((17, 29, 24))), SHAPE, SPACING)
    guess = looking(features, SOLID)
    graph = Subgraph.around(guess)
    k = features.pieces.centre[graph.nodes, 0] / SPACING[0]
    found = (from_middle(guess)[graph.nodes] < 1) & (k < 12)
    before = np.full(features.pieces.count, -3.0)
    before[graph.nodes[found]] = 3.0
    logits = np.where(found, 6.0, -6.0).astype(np.float32)
    for last, stays in ((before, True), (None, False)):
        asked = Looking.in_boxes(features, seeds, last)
        assert asked is not None
        inside = joined(asked, graph, logits) > 0
        assert inside[asked.known.include].all()
        assert (inside[graph.nodes[found]].mean() > 0.9) == stays


def test_what_is_small_beside_the_largest_part_is_left_out(features: BuiltinFeatures) -> None:
    asked = looking(features, SOLID)
    graph = Subgraph.around(asked)
    k = features.pieces.centre[graph.nodes, 0] / SPACING[0]
    inside = from_middle(asked)[graph.nodes] < 1
    upper, lower = inside & (k > 14.5), inside & (k < 12)
    one = np.flatnonzero(lower)[:1]
    both = np.where(upper | lower, 3.0, -3.0)
    crumb = np.where(upper, 3.0, -3.0)
    crumb[one] = 3.0
    kept = [joined(asked, graph, logits.astype(np.float32))[graph.nodes] > 0 for logits in (both, crumb)]
    assert kept[0][upper].mean() > 0.9
    assert kept[0][lower].mean() > 0.9
    assert kept[1][upper].mean() > 0.9
    assert not kept[1][one].any()
