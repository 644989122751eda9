"""Boxes on slices: which prompts go with which slice, and how what a slice shows becomes an object."""

from __future__ import annotations

import numpy as np
import pytest

from app.engine import registry
from app.engine.builtin.flat_boxes import by_slice, joined
from app.engine.builtin.plane import Plane
from app.engine.classic.refinement import SURE
from app.engine.evaluation import dice
from app.engine.evaluation.clickers import whole
from app.engine.protocol import Prediction, Prior, Token
from app.geometry import Geometry, Region
from app.prompts import Box, Point, Prompt, Scribble, SliceMask
from app.volume import Volume

SHAPE, SPACING = (20, 44, 52), (3.0, 1.0, 0.5)
GEOMETRY = Geometry(SHAPE, np.diag([*SPACING[::-1], 1.0]))
FLAT, OTHER, SOLID = Box((9, 9, 11), (9, 31, 41)), Box((12, 11, 14), (12, 29, 38)), Box((3, 9, 11), (15, 31, 41))
ON, OFF = Point((9, 20, 26)), Point((6, 20, 26))


def scan() -> tuple[Volume, np.ndarray]:
    """An ellipsoid with noise, in thick slices; and its mask."""
    k, j, i = np.ogrid[: SHAPE[0], : SHAPE[1], : SHAPE[2]]
    organ = ((k - 9) / 6) ** 2 + ((j - 20) / 11) ** 2 + ((i - 26) / 15) ** 2 < 1
    image = 50 + 60 * organ + np.random.default_rng(0).normal(0, 15, SHAPE)
    return Volume(image.astype(np.float32), GEOMETRY), organ


@pytest.mark.parametrize(
    ("prompts", "expected"),
    [
        ((FLAT,), {9: (FLAT,)}),
        ((FLAT, ON), {9: (FLAT, ON)}),
        ((ON, FLAT, Box((9, 8, 11), (9, 31, 41))), {9: (Box((9, 8, 11), (9, 31, 41)), ON)}),  # the newest box
        ((FLAT, OFF, Scribble(((9, 20, 26), (9, 21, 26)))), {9: (FLAT, Scribble(((9, 20, 26), (9, 21, 26))))}),
        ((FLAT, Scribble(((9, 20, 26), (10, 21, 26)))), {9: (FLAT,)}),
        ((FLAT, OTHER), {9: (FLAT,), 12: (OTHER,)}),
        ((SOLID,), {}),
        ((SOLID, FLAT), {}),
        ((FLAT, Box((3, 20, 11), (15, 20, 41))), {}),
        ((Box((9, 20, 11), (9, 20, 41)),), {}),  # a line lies on two slices
        ((ON,), {}),
        ((), {}),
    ],
)
def test_boxes_on_parallel_slices_go_with_the_clicks_there(
    prompts: tuple[Prompt, ...], expected: dict[int, tuple[Prompt, ...]]
) -> None:
    assert {plane.index: said for plane, said in by_slice(prompts, GEOMETRY).items()} == expected


def test_in_a_volume_of_one_slice_every_box_is_as_flat_as_the_volume() -> None:
    assert by_slice((Box((0, 9, 11), (0, 31, 41)),), Geometry((1, *SHAPE[1:]), np.eye(4))) == {}


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_mask_on_the_slice_is_drawn_and_kept_there(axis: int) -> None:
    plane, flat = Plane(axis, 5), np.delete(SHAPE, axis)
    alone = Prediction(Region((0, 2, 3), (1, 8, 9)), np.full((1, 6, 6), 3.0, np.float32))
    asked: list[tuple[Prompt, ...]] = []

    def volume(prompts: tuple[Prompt, ...]) -> Prediction:
        asked.append(prompts)
        return Prediction(Region((4, 4, 4), (10, 10, 10)), np.full((6, 6, 6), -1.0, np.float32))

    found = joined({plane: (FLAT,)}, (OFF,), SHAPE, lambda _, said: alone, volume)
    assert found is not None
    region, logits = found
    drawn, other = asked[0]
    assert isinstance(drawn, SliceMask)
    assert (drawn.axis, drawn.index, other) == (axis, 5, OFF)
    assert drawn.mask.shape == tuple(flat)
    assert drawn.mask[2:8, 3:9].all()
    assert drawn.mask.sum() == 36
    here = np.take(logits, 5 - region.start[axis], axis)
    assert (here == 3).sum() == 36
    assert set(np.unique(here)) <= {3.0, -4.0}
    assert (np.delete(logits, 5 - region.start[axis], axis) == -1).sum() == 5 * 36


def test_where_nothing_is_found_on_its_slice_nothing_is_drawn() -> None:
    assert joined({Plane(0, 5): (FLAT,)}, (), SHAPE, lambda *_: Prediction.nothing(), lambda _: 1 / 0) is None
    assert joined({}, (OFF,), SHAPE, lambda *_: 1 / 0, lambda _: 1 / 0) is None


@pytest.mark.parametrize("prompts", [(FLAT,), (FLAT, ON), (FLAT, OTHER), (FLAT, OFF)])
def test_an_organ_is_found_from_boxes_on_its_slices(prompts: tuple[Prompt, ...]) -> None:
    predictor = registry.load("builtin")
    volume, organ = scan()
    features = predictor.prepare(volume, lambda fraction, what: None, Token())
    answer = predictor.predict(features, prompts, None)
    mask = whole(answer, SHAPE)
    assert dice(mask, organ) > 0.85
    assert dice(mask[9], organ[9]) > 0.9
    assert not mask[9, :9].any()
    assert (answer.logits[9 - answer.region.start[0]] == -SURE).any()  # beside the box
    prior = Prior(answer.region, answer.logits)
    further = (*prompts, Point((14, 20, 26)), Point((9, 3, 3), positive=False))
    assert dice(whole(predictor.predict(features, further, prior), SHAPE), organ) > 0.85


def test_what_a_box_says_of_its_slice_is_not_certain() -> None:
    predictor = registry.load("builtin")
    features = predictor.prepare(scan()[0], lambda fraction, what: None, Token())
    answer = predictor.predict(features, (FLAT,), None)
    on_it = answer.logits[9 - answer.region.start[0]][10 - answer.region.start[1] : 30 - answer.region.start[1]]
    assert np.abs(on_it).min() < 2
    assert on_it.max() <= 4
