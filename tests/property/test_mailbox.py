"""The mailbox under any order of posts: the newest click of each segment, oldest segment first, nothing lost."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from app.engine.mailbox import Mailbox, Prepare
from app.engine.protocol import Estimate, Predict, Propagate

clicks = st.tuples(st.just("click"), st.integers(1, 4))
events = st.lists(st.one_of(clicks, st.just(("job", 0)), st.just(("take", 0)), st.just(("forget", 2))), max_size=60)


@given(events)
def test_every_segment_gets_its_newest_click_in_the_order_they_began(todo: list[tuple[str, int]]) -> None:
    box, waiting, jobs = Mailbox(), dict[int, Predict](), list[Estimate]()
    for number, (what, label) in enumerate(todo):
        if what == "click":
            waiting[label] = Predict(label, (), number)
            box.post(waiting[label])
        elif what == "job":
            jobs.append(Estimate(number, 1, ()))
            box.post(jobs[-1])
        elif what == "forget":
            waiting.pop(label, None)
            box.forget(label)
        elif waiting:
            assert box.take() == waiting.pop(next(iter(waiting)))
        elif jobs:
            assert box.take() == jobs.pop(0)
    assert [box.take() for _ in range(len(waiting))] == list(waiting.values())
    assert [box.take() for _ in range(len(jobs))] == jobs
    box.post(Prepare())
    assert box.take() == Prepare()
    box.close()
    assert box.take() is None


def test_clicks_go_before_jobs_and_jobs_before_preparation() -> None:
    box = Mailbox()
    job = Propagate(1, 1, 0, {}, 0, 1)
    click = Predict(1, (), 0)
    for item in (Prepare(), job, click):
        box.post(item)
    assert box.take_click() == click
    assert box.take_click() is None
    assert [box.take(), box.take()] == [job, Prepare()]
