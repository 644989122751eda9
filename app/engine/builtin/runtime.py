"""`Runtime`: the built-in network through OpenVINO, without torch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.engine.builtin.maps import CHANNELS
from app.errors import EngineFailure

Array = NDArray[np.float32]
Features = tuple[Array, ...]


class Runtime:
    """Encoder and decoder, compiled for this processor; the compiled form is kept in `cache`.

    Args:
        folder: With network.safetensors, encoder.xml and decoder.xml (`training/export.py` writes them).

    Raises:
        EngineFailure: when the files are damaged.
    """

    def __init__(self, folder: Path, cache: Path | None) -> None:
        import openvino

        core = openvino.Core()
        settings: dict[str, Any] = {"INFERENCE_PRECISION_HINT": "f32", "PERFORMANCE_HINT": "LATENCY"}
        if cache:
            settings["CACHE_DIR"] = str(cache)
        try:
            weights = openvino.Tensor(_data(folder / "network.safetensors"))
            graphs = ((folder / f"{name}.xml").read_bytes() for name in ("encoder", "decoder"))
            self._encoder, self._decoder = (
                core.compile_model(core.read_model(graph, weights), "CPU", settings) for graph in graphs
            )
        except (OSError, ValueError, RuntimeError) as error:
            message = f"The built-in network could not be loaded ({error})."
            raise EngineFailure(message, "Install Volumask again.") from error
        self.side = int(self._encoder.input(0).shape[2])

    def encode(self, image: Array) -> Features:
        """Features of an image (IMAGE_CHANNELS, side, side, side), finest first."""
        found = self._encoder([image[None]])
        return tuple(np.array(found[n]) for n in range(4))

    def decode(self, features: Features, drawn: Array) -> tuple[Array, float]:
        """Logits (side, side, side) for maps (CHANNELS, side, side, side), and the Dice that the network expects."""
        if drawn.shape[0] != CHANNELS:
            raise ValueError(f"{drawn.shape[0]} maps instead of {CHANNELS}")
        found = self._decoder([*features, drawn[None]])
        return np.array(found[0][0, 0]), float(1 / (1 + np.exp(-found[1][0, 0])))


def _data(path: Path) -> NDArray[np.uint8]:
    """The tensors of a safetensors file, without its header."""
    content = np.fromfile(path, np.uint8)
    return content[8 + int.from_bytes(content[:8].tobytes(), "little") :]
