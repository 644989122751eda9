"""What the flavour for NVIDIA's graphics cards says where there is none."""

from __future__ import annotations

import ctypes
import json
from types import SimpleNamespace

import pytest

from app import graphics_card, installation
from app.ui.app import tell_of_the_card


@pytest.fixture
def bill(monkeypatch, tmp_path):
    """Gives a function that makes this copy one with these parts."""
    monkeypatch.setattr(installation, "folder", lambda: tmp_path)

    def write(*parts: str) -> None:
        told = {"components": [{"name": name, "version": "1"} for name in parts]}
        (tmp_path / installation.BILL).write_text(json.dumps(told))

    return write


def driver(cards: int, error: int = 0) -> SimpleNamespace:
    """Stands for NVIDIA's."""

    def count(place: object) -> int:
        place._obj.value = cards
        return 0

    return SimpleNamespace(cuInit=lambda _flags: error, cuDeviceGetCount=count)


@pytest.mark.parametrize(("cards", "error", "usable"), [(1, 0, True), (0, 0, False), (1, 100, False)])
def test_the_driver_is_asked(monkeypatch, cards, error, usable):
    monkeypatch.setattr(ctypes, "CDLL", lambda _name: driver(cards, error))
    monkeypatch.setattr(graphics_card.sys, "platform", "linux")
    assert graphics_card.usable() is usable


def test_without_a_driver_there_is_no_card(monkeypatch):
    def missing(name: str) -> None:
        raise OSError(name)

    monkeypatch.setattr(ctypes, "CDLL", missing)
    assert not graphics_card.usable()


@pytest.mark.parametrize(
    ("parts", "usable", "told"),
    [
        (("torch", "nvidia-cublas"), False, True),
        (("torch", "nvidia-cublas"), True, False),
        (("torch",), False, False),
    ],
)
def test_the_window_says_once_that_the_processor_computes(window, qtbot, monkeypatch, bill, parts, usable, told):
    bill(*parts)
    monkeypatch.setattr(graphics_card, "usable", lambda: usable)
    tell_of_the_card(window)
    qtbot.waitUntil(lambda: not window.jobs.running)
    assert ("the processor computes" in window.banner.text) is told
