"""The way of a user with a SAM 2 network: condition one slice, carry both ways, correct another, carry with both."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from app.engine import registry
from app.engine.sam2.variants import VARIANTS
from app.geometry import Geometry
from app.prompts import Box, Point, SliceMask
from app.session import Session
from app.volume import Volume
from tests.unit.sam2_official import MINI, install, official_state

SHAPE = (11, 48, 40)
CENTRE, CORRECTED = 5, 8
SCORE = "sam_mask_decoder.pred_obj_score_head.layers.2.bias"


@pytest.fixture
def session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Session]:
    """A small network with random weights that is sure of its object on every slice."""
    monkeypatch.setenv("VOLUMASK_MODELS", str(tmp_path))
    monkeypatch.setenv("VOLUMASK_BACKEND", "torch")
    monkeypatch.setitem(VARIANTS, "mini", MINI)
    model = install(tmp_path, "mini", official_state("mini") | {SCORE: torch.tensor([50.0])})
    registry._found.cache_clear()
    values = np.random.default_rng(5).integers(1, 200, SHAPE).astype(np.float32)
    with Session.headless(model=model, engine="inline") as made:
        made.adopt(Volume(values, Geometry(SHAPE, np.diag([-1.0, -1.0, 4.0, 1.0]))))
        yield made


def drawn(index: int, first: int) -> SliceMask:
    mask = np.zeros(SHAPE[1:], bool)
    mask[first : first + 15, 10:25] = True
    return SliceMask(0, index, mask)


def test_both_directions_come_from_the_centre_and_a_correction_conditions_its_side(session: Session) -> None:
    segment = session.add_segment("Organ")
    session.add_prompt(segment, drawn(CENTRE, 15))
    outcome = session.propagate(segment, axis=0, start=CENTRE)
    assert outcome is not None
    assert outcome.request.conditioning.keys() == {CENTRE}
    before = session.mask(segment)
    assert set(session.confidences(segment)[0]) > {CENTRE - 1, CENTRE, CENTRE + 1}
    assert (before[CENTRE] == drawn(CENTRE, 15).mask).all()

    session.add_prompt(segment, drawn(CORRECTED, 25))
    session.wait()
    again = session.propagate(segment, axis=0, start=CORRECTED)
    assert again is not None
    assert again.request.conditioning.keys() == {CENTRE, CORRECTED}
    after = session.mask(segment)
    assert (after[CORRECTED] == drawn(CORRECTED, 25).mask).all()
    assert (after[: CENTRE + 1] == before[: CENTRE + 1]).all(), "the side that was right stays"
    assert (after[CENTRE + 1 :] != before[CENTRE + 1 :]).any()


@pytest.mark.parametrize("prompt", [Point((CENTRE, 20, 18), axis=0), Box((CENTRE, 10, 8), (CENTRE, 34, 30))])
def test_clicks_and_boxes_condition_too(session: Session, prompt: Point | Box) -> None:
    segment = session.add_segment("Organ")
    session.add_prompt(segment, prompt)
    session.wait()
    answered = session.mask(segment)
    assert answered[CENTRE].any()
    assert not np.delete(answered, CENTRE, axis=0).any()
    outcome = session.propagate(segment, axis=0, start=CENTRE)
    assert outcome is not None
    assert (outcome.request.conditioning[CENTRE] == answered[CENTRE]).all()
    assert outcome.reached[0] < CENTRE < outcome.reached[1]
    assert (session.mask(segment)[CENTRE] == answered[CENTRE]).all()
