"""Cards in folders; a bad one is skipped, an unknown one is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.engine import registry
from app.errors import MissingModel

CARD = 'name = "X"\nfamily = "{family}"\ndimensions = 3\nprompts = ["point"]\nweights = "{weights}"\n'


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("VOLUMASK_MODELS", str(tmp_path))
    return tmp_path


def put(folder: Path, model: str, text: str) -> None:
    (folder / model).mkdir()
    (folder / model / "card.toml").write_text(text)


def test_classic_is_always_there() -> None:
    assert registry.card("classic").family == "classic"
    assert registry.installed(registry.card("classic"))


def test_further_folders_are_searched_and_bad_cards_skipped(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    put(folder, "good", CARD.format(family="fake", weights=""))
    put(folder, "torn", "name = ")
    put(folder, "foreign", 'name = "Y"\nprompts = []\nsurprise = 1\n')
    ids = {card.id for card in registry.cards()}
    assert "good" in ids
    assert not {"torn", "foreign"} & ids
    assert "torn" in caplog.text


def test_the_built_in_network_is_the_default(folder: Path) -> None:
    assert registry.resolve(None).id == "builtin"
    assert registry.cards()[0].id == "builtin"


def test_without_its_weights_classic_is_the_default(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "installed", lambda card: not card.weights)
    assert registry.resolve("builtin").id == "classic"
    assert registry.resolve(None).id == "classic"


def test_missing_weights_say_what_to_do(folder: Path) -> None:
    put(folder, "heavy", CARD.format(family="fake", weights="heavy.safetensors"))
    with pytest.raises(MissingModel, match=r"weights of X .* Put heavy\.safetensors into a folder heavy"):
        registry.resolve("heavy")
    (folder / "heavy" / "heavy.safetensors").write_bytes(b"")
    assert registry.resolve("heavy").id == "heavy"


def test_an_unknown_model_names_the_known_ones() -> None:
    with pytest.raises(MissingModel, match=r"no model called 'sam9'.*classic"):
        registry.resolve("sam9")


def test_a_family_without_an_adapter_is_said(folder: Path) -> None:
    put(folder, "future", CARD.format(family="future", weights=""))
    with pytest.raises(MissingModel, match="cannot run X"):
        registry.load("future")
