"""`SliceStore`: arrays of slices in half precision; those used last in memory, all that fit in files beside it."""

from __future__ import annotations

import logging
import os
import uuid
import zipfile
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

log = logging.getLogger(__name__)
Features = dict[str, NDArray[Any]]
Key = tuple[int, int]
"""Array axis across the slice, and its index."""

_LARGEST = float(np.finfo(np.float16).max)


class SliceStore:
    """At most `memory` bytes in memory, and at most the limit given with the folder in files.

    A file is an uncompressed .npz per slice: it is renamed into place when whole, and its checksum is looked at when it
    is read, so that a torn one counts as absent. The operating system keeps what is read often in its own cache.
    """

    def __init__(self, memory: int) -> None:
        self._memory = memory
        self._recent: OrderedDict[Key, Features] = OrderedDict()
        self._folder: Path | None = None
        self._limit = self._written = 0
        self._files: set[Key] = set()

    def keep_in(self, folder: Path, limit: int) -> None:
        """Keep slices in files there, at most `limit` bytes; what is there already is taken over."""
        try:
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "manifest.json").write_text("{}")  # tells the cache that the entry is whole, and when it was used
        except OSError as error:
            log.warning("features are kept in memory only: %s", error)
            return
        self._folder, self._limit = folder, limit
        found = list(folder.glob("*-*.npz"))
        self._files = {_key(path) for path in found}
        self._written = sum(path.stat().st_size for path in found)
        for key, features in self._recent.items():
            self._write(key, features)

    @property
    def keys(self) -> set[Key]:
        """Slices that are here."""
        return self._files | self._recent.keys()

    @property
    def full(self) -> bool:
        """Whether one more slice would push another one out for good."""
        size = max((_size(features) for features in self._recent.values()), default=0)
        if self._folder is not None:
            return self._written + size > self._limit
        return sum(map(_size, self._recent.values())) + size > self._memory

    def get(self, key: Key) -> Features | None:
        """The arrays of a slice, as they were put save for half precision; None when they are not here."""
        features = self._recent.get(key)
        if features is None and key in self._files:
            features = self._read(key)
        if features is None:
            return None
        self._remember(key, features)
        return _widened(features)

    def put(self, key: Key, features: Features) -> Features:
        """Keep the arrays of a slice; returns them as `get` will."""
        narrow = {name: _narrowed(array) for name, array in features.items()}
        self._remember(key, narrow)
        self._write(key, narrow)
        return _widened(narrow)

    def _remember(self, key: Key, features: Features) -> None:
        self._recent[key] = features
        self._recent.move_to_end(key)
        while len(self._recent) > 1 and sum(map(_size, self._recent.values())) > self._memory:
            self._recent.popitem(last=False)

    def _write(self, key: Key, features: Features) -> None:
        if self._folder is None or key in self._files or self._written + _size(features) > self._limit:
            return
        temporary = self._folder / f".{uuid.uuid4().hex}.npz"
        path = self._path(self._folder, key)
        try:
            np.savez(temporary, **features)  # type: ignore[arg-type]  # the stubs take the names for its own arguments
            temporary.replace(path)
            self._written += path.stat().st_size
            self._files.add(key)
        except OSError as error:  # a full disk, or the folder was cleared: go on in memory
            log.warning("features are kept in memory only: %s", error)
            self._folder = None
        finally:
            temporary.unlink(missing_ok=True)

    def _read(self, key: Key) -> Features | None:
        if self._folder is None:
            return None
        path = self._path(self._folder, key)
        try:
            with np.load(path, allow_pickle=False) as file:
                features = {name: file[name] for name in file.files}
            os.utime(self._folder / "manifest.json")
            return features
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
            log.warning("the features in %s are made again: %r", path.name, error)
            self._files.discard(key)
            path.unlink(missing_ok=True)
            return None

    @staticmethod
    def _path(folder: Path, key: Key) -> Path:
        return folder / f"{key[0]}-{key[1]:05d}.npz"


def _key(path: Path) -> Key:
    axis, index = path.stem.split("-")
    return int(axis), int(index)


def _size(features: Features) -> int:
    return sum(array.nbytes for array in features.values())


def _narrowed(array: NDArray[Any]) -> NDArray[Any]:
    if array.dtype.kind != "f":
        return np.ascontiguousarray(array)
    return np.ascontiguousarray(np.clip(array, -_LARGEST, _LARGEST).astype(np.float16))


def _widened(features: Features) -> Features:
    return {n: array.astype(np.float32) if array.dtype == np.float16 else array for n, array in features.items()}
