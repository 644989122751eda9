"""What the engine's tests share: an inbox, volumes, clicks, and engines that are closed at the end."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from app.engine.engine import Engine
from app.engine.protocol import Answer, Message, Predict
from app.geometry import Geometry
from app.prompts import Point
from app.volume import Volume

SHAPE = (20, 24, 28)


@pytest.fixture(autouse=True)
def test_models_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VOLUMASK_MODELS", str(Path(__file__).parents[1] / "models"))


def volume(value: int = 0) -> Volume:
    return Volume(np.full(SHAPE, value, np.int16), Geometry(SHAPE, np.eye(4)))


class Inbox:
    """Collects messages; `until` waits for one."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self._changed = threading.Condition()

    def __call__(self, message: Message) -> None:
        with self._changed:
            self.messages.append(message)
            self._changed.notify_all()

    def until(self, wanted: Callable[[Message], bool], seconds: float = 30) -> Message:
        with self._changed:
            assert self._changed.wait_for(lambda: any(map(wanted, self.messages)), seconds), self.messages
            return next(message for message in self.messages if wanted(message))

    def of(self, kind: type) -> list[Message]:
        return [message for message in self.messages if isinstance(message, kind)]


Start = Callable[..., tuple[Engine, Inbox]]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    engines: list[Engine] = []

    def make(mode: str = "inline", model: str = "fake") -> tuple[Engine, Inbox]:
        inbox = Inbox()
        engines.append(Engine(inbox, mode=mode, model=model, cache=tmp_path / "cache"))  # type: ignore[arg-type]
        return engines[-1], inbox

    yield make
    for engine in engines:
        engine.close()


def click(label: int = 1, *indices: tuple[int, int, int]) -> Predict:
    return Predict(label, tuple(Point(index) for index in indices or ((5, 6, 7),)), 0)


def answers(request: Predict) -> Callable[[Message], bool]:
    return lambda message: isinstance(message, Answer) and message.request == request
