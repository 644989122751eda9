"""A small zoo: cards of tiny networks, an address for each, and a folder of the user that is the test's own."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path
from typing import Any

import pytest
import torch

from app.engine import registry
from app.engine.model_card import ModelCard
from app.engine.weights import transfer
from tests.unit.file_server import FileServer


def weights(width: int = 4, seed: int = 0, extra: int = 0) -> bytes:
    """A checkpoint of a network of that width, as torch.save writes it."""
    torch.manual_seed(seed)
    state = {"encoder.weight": torch.rand(width, 3), "encoder.bias": torch.rand(width)}
    state |= {f"blocks.{n}.weight": torch.rand(2) for n in range(extra)}
    file = io.BytesIO()
    torch.save({"model": state}, file)
    return file.getvalue()


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


class Zoo:
    """Cards in a folder of VOLUMASK_MODELS, weights in the user's folder."""

    def __init__(self, folder: Path, user: Path, server: FileServer) -> None:
        self.folder, self.user, self.server = folder, user, server

    def add(self, model: str, width: int = 4, **fields: Any) -> ModelCard:
        """A card for a network of that width."""
        values: dict[str, Any] = {
            "name": model.title(), "family": "fake", "dimensions": 3, "prompts": ["point", "box"], "licence": "MIT",
            "url": self.server.url, "weights": f"{model}.pth", "size": 2000, "tensors": 2,
        }  # fmt: skip
        rows = [f"{name} = {_toml(value)}" for name, value in (values | fields).items()]
        (self.folder / model).mkdir()
        text = "\n".join([*rows, "[signature]", f'"encoder.weight" = [{width}, 3]', ""])
        (self.folder / model / "card.toml").write_text(text)
        return registry.card(model)


def make_zoo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, server: FileServer) -> Zoo:
    """An empty one."""
    folder, user = tmp_path / "cards", tmp_path / "user"
    folder.mkdir(parents=True)
    monkeypatch.setenv("VOLUMASK_MODELS", str(folder))
    monkeypatch.setattr(registry, "user_folder", lambda: user)
    monkeypatch.setattr(transfer, "PAUSE_S", 0.01)
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    registry._found.cache_clear()
    return Zoo(folder, user, server)


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return repr(value) if not isinstance(value, str) else f'"{value}"'
