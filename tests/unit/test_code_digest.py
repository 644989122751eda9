"""Prepared features are kept as long as the code that makes them is the same, whoever changes it."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from app.engine import code_digest, registry
from app.engine.cache import EmbeddingCache
from app.engine.classic import features
from app.engine.code_digest import digest, fingerprint
from app.engine.protocol import Token
from app.geometry import Geometry
from app.volume import Volume
from tests.data import ROOT

FEATURES = features.__name__
MAKERS = ("features", "graph", "lattice", "slic", "supervoxels", "tone")


def test_a_change_of_what_makes_features_of_classic_makes_them_anew(tmp_path, monkeypatch, volume) -> None:
    cache = EmbeddingCache(tmp_path)
    before = registry.load("classic")
    cache.store(before, volume, before.prepare(volume, lambda done, what: None, Token()))
    cache.close()
    assert cache.load(registry.load("classic"), volume) is not None
    _change(monkeypatch, "app.engine.classic.slic", "_ITERATIONS = ", "_ITERATIONS = 1 + ")
    assert cache.load(registry.load("classic"), volume) is None


@pytest.mark.parametrize("module", MAKERS)
def test_every_module_that_makes_features_counts(monkeypatch, module: str) -> None:
    before = digest(FEATURES)
    _change(monkeypatch, f"app.engine.classic.{module}", "\n_", "\nANOTHER = 1\n_")
    assert digest(FEATURES) != before


def test_a_module_below_the_engine_counts_too(monkeypatch) -> None:
    """The median by which `classic` smooths is an editing tool's as well."""
    before = digest(FEATURES)
    _change(monkeypatch, "app.median", "\n_", "\nANOTHER = 1\n_")
    assert digest(FEATURES) != before


def test_what_only_answers_clicks_does_not_count(monkeypatch) -> None:
    before = digest(FEATURES)
    _change(monkeypatch, "app.engine.classic.solver", "_KEEP = 0.8", "_KEEP = 0.7")
    assert digest(FEATURES) == before


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ("def f(x):\n    return x + 1", "# why\n\ndef f(x):\n    return x + 1  # so", True),
        ("def f(x):\n    return x + 1", "def f(x):\n    return x + 2", False),
        ("def f(x):\n    return x + 1", "def f(x):\n    return x - 1", False),
        ("f = lambda x: x.min()", "f = lambda x: x.max()", False),
        ("class A:\n    def f(self):\n        return 1", "class A:\n    def f(self):\n        return 2", False),
    ],
)
def test_comments_do_not_count_and_meaning_does(first: str, second: str, same: bool) -> None:
    one, other = (fingerprint(compile(text, "made", "exec")) for text in (first, second))
    assert (one == other) is same


def test_it_is_the_same_in_every_process() -> None:
    code = "from app.engine.classic import features as f; from app.engine.code_digest import digest as d"
    code += "; print(d(f.__name__))"
    made = [
        subprocess.run(
            [sys.executable, "-c", code], cwd=ROOT, env={**os.environ, "PYTHONHASHSEED": seed}, text=True,
            capture_output=True, check=True,
        ).stdout.strip()
        for seed in ("1", "2")
    ]  # fmt: skip
    assert made == [digest(FEATURES)] * 2
    sets = compile("x = y in {'a', 'b', 'c', 'd'}", "made", "exec")
    assert fingerprint(sets) == fingerprint(compile("x = y in {'d', 'c', 'b', 'a'}", "made", "exec"))


def test_a_module_without_code_is_an_error() -> None:
    with pytest.raises(ImportError):
        digest("app.engine.no_such_module")


@pytest.fixture
def volume() -> Volume:
    array = np.random.default_rng(0).normal(size=(8, 16, 16)).astype(np.float32)
    return Volume(array, Geometry((8, 16, 16), np.eye(4)))


def _change(monkeypatch: pytest.MonkeyPatch, module: str, old: str, new: str) -> None:
    """As if somebody had edited the file of a module."""
    text = Path(importlib.import_module(module).__file__ or "").read_text()
    assert old in text
    edited = compile(text.replace(old, new, 1), module, "exec")
    code_of = code_digest._code
    monkeypatch.setattr(code_digest, "_code", lambda name: edited if name == module else code_of(name))
