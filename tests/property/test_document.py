"""The undo machine of the document, driven by generated histories: it is the specification (proto/session_sketch)."""

from __future__ import annotations

import random
from dataclasses import dataclass

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from app.document import Document
from app.engine.protocol import Predict
from app.geometry import Geometry, Region
from app.prompts import Point
from app.volume import Volume

SHAPE = (4, 4, 4)
CORNER = Region((1, 0, 2), (3, 2, 4))


def document() -> Document:
    """Three segments in a small volume."""
    made = Document(Volume(np.zeros(SHAPE, np.int16), Geometry(SHAPE, np.eye(4))))
    for name in ("A", "B", "C"):
        made.add_segment(name)
    return made


def model(request: Predict) -> np.ndarray:
    """A mask that depends on the prompts alone."""
    numbers = [n for prompt in request.prompts for n in prompt.index]
    return np.random.default_rng([request.label, *numbers]).random(SHAPE) < 0.5


@dataclass
class Engine:
    """Keeps the newest request of each segment, as the mailbox does, and one running."""

    waiting: dict[int, Predict]
    running: Predict | None = None

    def ask(self, case: Document) -> None:
        for label in case.open_labels:
            wanted = Predict(label, case.prompts(label), case.revision(label))
            if wanted not in (self.running, self.waiting.get(label)):
                self.waiting[label] = wanted

    def take(self) -> None:
        if self.running is None and self.waiting:
            self.running = self.waiting.pop(next(iter(self.waiting)))

    def answer(self, case: Document) -> None:
        if self.running:
            done, self.running = self.running, None
            case.answer(done.label, done.prompts, done.revision, case.volume.geometry.region, model(done))


def state(case: Document) -> tuple[bytes, list[object]]:
    return case.segmentation.labels.tobytes(), [case.state(segment.label) for segment in case.segments]


segments = st.integers(1, 3)
voxels = st.tuples(*[st.integers(0, 3)] * 3)


class DocumentMachine(RuleBasedStateMachine):
    """Clicks, deletions of prompts, strokes, segment operations, undo, redo and late answers in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.case = document()
        self.engine = Engine({})
        self.asked: set[tuple[int, tuple[Point, ...]]] = set()

    def has(self, label: int) -> bool:
        return label in self.case.segmentation.segments

    @rule(label=segments, index=voxels, positive=st.booleans())
    def click(self, label: int, index: tuple[int, int, int], positive: bool) -> None:
        if self.has(label):
            self.case.add_prompt(label, Point(index, positive))
            self.engine.ask(self.case)

    @rule(label=segments)
    def delete_first_prompt(self, label: int) -> None:
        if self.has(label) and self.case.prompts(label):
            self.case.set_prompts(label, self.case.prompts(label)[1:])
            self.engine.ask(self.case)

    @rule(label=segments, seed=st.integers(0, 999))
    def stroke(self, label: int, seed: int) -> None:
        if self.has(label):
            mask = np.random.default_rng(seed).random(CORNER.shape) < 0.5
            self.case.edit(label, CORNER, mask, "Paint")
            self.engine.ask(self.case)

    @rule(label=segments)
    def remove(self, label: int) -> None:
        if self.has(label) and len(self.case.segments) > 1:
            self.case.remove_segment(label)

    @rule()
    def add(self) -> None:
        if len(self.case.segments) < 3:
            self.case.add_segment()

    @rule(label=segments)
    def rename(self, label: int) -> None:
        if self.has(label):
            self.case.change_segment(label, name=f"{self.case.segment(label).name}x")

    @rule()
    def engine_takes(self) -> None:
        self.engine.take()

    @rule()
    def engine_answers(self) -> None:
        self.engine.answer(self.case)
        self.engine.ask(self.case)

    @rule()
    def undo(self) -> None:
        self.case.undo()
        self.engine.ask(self.case)

    @rule()
    def redo(self) -> None:
        self.case.redo()
        self.engine.ask(self.case)

    @precondition(lambda self: self.case.can_undo and not self.case.open_labels)
    @rule()
    def undo_then_redo_is_the_identity(self) -> None:
        before = state(self.case)
        self.case.undo()
        self.case.redo()
        assert state(self.case) == before

    @invariant()
    def every_label_has_a_segment(self) -> None:
        used = set(np.unique(self.case.segmentation.labels).tolist()) - {0}
        assert used <= set(self.case.segmentation.segments)

    @invariant()
    def no_click_is_lost(self) -> None:
        live = [*self.engine.waiting.values(), *([self.engine.running] if self.engine.running else [])]
        for label in self.case.open_labels:
            wanted = Predict(label, self.case.prompts(label), self.case.revision(label))
            assert wanted in live, wanted

    def teardown(self) -> None:
        while self.case.can_undo:
            self.case.undo()
        assert not self.case.segmentation.labels.any()
        assert self.case.segments == ()


TestDocument = DocumentMachine.TestCase
TestDocument.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)


def test_when_the_user_stops_everything_is_answered() -> None:
    for seed in range(100):
        chance = random.Random(seed)
        case, engine = document(), Engine({})
        for _ in range(60):
            dice = chance.random()
            if dice < 0.5:
                index = (chance.randrange(4), chance.randrange(4), chance.randrange(4))
                case.add_prompt(chance.randint(1, 3), Point(index))
            elif dice < 0.6:
                if len(case.history.done) + len(case.open_labels) > 3:
                    case.undo()
            elif dice < 0.65:
                case.redo()
            elif dice < 0.8:
                engine.take()
            else:
                engine.answer(case)
            engine.ask(case)
        rounds = 0
        while engine.running or engine.waiting:
            engine.take()
            engine.answer(case)
            engine.ask(case)
            rounds += 1
            assert rounds < 20
        assert not case.open_labels
