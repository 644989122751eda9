"""How far around themselves clicks speak: less where the last answer's border is near."""

from __future__ import annotations

import numpy as np
import pytest

from app.engine import registry
from app.engine.classic import predictor as predictor_module
from app.engine.classic import refinement
from app.engine.classic.features import Features, prepare_features
from app.engine.classic.seeds import Seeds
from app.engine.protocol import Prior, Token
from app.geometry import Geometry, Region
from app.prompts import Point
from app.volume import Volume

SHAPE = (16, 24, 24)
SIDE = 14  # of the last answer: i below it


def prepared(spacing: tuple[float, float, float] = (1.0, 1.0, 1.0)) -> Features:
    image = np.random.default_rng(0).normal(0, 1, SHAPE).astype(np.float32)
    volume = Volume(image, Geometry(SHAPE, np.diag([*spacing[::-1], 1.0])))
    return prepare_features(volume, lambda fraction, what: None, Token())


def last() -> Prior:
    region = Region((0, 0, 4), (*SHAPE[:2], SHAPE[2] - 2))
    logits = np.where(np.arange(4, SHAPE[2] - 2) < SIDE, 3.0, -3.0)
    return Prior(region, np.broadcast_to(logits, region.shape).astype(np.float32))


def around(i: int, prior: Prior | None, spacing: tuple[float, float, float] = (1.0, 1.0, 1.0)) -> np.ndarray:
    """Offsets of the cells that a click at column i speaks for."""
    click = np.array([[8, 12, i]])
    found = refinement.balls(prepared(spacing), click, prior) - click
    assert len(np.unique(found, axis=0)) == len(found)
    return found


def test_a_first_click_speaks_for_two_cells_around() -> None:
    found = around(SIDE, None)
    assert len(found) == 33
    assert np.linalg.norm(found, axis=1).max() == 2


@pytest.mark.parametrize(
    ("i", "widest", "cells"),
    [
        (SIDE, 0, 1),  # in the first column outside: what is wrong is a rim
        (SIDE - 1, 0, 1),
        (SIDE + 1, 1, 27),  # nearer than two cells
        (SIDE + 2, 3, 93),
        (SIDE + 3, 3, 123),
        (SIDE - 6, 3, 123),
    ],
)
def test_a_correction_speaks_for_what_is_nearer_than_the_last_answers_border(i: int, widest: int, cells: int) -> None:
    found = around(i, last())
    assert len(found) == cells
    assert np.abs(found).max() <= widest
    assert ((i + found[:, 2] < SIDE) == (i < SIDE)).all()


def test_what_the_last_answer_did_not_look_at_is_outside_of_it() -> None:
    assert len(around(4, last())) == 1  # in its first column
    assert len(around(3, last())) == 1
    assert len(around(SHAPE[2] - 3, last())) == 123


def test_distances_are_millimetres() -> None:
    found = around(SIDE + 2, last(), (4.0, 1.0, 1.0))
    assert set(found[:, 0]) == {0}
    assert len(found) == 25  # of a circle of three cells, those nearer than three


def test_a_click_in_a_rim_changes_the_rim_and_no_more() -> None:
    """Two tissues that look the same: what holds is the last answer, told again by the pieces."""
    features, prior = prepared(), last()
    seeds = Seeds.of((Point((8, 12, 6)), Point((8, 12, SIDE))), SHAPE, (1.0, 1.0, 1.0))
    labels = features.pieces.labels
    inside = np.bincount(labels.ravel(), (np.arange(SHAPE[2]) < SIDE)[None, None].repeat(16, 0).repeat(24, 1).ravel())
    pieces = np.where(inside / features.pieces.size > 0.5, 4.0, -4.0).astype(np.float32)

    def taken(prior: Prior | None) -> int:
        cells = refinement.cells_around(features, seeds, pieces, prior)
        answer = refinement.refine(features, seeds, cells)
        mask = np.zeros(SHAPE, bool)
        mask[answer.region.slices] = answer.logits > 0
        assert mask[8, 12, SIDE]
        return int(mask[6:11, 10:15, SIDE + 1 :].sum())

    assert taken(prior) < taken(None)


@pytest.mark.parametrize(("model", "heeds"), [("classic", False), ("builtin", True)])
def test_the_built_in_network_heeds_the_border_and_classic_does_not(
    monkeypatch: pytest.MonkeyPatch, model: str, heeds: bool
) -> None:
    told: list[Prior | None] = []
    around = predictor_module.cells_around
    monkeypatch.setattr(predictor_module, "cells_around", lambda *given: (told.append(given[3]), around(*given))[1])
    predictor = registry.load(model)
    features = predictor.prepare(prepared().volume, lambda fraction, what: None, Token())
    predictor.predict(features, (Point((8, 12, 6)), Point((9, 13, SIDE))), last())
    assert [prior is not None for prior in told] == [heeds]
