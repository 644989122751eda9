"""The history keeps to its budget of bytes, forgets the oldest first, and never half of what is undone together."""

from __future__ import annotations

import numpy as np

from app.change import Change
from app.geometry import Region
from app.history import History, SegmentState, Step
from app.prompts import SliceMask
from app.segmentation import Segment

STATE = SegmentState(Segment(1, "A", (1, 2, 3)))
REGION = Region((0, 0, 0), (1, 1, 1))


def step(title: str, size: int = 700, group: int = 0) -> Step:
    return Step(title, 1, STATE, STATE, Change(REGION, 1, b"x" * size), group)


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
    mask = SliceMask(0, 0, np.zeros((100, 100), bool))
    with_mask = SegmentState(STATE.segment, (mask,))
    assert Step("add", 1, STATE, with_mask).size > 10_000
    assert Step("rename", 1, with_mask, with_mask).size < 1000
