"""Weights of our networks that numpy runs, by name."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file

from app.errors import EngineFailure

Weights = dict[str, NDArray[np.float32]]


def loaded(path: Path) -> Weights:
    """From a safetensors file; the same ones as long as the file is the same.

    Raises:
        EngineFailure: when it is damaged.
    """
    try:
        return _loaded(path, path.stat().st_mtime_ns)
    except (OSError, ValueError, SafetensorError) as error:
        message = f"The built-in network could not be loaded ({error})."
        raise EngineFailure(message, "Install Volumask again.") from error


@lru_cache(maxsize=3)
def _loaded(path: Path, changed: int) -> Weights:
    return {name: value.astype(np.float32) for name, value in load_file(path).items()}
