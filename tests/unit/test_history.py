"""The history keeps to its budget of bytes, forgets the oldest first, and never half of what is undone together."""

from __future__ import annotations

import numpy as np
import pytest

from app.change import Change
from app.geometry import Region
from app.history import History, Step
from app.prompts import Point, SliceMask
from app.segment_state import SegmentState
from app.segmentation import Segment
from app.turn import turn

STATE = SegmentState(Segment(1, "A", (1, 2, 3)))
REGION = Region((0, 0, 0), (1, 1, 1))


def step(title: str, size: int = 300, group: int = 0) -> Step:
    return Step.of(title, 1, STATE, STATE, Change(REGION, 1, b"x" * size), group)


def titles(history: History) -> list[str]:
    return [step.title for step in history.done]


def test_the_oldest_steps_are_forgotten_beyond_the_budget() -> None:
    history = History(budget=3000)
    for number in range(6):
        history.push(step(str(number)))
    assert titles(history) == ["3", "4", "5"]


def test_a_group_is_forgotten_whole_and_the_newest_is_kept_however_large() -> None:
    history = History(budget=3000)
    for number in range(3):
        history.push(step(f"slice {number}", group=7))
    history.push(step("paint"))
    assert titles(history) == ["paint"]
    history.push(step("huge", size=10_000))
    assert titles(history) == ["huge"]


def test_ten_thousand_steps_stay_within_the_budget_and_can_all_be_undone() -> None:
    history = History(budget=4_000_000)
    for number in range(10_000):
        history.push(step(str(number)))
    assert len(history.done) == 4000
    assert sum(step.size for step in history.done) <= 4_000_000
    count = 0
    while history.take_undo():
        count += 1
    assert count == 4000


def test_undone_steps_count_until_a_new_one_ends_them() -> None:
    history = History(budget=3000)
    for number in range(3):
        history.push(step(str(number)))
    history.take_undo()
    history.take_undo()
    history.push(step("new"))
    history.push(step("newer"))
    assert titles(history) == ["0", "new", "newer"]


def test_a_history_read_from_a_project_counts_its_bytes() -> None:
    history = History(budget=3000, done=[step("0"), step("1"), step("2")])
    history.push(step("3"))
    assert titles(history) == ["1", "2", "3"]


def test_a_drawn_mask_counts_at_the_step_that_adds_it() -> None:
    drawn = np.random.default_rng(0).random((100, 100)) < 0.5  # noise cannot be deflated
    with_mask = SegmentState(STATE.segment, (SliceMask(0, 0, drawn),))
    assert Step.of("add", 1, STATE, with_mask).size > 1250 + Step.of("rename", 1, with_mask, with_mask).size


def test_a_step_keeps_what_it_changed_and_not_what_was_there_already() -> None:
    prompts = tuple(Point((0, 0, n)) for n in range(500))
    before = SegmentState(STATE.segment, prompts, {0: {1: 0.5, 2: 0.6}}, 3)
    inserted = (*prompts[:7], Point((9, 9, 9)), *prompts[7:])
    after = SegmentState(Segment(1, "B", (1, 2, 3)), inserted, {0: {1: 0.5, 2: 0.7}, 1: {4: 0.1}}, 4)
    changed = turn(before, after)
    assert changed.size < 1000
    assert changed.forwards(before) == after
    assert changed.backwards(after) == before


def test_every_change_of_a_list_of_prompts_goes_both_ways() -> None:
    listed = tuple(Point((0, 0, n)) for n in range(6))
    others = ((), listed[1:], listed[:-1], listed[:2] + listed[4:], listed[::-1], (listed[0], *listed), listed * 2)
    for other in others:
        before, after = SegmentState(STATE.segment, listed), SegmentState(STATE.segment, other)
        assert turn(before, after).forwards(before) == after
        assert turn(before, after).backwards(after) == before


def test_a_step_without_a_segment_before_or_after_is_refused() -> None:
    with pytest.raises(ValueError, match="before or after"):
        Step.of("nothing", 1, None, None)
