"""The engine lets features be made ahead: from the slice that is seen, never before anything that was asked."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app.engine import mailbox, registry
from app.engine.cache import EmbeddingCache
from app.engine.compute import ComputeProcess
from app.engine.engine import AHEAD, Engine
from app.engine.mailbox import EncodeAhead, Mailbox
from app.engine.model_card import ModelCard
from app.engine.protocol import Answer, Failure, Message, Notice, Predict, Prediction, Prepared, Progress
from app.engine.slicewise import SliceEmbeddings
from app.geometry import Geometry, Region
from app.prompts import Point
from app.volume import Volume
from tests.unit.engine_inbox import Inbox

SHAPE = (6, 8, 8)
VOLUME = Volume(np.zeros(SHAPE, np.int16), Geometry(SHAPE, np.eye(4)))


def is_an(kind: type) -> Callable[[Message], bool]:
    return lambda message: isinstance(message, kind)


class SlicePredictor:
    """Answers with the clicked slice; each encoding waits until it is let go."""

    def __init__(self) -> None:
        self.card = ModelCard("slices", "Slices", "none", 2, frozenset({"point"}))
        self.encoded: list[tuple[int, int]] = []
        self.begun, self.go = threading.Semaphore(0), threading.Semaphore(0)

    def _encode(self, axis: int, index: int) -> dict[str, np.ndarray]:
        self.begun.release()
        assert self.go.acquire(timeout=20)
        self.encoded.append((axis, index))
        return {"image": np.ones((4, 4), np.float32)}

    def prepare(self, volume: Volume, progress: Any, token: Any) -> SliceEmbeddings:
        return SliceEmbeddings(volume, self._encode)

    def predict(self, prepared: SliceEmbeddings, prompts: tuple[Any, ...], prior: Any) -> Prediction:
        index = prompts[-1].index[0]
        prepared.features(0, index)
        region = Region.plane(SHAPE, 0, index)
        return Prediction(region, np.ones(region.shape, np.float32))


@pytest.fixture
def predictor(monkeypatch: pytest.MonkeyPatch) -> SlicePredictor:
    made = SlicePredictor()
    monkeypatch.setattr(registry, "load", lambda model: made)
    monkeypatch.setattr(mailbox, "REST", 0.05)
    return made


@pytest.fixture
def inbox() -> Inbox:
    return Inbox()


@pytest.fixture
def engine(predictor: SlicePredictor, inbox: Inbox, tmp_path: Path) -> Iterator[Engine]:
    made = Engine(inbox, mode="inline", model="classic", cache=tmp_path)
    made.open(VOLUME)
    inbox.until(is_an(Prepared))
    yield made
    for _ in range(100):
        predictor.go.release()
    made.close()


def test_nothing_is_encoded_until_a_slice_is_seen(engine: Engine, predictor: SlicePredictor) -> None:
    assert not predictor.begun.acquire(timeout=0.3)
    engine.look_at(0, 4)
    assert predictor.begun.acquire(timeout=5)


def test_the_seen_slice_comes_first_and_the_rest_of_its_axis_follows(
    engine: Engine, predictor: SlicePredictor, inbox: Inbox
) -> None:
    engine.look_at(0, 4)
    for _ in range(6):
        predictor.go.release()
    inbox.until(lambda message: message == Progress(AHEAD, 1.0))
    assert predictor.encoded[:3] == [(0, 4), (0, 3), (0, 5)]
    assert sorted(predictor.encoded) == [(0, n) for n in range(6)]
    assert engine.idle


def test_a_click_waits_for_no_more_than_the_slice_at_work(
    engine: Engine, predictor: SlicePredictor, inbox: Inbox
) -> None:
    engine.look_at(0, 4)
    assert predictor.begun.acquire(timeout=5)
    assert engine.idle  # what is encoded ahead was not asked for
    engine.post(Predict(1, (Point((0, 2, 2)),), 0))
    predictor.go.release(2)
    answer = inbox.until(is_an(Answer))
    assert answer.mask.all()
    assert predictor.encoded == [(0, 4), (0, 0)]


def test_what_was_encoded_is_there_when_the_case_is_opened_again(predictor: SlicePredictor, tmp_path: Path) -> None:
    for opened in range(2):
        inbox = Inbox()
        engine = Engine(inbox, mode="inline", model="classic", cache=tmp_path)
        engine.open(VOLUME)
        predictor.go.release()
        engine.post(Predict(1, (Point((0, 2, 2)),), 0))
        inbox.until(is_an(Answer))
        engine.close()
        assert predictor.encoded == [(0, 0)], f"opened {opened + 1} times"


def test_work_that_was_asked_for_comes_before_what_nobody_asked_for() -> None:
    box = Mailbox()
    box.post(EncodeAhead())
    click = Predict(1, (Point((0, 0, 0)),), 0)
    box.post(click)
    assert box.take() is click
    assert box.idle is False
    assert isinstance(box.take(), EncodeAhead)
    assert box.idle


def test_features_that_grow_get_half_of_the_cache(tmp_path: Path, predictor: SlicePredictor) -> None:
    cache = EmbeddingCache(tmp_path / "cache", limit=4000)
    old = tmp_path / "cache" / "old"
    old.mkdir(parents=True)
    (old / "manifest.json").write_text("{}")
    (old / "image.npy").write_bytes(bytes(3000))
    prepared = predictor.prepare(VOLUME, None, None)
    cache.store(predictor, VOLUME, prepared)
    assert not old.exists()
    for _ in range(100):
        predictor.go.release()
    while prepared.encode_ahead() is not None:
        pass
    assert 0 < sum(path.stat().st_size for path in (tmp_path / "cache").rglob("*.npz")) <= 2000 + 300


def test_a_model_in_its_own_process_that_has_nothing_to_encode_goes_on_answering(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, inbox: Inbox
) -> None:
    monkeypatch.setattr(mailbox, "REST", 0.01)
    monkeypatch.setenv("VOLUMASK_MODELS", str(Path(__file__).parents[1] / "models"))
    told, shares, ask = threading.Event(), [], ComputeProcess.encode_ahead

    def listening(process: ComputeProcess, focus: tuple[int, int]) -> float | None:
        shares.append(ask(process, focus))
        told.set()
        return shares[-1]

    monkeypatch.setattr(ComputeProcess, "encode_ahead", listening)
    engine = Engine(inbox, mode="process", model="fake", cache=tmp_path)
    try:
        engine.open(VOLUME)
        engine.look_at(0, 3)
        inbox.until(is_an(Prepared))
        assert told.wait(20)
        engine.post(Predict(1, (Point((3, 4, 4)),), 0))
        inbox.until(is_an(Answer))
    finally:
        engine.close()
    assert shares == [None]
    assert not any(isinstance(message, Failure | Notice) for message in inbox.messages)
