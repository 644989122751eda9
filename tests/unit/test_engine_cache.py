"""Features on disk: found again, bounded, and never trusted when torn."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app.engine.cache import EmbeddingCache
from app.engine.fake import FakePredictor
from app.engine.model_card import ModelCard
from app.geometry import Geometry
from app.volume import Volume

CARD = ModelCard("packs", "Packs", "fake", 3, frozenset({"point"}))


class Packing(FakePredictor):
    """Features are one array of a kilobyte."""

    version = "1"

    def pack(self, prepared: Any) -> dict[str, np.ndarray]:
        return {"features": prepared}

    def unpack(self, volume: Volume, arrays: dict[str, np.ndarray]) -> np.ndarray:
        return arrays["features"]


def volume(value: int = 0) -> Volume:
    return Volume(np.full((2, 3, 4), value, np.int16), Geometry((2, 3, 4), np.eye(4)))


def _store(cache: EmbeddingCache, predictor: Any, volume: Volume, features: Any) -> None:
    cache.store(predictor, volume, features)
    cache.close()


FEATURES = np.arange(512, dtype=np.float16)


@pytest.fixture
def cache(tmp_path: Path) -> EmbeddingCache:
    return EmbeddingCache(tmp_path / "embeddings", limit=3000)


def test_what_was_stored_is_found_again(cache: EmbeddingCache) -> None:
    _store(cache, Packing(CARD), volume(), FEATURES)
    found = cache.load(Packing(CARD), volume())
    assert found is not None
    assert (found == FEATURES).all()
    assert isinstance(found, np.memmap)


def test_another_volume_model_version_or_recipe_is_another_entry(cache: EmbeddingCache) -> None:
    _store(cache, Packing(CARD), volume(), FEATURES)
    newer = Packing(CARD)
    newer.version = "2"
    other = Packing(ModelCard("packs", "Packs", "fake", 3, frozenset(), recipe={"size": 512}))
    assert cache.load(Packing(CARD), volume(1)) is None
    assert cache.load(newer, volume()) is None
    assert cache.load(other, volume()) is None


@pytest.mark.parametrize("damage", ["cut", "flip", "no manifest", "bad manifest", "list"])
def test_a_torn_entry_is_not_trusted(cache: EmbeddingCache, tmp_path: Path, damage: str) -> None:
    _store(cache, Packing(CARD), volume(), FEATURES)
    (entry,) = (tmp_path / "embeddings").iterdir()
    array, manifest = entry / "features.npy", entry / "manifest.json"
    content = bytearray(array.read_bytes())
    match damage:
        case "cut":
            array.write_bytes(content[:-100])
        case "flip":
            content[-5] ^= 1
            array.write_bytes(content)
        case "no manifest":
            manifest.unlink()
        case "list":
            manifest.write_text("[]")
        case _:
            manifest.write_text("{")
    assert cache.load(Packing(CARD), volume()) is None
    _store(cache, Packing(CARD), volume(), FEATURES)
    assert cache.load(Packing(CARD), volume()) is not None


def test_the_entries_used_longest_ago_go_first(cache: EmbeddingCache, tmp_path: Path) -> None:
    for value in (1, 2):
        _store(cache, Packing(CARD), volume(value), FEATURES)
        (newest,) = [e for e in (tmp_path / "embeddings").iterdir() if not (e / "dated").exists()]
        (newest / "dated").touch()
        os.utime(newest / "manifest.json", (value, value))
    _store(cache, Packing(CARD), volume(3), FEATURES)
    assert cache.load(Packing(CARD), volume(1)) is None
    assert cache.load(Packing(CARD), volume(2)) is not None
    assert cache.load(Packing(CARD), volume(3)) is not None


def test_a_folder_that_cannot_be_written_harms_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    cache = EmbeddingCache(tmp_path / "file")
    _store(cache, Packing(CARD), volume(), FEATURES)
    assert cache.load(Packing(CARD), volume()) is None


def test_a_model_that_fails_to_pack_or_unpack_harms_nothing(cache: EmbeddingCache) -> None:
    class Broken(Packing):
        def pack(self, prepared: Any) -> dict[str, np.ndarray]:
            raise MemoryError

    _store(cache, Broken(CARD), volume(), FEATURES)
    assert cache.load(Packing(CARD), volume()) is None
    Broken.pack, Broken.unpack = Packing.pack, lambda *_: [][0]  # type: ignore[method-assign]
    _store(cache, Broken(CARD), volume(), FEATURES)
    assert cache.load(Broken(CARD), volume()) is None


def test_what_another_process_is_writing_is_left_alone(cache: EmbeddingCache, tmp_path: Path) -> None:
    (tmp_path / "embeddings" / ".young").mkdir(parents=True)
    (tmp_path / "embeddings" / ".old").mkdir()
    os.utime(tmp_path / "embeddings" / ".old", (1, 1))
    _store(cache, Packing(CARD), volume(), FEATURES)
    names = {entry.name for entry in (tmp_path / "embeddings").iterdir()}
    assert ".young" in names
    assert ".old" not in names


def test_a_model_that_cannot_pack_is_not_kept(cache: EmbeddingCache, tmp_path: Path) -> None:
    _store(cache, FakePredictor(CARD), volume(), volume())
    assert cache.load(FakePredictor(CARD), volume()) is None
    assert not (tmp_path / "embeddings").exists()
