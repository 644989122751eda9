"""Signals: weak to views, deaf to the dead, on one thread."""

from __future__ import annotations

import gc
import threading

import pytest

from app.events import Signal


class View:
    """Counts what it hears."""

    def __init__(self) -> None:
        self.heard = 0

    def hear(self, value: int) -> None:
        self.heard += value


def test_a_method_is_called_until_its_object_dies() -> None:
    signal, view = Signal[int](), View()
    signal.connect(view.hear)
    signal.emit(2)
    assert view.heard == 2
    del view
    gc.collect()
    signal.emit(1)


def test_disconnecting_ends_it() -> None:
    signal, view = Signal[int](), View()
    signal.connect(view.hear)
    signal.disconnect(view.hear)
    signal.emit(1)
    assert view.heard == 0


def test_functions_and_built_in_methods_are_held() -> None:
    signal, heard = Signal[int](), list[int]()
    signal.connect(heard.append)
    signal.connect(lambda value: heard.append(10 * value))
    signal.emit(3)
    assert heard == [3, 30]


def test_a_slot_that_an_earlier_slot_removed_is_not_called() -> None:
    signal, view = Signal[int](), View()
    signal.connect(lambda _: signal.disconnect(view.hear))
    signal.connect(view.hear)
    signal.emit(1)
    assert view.heard == 0


def test_another_thread_is_refused() -> None:
    signal, errors = Signal[int](), list[str]()

    def elsewhere() -> None:
        try:
            signal.emit(1)
        except RuntimeError as error:
            errors.append(str(error))

    thread = threading.Thread(target=elsewhere)
    thread.start()
    thread.join()
    assert "thread" in errors[0]


def test_an_error_in_a_slot_reaches_whoever_emitted() -> None:
    signal = Signal[int]()
    signal.connect(lambda value: 1 // value)
    with pytest.raises(ZeroDivisionError):
        signal.emit(0)
