"""Every model of the zoo is recognised by the names and shapes of its official file, through the real import."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.engine import registry
from app.engine.protocol import Token
from app.engine.weights import store
from app.engine.weights.recognition import Undecided
from tests.unit.official_files import MODELS, TWINS, hollow, shapes


@pytest.fixture(autouse=True)
def user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "user_folder", lambda: tmp_path / "user")


def take(path: Path, as_model: str = "") -> str:
    return store.import_file(path, lambda *_: None, Token(), as_model).id


@pytest.mark.parametrize("model", MODELS)
def test_the_official_file_has_as_many_tensors_as_the_card_says(model: str) -> None:
    assert len(shapes(model)) == registry.card(model).tensors


@pytest.mark.parametrize("model", MODELS)
def test_an_unnamed_file_is_asked_about_where_that_is_honest(model: str, tmp_path: Path) -> None:
    card, path = registry.card(model), hollow(model, tmp_path, "unnamed.pth")
    if model not in TWINS and not card.sha256 and not card.git_blob:
        assert take(path) == model
        return
    with pytest.raises(Undecided) as told:  # a twin, or not the file that was published
        take(path)
    assert set(told.value.candidates) == {model, TWINS.get(model, model)}
    assert take(path, model) == model
    assert registry.installed(card)
    assert store.verify(card, lambda *_: None, Token()).problem == ""


@pytest.mark.parametrize("model", ["medsam", "sam_med3d", "medsam2"])
def test_a_twin_without_a_published_sum_is_known_by_its_files_name(model: str, tmp_path: Path) -> None:
    assert take(hollow(model, tmp_path)) == model
