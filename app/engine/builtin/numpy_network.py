"""`NumpyNetwork`: weights of ours by name, small enough that numpy runs them and nothing is compiled."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file

from app.errors import EngineFailure

Array = NDArray[np.float32]
Weights = dict[str, Array]

_FILES = 8  # that are kept once read; the model that ships has five


@dataclass(frozen=True, slots=True, eq=False)
class NumpyNetwork:
    """Weights by name."""

    weights: Weights

    @classmethod
    def load(cls, path: Path) -> Self:
        """From a safetensors file, which is read once as long as it is the same.

        Raises:
            EngineFailure: when it is damaged.
        """
        try:
            return cls(_read(path, path.stat().st_mtime_ns))
        except (OSError, ValueError, SafetensorError) as error:
            message = f"The built-in network could not be loaded ({error})."
            raise EngineFailure(message, "Install Volumask again.") from error


@lru_cache(maxsize=_FILES)
def _read(path: Path, changed: int) -> Weights:
    return {name: value.astype(np.float32) for name, value in load_file(path).items()}
