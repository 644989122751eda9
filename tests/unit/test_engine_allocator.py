"""The C library's settings, each in a process of its own: they cannot be taken back."""

from __future__ import annotations

import platform
import subprocess
import sys
from pathlib import Path

import pytest

from app.engine import allocator, registry

GNU = platform.libc_ver()[0] == "glibc"
ROOT = Path(__file__).parents[2]

FAULTS = """
import resource, sys
import numpy as np
from app.engine.allocator import give_back_freed_memory, keep_freed_memory
if sys.argv[1] == "keep":
    keep_freed_memory()
def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    np.ones(3_000_000, np.uint8)  # below the size for which numpy asks for huge pages
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
def held():
    return int(open("/proc/self/statm").read().split()[1])
faults()
again = faults()
before = held()
give_back_freed_memory()
print(again, before - held())
"""


def pages(what: str) -> tuple[int, int]:
    """Pages faulted in for an array as large as one that was freed, and those that were given back then."""
    told = subprocess.run([sys.executable, "-c", FAULTS, what], capture_output=True, text=True, check=True, cwd=ROOT)
    again, back = told.stdout.split()
    return int(again), int(back)


@pytest.mark.skipif(not GNU, reason="only the GNU C library has these settings")
def test_memory_that_was_freed_is_kept_for_the_next_array_until_it_is_given_back() -> None:
    array = 3_000_000 // 4096
    again, back = pages("keep")
    assert again < array * 0.1
    assert back > array * 0.9


@pytest.mark.parametrize(("models", "kept"), [(["builtin", "classic"], True), (["builtin", "mobile_sam"], False)])
def test_it_is_kept_only_where_torch_does_not_compute(
    monkeypatch: pytest.MonkeyPatch, models: list[str], kept: bool
) -> None:
    calls: list[bool] = []
    monkeypatch.setattr(allocator, "keep_freed_memory", lambda: calls.append(True))
    allocator.suit(registry.card(model) for model in models)
    assert bool(calls) == kept


def test_where_the_library_has_no_such_settings_nothing_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    allocator.keep_freed_memory()
    allocator.give_back_freed_memory()
