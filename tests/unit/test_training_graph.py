"""Training of the graph network: scenes repeat, the user clicks where it is wrong, gradients are right."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from scipy import sparse

torch = pytest.importorskip("torch")

from app.engine.builtin.graph_network import GraphNetwork  # noqa: E402
from app.engine.builtin.node_features import COUNT, JUDGED  # noqa: E402
from app.engine.classic.race import STEEPNESS  # noqa: E402
from app.prompts import Box, Point, Scribble, SliceMask  # noqa: E402
from tests.data import shared  # noqa: E402
from training import clicks  # noqa: E402
from training import scans as real_scans  # noqa: E402
from training.batches import Recipe  # noqa: E402
from training.graph import scans, user  # noqa: E402
from training.graph.boxes import BoxesLesson  # noqa: E402
from training.graph.given_slices import GivenSlicesLesson  # noqa: E402
from training.graph.lesson import GraphLesson, loss_of  # noqa: E402
from training.graph.network import Graphs, Heard, TrainedGraphNetwork  # noqa: E402
from training.scenes import Mix  # noqa: E402
from training.state import State  # noqa: E402

CLICKS = Path(__file__).parents[2] / "models" / "builtin" / "network.safetensors"
RECIPE = Recipe(48, 1, 2, 5, Mix())


@pytest.fixture(scope="module")
def scene() -> list[scans.Example]:
    return scans.make(3, 5, 2, [])


def untrained() -> tuple[TrainedGraphNetwork, GraphNetwork]:
    torch.manual_seed(0)
    network = TrainedGraphNetwork()
    return network, GraphNetwork({name: value.numpy() for name, value in network.state_dict().items()})


def test_a_scene_is_known_by_its_number(scene: list[scans.Example]) -> None:
    again, other = scans.make(3, 5, 2, []), scans.make(4, 5, 2, [])
    assert len(scene) == len(again)
    for one, same in zip(scene, again, strict=True):
        np.testing.assert_array_equal(one.features.volume.array, same.features.volume.array)
        np.testing.assert_array_equal(one.mask, same.mask)
    assert not np.array_equal(scene[0].features.volume.array, other[0].features.volume.array)


def test_targets_are_shares_that_add_up_to_the_object(scene: list[scans.Example]) -> None:
    for example in scene:
        assert example.mask.any()
        assert 0 <= example.target.min() <= example.target.max() <= 1
        np.testing.assert_allclose((example.target * example.features.pieces.size).sum(), example.mask.sum(), rtol=1e-4)


def test_blocks_of_real_scans_hold_outlined_objects() -> None:
    real = [scan for scan in real_scans.load(shared()) if scan.boxes]
    random = np.random.default_rng(0)
    for _ in range(8):
        image, masks, spacing = scans._native(real, random)
        assert image.ndim == 3
        assert min(spacing) > 0
        assert any(mask.any() for mask in masks)
        assert all(mask.shape == image.shape for mask in masks)


def test_the_user_begins_inside_and_corrects_what_is_wrong(scene: list[scans.Example]) -> None:
    _, network = untrained()
    made = user.lessons(scene[0], network, 4, np.random.default_rng(0))
    assert [lesson.prompts for lesson in made] == list(range(1, len(made) + 1))
    for lesson in made:
        assert lesson.target.shape == (lesson.graph.nodes.size,)
        assert lesson.target.max() > 0


@pytest.mark.parametrize("seed", range(40))
def test_first_prompts_speak_of_the_object(seed: int) -> None:
    mask = np.zeros((20, 22, 24), bool)
    mask[5:12, 6:15, 7:20] = True
    random = np.random.default_rng(seed)
    match user.first(mask, partial(clicks.inside, random=random), random):
        case Point(index, positive):
            assert positive
            assert mask[index]
        case Scribble(indices, positive):
            assert positive
            assert all(mask[index] for index in indices)
        case Box() as box:
            assert mask[box.region().slices].sum() == mask.sum()
        case SliceMask(axis, index, drawn):
            np.testing.assert_array_equal(drawn, np.take(mask, index, axis))


def test_the_deepest_voxel_is_meant_in_millimetres() -> None:
    mask = np.zeros((12, 24, 30), bool)
    mask[1:10, 2:11, 1:10] = True  # nine voxels a side: 5 to the outside
    mask[4:7, 2:21, 12:29] = True  # three slices of 4 mm, 19 mm wide: 2 voxels to the outside, but 8 mm
    assert clicks.inside(mask, np.random.default_rng(0), deepest=1.0) == (5, 6, 5)
    k, _, i = clicks.inside(mask, np.random.default_rng(0), (4.0, 1.0, 1.0), deepest=1.0)
    assert k == 5
    assert 12 <= i < 29
    anywhere = {clicks.inside(mask, np.random.default_rng(seed), deepest=0.0) for seed in range(5)}
    assert len(anywhere) > 1
    assert all(mask[index] for index in anywhere)


def test_untrained_it_says_what_classic_says(scene: list[scans.Example]) -> None:
    network, same = untrained()
    graph = user.lessons(scene[0], same, 0, np.random.default_rng(0))[0].graph
    with torch.no_grad():
        logits = network(Graphs.joined([graph])).numpy()
    np.testing.assert_allclose(logits, graph.told[:, JUDGED] * STEEPNESS, atol=1e-5)
    np.testing.assert_allclose(same(graph), logits, atol=1e-5)


def test_the_gradient_of_what_is_heard_is_right() -> None:
    kernel = sparse.random(6, 6, 0.5, format="csr", random_state=0)
    said = torch.randn(6, 2, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: Heard.apply(x, kernel, kernel.T.tocsr(), 3), (said,))


def test_the_loss_prefers_the_truth() -> None:
    target, size = torch.tensor([1.0, 1.0, 0.0, 0.0, 0.0]), torch.ones(5)
    right, dice = loss_of(target * 12 - 6, target, size)
    wrong, none = loss_of(6 - target * 12, target, size)
    assert dice == 1
    assert none == 0
    assert right < 0.1 < wrong


@pytest.mark.parametrize("kind", [GivenSlicesLesson, BoxesLesson])
def test_from_the_weights_of_clicks_others_begin_with_what_those_say(
    kind: type[GraphLesson], scene: list[scans.Example]
) -> None:
    lesson = kind(RECIPE, [])
    started = State.fresh(lesson.network(), 1e-3, CLICKS, "cpu").network
    asked = GraphNetwork({name: value.detach().numpy() for name, value in started.state_dict().items()})
    seen = lesson.lessons(scene[0], asked, np.random.default_rng(1))[0].graph
    clicked = GraphNetwork.load(CLICKS)(replace(seen, told=seen.told[:, :COUNT]))
    np.testing.assert_allclose(asked(seen), clicked, atol=1e-5)
    assert np.abs(clicked).max() > 1


@pytest.mark.parametrize("kind", [GraphLesson, GivenSlicesLesson, BoxesLesson])
def test_a_step_teaches_every_weight(kind: type[GraphLesson]) -> None:
    lesson = kind(RECIPE, [])
    network = lesson.network()
    with torch.no_grad():
        network.head.weight.normal_(0, 0.1)  # zero in a new network, which lets no gradient through yet
    loss, early, late = lesson.loss(network, lesson.batch(0), 0, lambda tensor: tensor)
    loss.backward()
    assert torch.isfinite(loss)
    assert 0 <= early <= 1
    assert 0 <= late <= 1
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in network.parameters())
    assert sum(float(p.grad.abs().sum()) > 0 for p in network.parameters()) == len(list(network.parameters()))


def test_an_object_thinner_than_its_pieces_is_asked_for_by_a_click_where_its_slice_says_nothing() -> None:
    """A sheet of one voxel in pieces of six: on its slice no piece lies mostly inside."""
    image = np.random.default_rng(0).normal(size=(24, 24, 24)).astype(np.float32)
    mask = np.zeros(image.shape, bool)
    mask[:, 12, 4:20:3] = True
    example = scans.Example(scans.prepared(image, (1.0, 1.0, 1.0), 60), mask)
    _, network = untrained()
    for seed in range(30):
        random = np.random.default_rng(seed)
        made = user.lessons(example, network, 1, random)
        assert made
        assert made[0].target.max() > 0


def test_some_users_click_on_one_slice_alone(scene: list[scans.Example], monkeypatch) -> None:
    monkeypatch.setattr(user, "_ON_A_SLICE", 1.0)
    _, network = untrained()
    random = np.random.default_rng(2)
    hand = user.Hand.of(scene[0], random)
    assert hand.axis is not None
    assert scene[0].mask[hand.inside(hand.seen(scene[0].mask))]
    asked = []
    looking = user._looking
    monkeypatch.setattr(
        user, "_looking", lambda e, prompts, *more: (asked.append(list(prompts)), looking(e, prompts, *more))[1]
    )
    assert user.lessons(scene[0], network, 4, np.random.default_rng(3))
    places = np.array([prompt.index for prompt in asked[-1]])
    assert len(places) > 1
    assert any(np.ptp(places[:, axis]) == 0 for axis in range(3))


def test_objects_are_looked_at_across_the_slices_of_the_scan_in_the_share_that_is_wanted() -> None:
    spacing, random = (1.0, 4.0, 1.0), np.random.default_rng(0)
    assert {user.shown_axis(spacing, random, 1.0) for _ in range(40)} == {1}
    assert {user.shown_axis(spacing, random, 0.0) for _ in range(40)} == {0, 1, 2}
    across = sum(user.shown_axis(spacing, random) == 1 for _ in range(600)) / 600
    assert 0.6 < across < 0.74  # half of them, and a third of the others
