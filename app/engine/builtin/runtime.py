"""`Runtime`: the built-in network through OpenVINO, without torch."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from app.engine.builtin.maps import CHANNELS
from app.errors import EngineFailure

if TYPE_CHECKING:
    import openvino

    from app.engine.backends.openvino_models import OpenVinoModels

Array = NDArray[np.float32]
Features = tuple[Array, ...]
WEIGHTS, ENCODER, DECODER = "network.safetensors", "encoder.xml", "decoder.xml"
_VERSION = 1  # of the key of compiled graphs


class Runtime:
    """Encoder and decoder, compiled for this processor.

    Args:
        folder: With `WEIGHTS`, `ENCODER` and `DECODER` (`training/export.py` writes them).
        side: Of the cube that the graphs were made for, in voxels.
        compiled: Where compiled graphs are kept; None is the user's cache folder.

    Raises:
        EngineFailure: when the files are damaged.
    """

    def __init__(self, folder: Path, side: int, compiled: Path | None = None) -> None:
        from app.engine.backends.openvino_models import OpenVinoModels  # takes a second, in the compute process only

        models, self.side = OpenVinoModels(compiled), side
        try:
            self._encode, self._decode = (
                models.compiled(partial(_graph, models, folder, name), _key(folder, name))
                for name in (ENCODER, DECODER)
            )
        except (OSError, ValueError, RuntimeError) as error:
            message = f"The built-in network could not be loaded ({error})."
            raise EngineFailure(message, "Install Volumask again.") from error

    def encode(self, image: Array) -> Features:
        """Features of an image (IMAGE_CHANNELS, side, side, side), finest first."""
        return self._encode(image[None])

    def decode(self, features: Features, drawn: Array, hinted: Array) -> tuple[Array, float]:
        """Logits (side, side, side) and the Dice that the network expects of them.

        Args:
            features: Of `encode`.
            drawn: Maps (CHANNELS, side, side, side).
            hinted: (hints.CHANNELS, side / 2, side / 2, side / 2).
        """
        if drawn.shape[0] != CHANNELS:
            raise ValueError(f"{drawn.shape[0]} maps instead of {CHANNELS}")
        logits, quality = self._decode(*features, drawn[None], hinted[None])
        return logits[0, 0], float(1 / (1 + np.exp(-quality[0, 0])))


def _graph(models: OpenVinoModels, folder: Path, name: str) -> openvino.Model:
    """A graph whose constants lie in the weights file, behind its header (8 bytes of length, then JSON)."""
    import openvino

    content = np.fromfile(folder / WEIGHTS, np.uint8)
    data = content[8 + int.from_bytes(content[:8].tobytes(), "little") :]
    return models.core.read_model((folder / name).read_bytes(), openvino.Tensor(data))


def _key(folder: Path, name: str) -> str:
    files = ((path, path.stat()) for path in (folder / WEIGHTS, folder / name))
    return f"builtin {_VERSION} " + " ".join(f"{path} {s.st_size} {s.st_mtime_ns}" for path, s in files)
