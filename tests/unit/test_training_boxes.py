"""Lessons of boxes: how they are drawn, what the network sees of them, and what it begins with."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("torch")

from app.engine.builtin import in_box
from app.engine.builtin.graph_network import GraphNetwork
from app.engine.builtin.node_features import COUNT
from app.prompts import Box
from training.batches import Recipe
from training.graph import scans, user
from training.graph.boxes import BoxesLesson
from training.scenes import Mix

LESSON = BoxesLesson(Recipe(48, 1, 2, 5, Mix()), [])


@pytest.fixture(scope="module")
def scene() -> list[scans.Example]:
    return scans.make(3, 5, 2, [])


def test_a_box_holds_the_object_and_little_more(scene: list[scans.Example]) -> None:
    example = scene[0]
    found = [user._box(example.mask, np.random.default_rng(seed)) for seed in range(40)]
    extent = np.array([np.ptp(line) + 1 for line in np.nonzero(example.mask)])
    for box in found:
        assert example.mask[box.region().slices].sum() == example.mask.sum()
        assert (np.array(box.region().shape) <= extent + 2 * (2 + extent // user._LOOSE)).all()
    assert len({box.start for box in found}) > 5


def test_a_flat_box_holds_what_its_slice_shows(scene: list[scans.Example]) -> None:
    example, axes = scene[0], set()
    for seed in range(40):
        box: Box = user._flat_box(example, np.random.default_rng(seed))
        flat = [axis for axis, n in enumerate(box.region().shape) if n == 1]  # two where the cut is one pixel wide
        shown = {axis: np.take(example.mask, box.start[axis], axis).sum() for axis in flat}
        held = example.mask[box.region().slices].sum()
        assert held > 0
        axes |= {axis for axis in flat if shown[axis] == held}
    assert axes == {0, 1, 2}


def test_the_network_sees_the_box_and_later_clicks_in_it(scene: list[scans.Example]) -> None:
    network = LESSON.network()
    asked = GraphNetwork({name: value.detach().numpy() for name, value in network.state_dict().items()})
    made = [LESSON.lessons(scene[0], asked, np.random.default_rng(seed)) for seed in range(12)]
    assert {len(lessons) for lessons in made} == {1, 2}
    for lessons in made:
        assert lessons[0].prompts == 1
        for lesson in lessons:
            assert lesson.graph.told.shape == (len(lesson.graph.nodes), COUNT + in_box.COUNT)
            assert lesson.target.max() > 0
