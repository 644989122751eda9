"""Views draw in turns: what a person does is heard between two of them."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication, QEvent, QObject
from shiboken6 import delete

from app.render.turns import Turns


class Drawn(QObject):
    """Notes when it draws, and when the event it posts then arrives: a key pressed meanwhile would arrive there too."""

    def __init__(self, name: str, heard: list[str]) -> None:
        super().__init__()
        self._name, self._heard = name, heard

    def draw(self) -> None:
        self._heard.append(f"{self._name} draws")
        QCoreApplication.postEvent(self, QEvent(QEvent.Type.User))

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.User:
            self._heard.append("event")
        return super().event(event)


def test_an_event_is_heard_between_two_drawings(qtbot) -> None:
    heard: list[str] = []
    turns = Turns(QCoreApplication.instance())
    one, other = Drawn("one", heard), Drawn("other", heard)
    for widget in (one, other, one):
        turns.take(widget)
    qtbot.waitUntil(lambda: len(heard) == 4)
    qtbot.wait(20)
    assert heard == ["one draws", "event", "other draws", "event"]
    delete(turns)


def test_a_widget_that_went_away_is_passed_over(qtbot) -> None:
    heard: list[str] = []
    turns = Turns(QCoreApplication.instance())
    gone, there = Drawn("gone", heard), Drawn("there", heard)
    turns.take(gone)
    turns.take(there)
    delete(gone)
    qtbot.waitUntil(lambda: bool(heard))
    assert heard[0] == "there draws"
    delete(turns)


def test_all_views_share_the_applications_turns(qapp) -> None:
    assert Turns.of(qapp) is Turns.of(qapp)
