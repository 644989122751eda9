"""`Runtime`: the trial's networks through OpenVINO, without torch."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from app.engine.trial.maps import CHANNELS
from app.errors import EngineFailure

if TYPE_CHECKING:
    import openvino

    from app.engine.backends.backend import Compiled
    from app.engine.backends.openvino_models import OpenVinoModels

Array = NDArray[np.float32]
Features = tuple[Array, ...]
_VERSION = 1  # of the key of compiled graphs


@dataclass(frozen=True, slots=True)
class Files:
    """Names in a network's folder: the weights, and the graphs whose constants lie in them."""

    weights: str
    encoder: str
    decoder: str


FILES = Files("network.safetensors", "encoder.xml", "decoder.xml")


class Halves:
    """Encoder and decoder, compiled for this processor.

    Args:
        folder: With `files` (`training/export.py` writes them).
        side: Of the cube or window that the graphs were made for.
        compiled: Where compiled graphs are kept; None is the user's cache folder.

    Raises:
        EngineFailure: when the files are damaged.
    """

    files: ClassVar[Files]

    def __init__(self, folder: Path, side: int, compiled: Path | None = None) -> None:
        self.side = side
        self._encode, self._decode = load(folder, self.files, compiled)

    def encode(self, image: Array) -> Features:
        """Features of an image (IMAGE_CHANNELS, side, ...), finest first."""
        return self._encode(image[None])

    def answer(self, *arrays: Array) -> tuple[Array, float]:
        """Logits (side, ...) and the Dice that the network expects of them, from the decoder's arrays."""
        logits, quality = self._decode(*arrays)
        return logits[0, 0], float(1 / (1 + np.exp(-quality[0, 0])))


class Runtime(Halves):
    """The network for cubes."""

    files = FILES

    def decode(self, features: Features, drawn: Array, hinted: Array) -> tuple[Array, float]:
        """Logits (side, side, side) and the Dice that the network expects of them.

        Args:
            features: Of `encode`.
            drawn: Maps (CHANNELS, side, side, side).
            hinted: (hints.CHANNELS, side / 2, side / 2, side / 2).
        """
        if drawn.shape[0] != CHANNELS:
            raise ValueError(f"{drawn.shape[0]} maps instead of {CHANNELS}")
        return self.answer(*features, drawn[None], hinted[None])


def load(folder: Path, files: Files, compiled: Path | None) -> tuple[Compiled, Compiled]:
    """Encoder and decoder as functions of arrays.

    Args:
        compiled: Where compiled graphs are kept; None is the user's cache folder.

    Raises:
        EngineFailure: when the files are damaged.
    """
    from app.engine.backends.openvino_models import OpenVinoModels  # takes a second, in the compute process only

    models = OpenVinoModels(compiled)
    try:
        encode, decode = (
            models.compiled(partial(_graph, models, folder / files.weights, name), _key(folder / files.weights, name))
            for name in (files.encoder, files.decoder)
        )
    except (OSError, ValueError, RuntimeError) as error:
        message = f"The network of the trial could not be loaded ({error})."
        raise EngineFailure(message, "Install Volumask again.") from error
    return encode, decode


def _graph(models: OpenVinoModels, weights: Path, name: str) -> openvino.Model:
    """A graph whose constants lie in the weights file, behind its header (8 bytes of length, then JSON)."""
    import openvino

    content = np.fromfile(weights, np.uint8)
    data = content[8 + int.from_bytes(content[:8].tobytes(), "little") :]
    return models.core.read_model(weights.with_name(name).read_bytes(), openvino.Tensor(data))


def _key(weights: Path, name: str) -> str:
    files = ((path, path.stat()) for path in (weights, weights.with_name(name)))
    return f"trial {_VERSION} " + " ".join(f"{path} {s.st_size} {s.st_mtime_ns}" for path, s in files)
