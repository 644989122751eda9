"""Corrections and journeys through the history in a script, and kept in the project."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from app.editing.islands import Split
from app.editing.shape import Margin, SmoothJointly
from app.geometry import Geometry, Region
from app.prompts import Box, Point, Scribble, SliceMask, moved
from app.session import Session
from app.volume import Source, Volume
from tests.data import ROOT

SHAPE = (12, 16, 20)


@pytest.fixture
def session(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Session]:
    monkeypatch.setenv("VOLUMASK_MODELS", str(ROOT / "tests" / "models"))
    voxels = np.random.default_rng(0).integers(0, 100, SHAPE).astype(np.int16)
    with Session.headless(model="fake", engine="inline") as made:
        made.adopt(Volume(voxels, Geometry(SHAPE, np.eye(4)), source=Source(str(tmp_path / "scan.nii.gz"))))
        yield made


def put(session: Session, label: int, start: tuple[int, int, int], stop: tuple[int, int, int]) -> None:
    region = Region(start, stop)
    session.case.edit(label, region, np.ones(region.shape, bool), "Put")


def corrected(session: Session) -> list[bytes]:
    """Labels after each step of a case of corrections."""
    states = [session.case.segmentation.labels.tobytes()]
    liver = session.add_segment("Liver")
    states.append(states[-1])
    put(session, liver.label, (2, 2, 2), (6, 8, 8))
    states.append(session.case.segmentation.labels.tobytes())
    put(session, liver.label, (8, 10, 10), (11, 14, 14))
    states.append(session.case.segmentation.labels.tobytes())
    for effect in (Split(), SmoothJointly(1.0), Margin(1.0)):
        session.correct(liver, effect)
        states.append(session.case.segmentation.labels.tobytes())
    return states


def test_a_jump_to_any_step_finds_the_labels_of_that_step(session: Session) -> None:
    states = corrected(session)
    assert session.case.history.count == len(states) - 1
    for number in (6, 2, 5, 0, 4, 6, 1, 3):
        session.go_to_step(number)
        assert session.case.segmentation.labels.tobytes() == states[number]
        assert session.case.history.count == number


def test_a_jump_takes_open_clicks_back(session: Session) -> None:
    states = corrected(session)
    session.add_prompt(1, Point((3, 3, 3)))
    session.go_to_step(4)
    assert not session.case.open_labels
    assert session.case.segmentation.labels.tobytes() == states[4]


def test_corrections_are_undone_after_the_project_was_saved_and_read(session: Session, tmp_path: Path) -> None:
    states = corrected(session)
    session.save(tmp_path / "case.volumask")
    snapshot = session.snapshot()
    volume = session.case.volume
    session.adopt(volume)
    session.adopt_project(snapshot, volume)
    for number in (6, 3, 0, 6):
        session.go_to_step(number)
        assert session.case.segmentation.labels.tobytes() == states[number]


def test_a_click_after_a_correction_starts_from_it(session: Session) -> None:
    liver = session.add_segment("Liver")
    put(session, liver.label, (2, 2, 2), (6, 8, 8))
    session.correct(liver, Margin(1.0))
    before = session.mask(liver)
    session.add_prompt(liver, Point((10, 14, 18)))
    session.wait()
    assert (session.mask(liver) & before).sum() == before.sum()
    assert session.mask(liver)[10, 14, 18]


def test_a_moved_prompt_stays_in_the_grid_and_keeps_its_kind() -> None:
    assert moved(Point((1, 1, 1), False), (0, 5, -9), SHAPE) == Point((1, 6, 0), False)
    assert moved(Box((1, 2, 3), (1, 5, 6)), (0, 50, 1), SHAPE) == Box((1, 12, 4), (1, 15, 7))
    scribble = moved(Scribble([(1, 1, 1), (1, 1, 2)], False), (1, 0, 2), SHAPE)
    assert scribble == Scribble([(2, 1, 3), (2, 1, 4)], False)
    mask = np.zeros(SHAPE[1:], bool)
    mask[2:4, 5:9] = True
    there = moved(SliceMask(0, 3, mask), (1, 3, -6), SHAPE)
    assert isinstance(there, SliceMask)
    assert there.index == 4
    assert there.mask[5:7, 0:3].all()
    assert there.mask.sum() == 6
