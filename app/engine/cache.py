"""`EmbeddingCache`: features of volumes kept on disk, so that a reopened case needs no encoder.

An entry is a folder of .npy files and a manifest written last; without a manifest, or with a wrong checksum, it is
not there and is made again. Nothing that goes wrong here ever fails a click.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
import threading
import time
import uuid
import zlib
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from app.engine.protocol import GrowingFeatures, Predictor
from app.volume import Volume

log = logging.getLogger(__name__)
LIMIT = 4 * 1024**3  # bytes on disk; the entries used longest ago go first
ABANDONED = 3600.0  # seconds
Arrays = dict[str, NDArray[Any]]


@runtime_checkable
class Packs(Protocol):
    """A predictor whose features can be kept as arrays."""

    version: str
    """Changes whenever the features of the same volume would."""

    def pack(self, prepared: Any) -> Arrays:
        """The features as arrays; embeddings as float16."""

    def unpack(self, volume: Volume, arrays: Arrays) -> Any:
        """The inverse; arrays may be read-only and mapped to a file."""


class EmbeddingCache:
    """Entries in `folder`, at most `limit` bytes of them."""

    def __init__(self, folder: Path, limit: int = LIMIT) -> None:
        self._folder = folder
        self._limit = limit
        self._writer: threading.Thread | None = None

    def load(self, predictor: Predictor, volume: Volume) -> Any | None:
        """The features of a volume, None when they are not here whole."""
        if not isinstance(predictor, Packs):
            return None
        entry = self._entry(predictor, volume)
        try:
            arrays = _read(entry)
            os.utime(entry / "manifest.json")
            return predictor.unpack(volume, arrays)
        except FileNotFoundError:
            return None
        except Exception as error:  # a door: an entry of another form may fail in any way, and is then made again
            log.warning("cache entry %s is made again: %r", entry.name, error)
            shutil.rmtree(entry, ignore_errors=True)
            return None

    def store(self, predictor: Predictor, volume: Volume, prepared: Any) -> None:
        """Keep features. They are written in a thread, so that the first click does not wait for the disk.

        Features that grow write themselves, at most half of the limit; here is only made room for them.
        """
        if isinstance(prepared, GrowingFeatures):
            self._let_grow(self._entry(predictor, volume), prepared)
            return
        if not isinstance(predictor, Packs):
            return
        try:
            arrays = predictor.pack(prepared)
        except Exception as error:  # a door: keeping is a service, its failure must not fail the click
            log.warning("features are not kept: %r", error)
            return
        self.close()
        entry = self._entry(predictor, volume)
        self._writer = threading.Thread(target=self._store, args=(entry, arrays), name="cache", daemon=True)
        self._writer.start()

    def _let_grow(self, entry: Path, features: GrowingFeatures) -> None:
        share = self._limit // 2
        try:
            if self._folder.is_dir():
                self._trim(entry, share + _size(entry))
        except OSError as error:  # another program at work in the folder
            log.warning("the cache is not trimmed: %s", error)
        features.keep(entry, share)

    def close(self) -> None:
        """Wait until what was to be kept is on disk."""
        if self._writer:
            self._writer.join()
            self._writer = None

    def _store(self, entry: Path, arrays: Arrays) -> None:
        temporary = entry.with_name(f".{uuid.uuid4().hex}")
        try:
            if sum(array.nbytes for array in arrays.values()) > self._limit:
                return
            _write(temporary, arrays)
            shutil.rmtree(entry, ignore_errors=True)
            temporary.rename(entry)
            self._trim(entry, self._limit)
        except OSError as error:  # a full disk, a folder that may not be written
            log.warning("features are not kept: %s", error)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)

    def _entry(self, predictor: Any, volume: Volume) -> Path:
        recipe = json.dumps(predictor.card.recipe, sort_keys=True, default=str)
        text = f"{volume.digest} {predictor.card.id} {getattr(predictor, 'version', '')} {recipe}"
        return self._folder / hashlib.blake2b(text.encode(), digest_size=16).hexdigest()

    def _trim(self, newest: Path, limit: int) -> None:
        """Delete the entries used longest ago, and what a crash left half written, until the rest fits the limit."""
        entries = sorted((p for p in self._folder.iterdir() if p.is_dir()), key=_used)
        total = sum(map(_size, entries))
        for entry in entries:
            whole = (entry / "manifest.json").exists()
            if entry != newest and (total > limit if whole else _abandoned(entry)):
                total -= _size(entry)
                shutil.rmtree(entry, ignore_errors=True)


def _read(entry: Path) -> Arrays:
    manifest = json.loads((entry / "manifest.json").read_text())
    arrays: Arrays = {}
    for name, checksum in manifest.items():
        array = np.load(entry / f"{name}.npy", mmap_mode="r", allow_pickle=False)
        if _checksum(array) != checksum:
            raise ValueError(f"{name} has a wrong checksum")
        arrays[name] = array
    return arrays


def _write(entry: Path, arrays: Arrays) -> None:
    entry.mkdir(parents=True)
    for name, array in arrays.items():
        np.save(entry / f"{name}.npy", np.ascontiguousarray(array), allow_pickle=False)
    manifest = {name: _checksum(np.ascontiguousarray(array)) for name, array in arrays.items()}
    with (entry / "manifest.json").open("w") as file:
        json.dump(manifest, file)
        file.flush()
        os.fsync(file.fileno())


def _checksum(array: NDArray[Any]) -> int:
    return zlib.crc32(array.reshape(-1).view(np.uint8).data) if array.size else 0


def _used(entry: Path) -> float:
    manifest = entry / "manifest.json"
    return manifest.stat().st_mtime if manifest.exists() else 0.0


def _abandoned(entry: Path) -> bool:
    """Whether a half-written entry is so old that whoever wrote it has died."""
    return time.time() - entry.stat().st_mtime > ABANDONED


def _size(entry: Path) -> int:
    return sum(file.stat().st_size for file in entry.glob("*"))
