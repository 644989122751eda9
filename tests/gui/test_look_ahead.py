"""The engine is told which slice is seen, once the crosshair rests, by the window only and for 2D models only."""

from __future__ import annotations

from dataclasses import replace

import pytest

from app.session import Session
from app.ui.main_window import MainWindow


def test_a_model_of_slices_prepares_from_the_slice_that_is_seen(
    case: MainWindow, qtbot, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[int, int]] = []
    monkeypatch.setattr(case.session.inference.engine, "look_at", lambda axis, index: seen.append((axis, index)))
    card = case.session.model
    monkeypatch.setattr(Session, "model", property(lambda session: replace(card, dimensions=3)))
    case.session.view.crosshair = (3, 12, 14)
    qtbot.wait(400)
    assert seen == []
    monkeypatch.setattr(Session, "model", property(lambda session: replace(card, dimensions=2)))
    for index in range(4, 8):
        case.session.view.crosshair = (index, 12, 14)
    qtbot.waitUntil(lambda: bool(seen), timeout=5000)
    assert seen == [(0, 7)]
    case.views.work_in(case.views.slices[1].view)
    case.session.model_changed.emit()
    qtbot.waitUntil(lambda: len(seen) == 2, timeout=5000)
    assert seen[1] == (1, 12)
