"""`Weights`: the parameters of one SAM 2 network as its file holds them, and the torch network built from them."""

from __future__ import annotations

import importlib
import os
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from app.engine.sam2.names import translated
from app.engine.sam2.variants import Variant, configuration
from app.engine.weights.checkpoint import read_state
from app.engine.weights.random_state import random_state
from app.errors import BadInput

if TYPE_CHECKING:
    import torch

Values = NDArray[np.float32]


class Weights:
    """A checkpoint of the family, official or written by us, under the names of `transformers`.

    `key` names the file for what is compiled from it.

    Raises:
        BadInput: the file holds no such network.
    """

    def __init__(self, path: Path, variant: Variant, image_size: int) -> None:
        self.path = path
        stat = path.stat()
        self.key = f"{path.resolve()} {stat.st_size} {stat.st_mtime_ns}"
        self._variant = variant
        self._image_size = image_size
        self._state = translated(read_state(path))

    def has(self, name: str) -> bool:
        """Whether this network has a parameter of the name."""
        return name in self._state

    def values(self, name: str) -> Values:
        """One parameter.

        Raises:
            BadInput: it is missing.
        """
        if name not in self._state:
            raise self._misfit(f"{name} is missing")
        return np.array(self._state[name].float().numpy())

    def release(self) -> None:
        """Let go of the torch network; it is built again if asked for."""
        self.__dict__.pop("network", None)

    @cached_property
    def network(self) -> Any:
        """The torch network with these weights, in evaluation mode.

        Raises:
            BadInput: parameters are missing, unknown or of another shape.
        """
        network = empty_network(self._variant, self._image_size)
        expected = {name: tuple(value.shape) for name, value in network.state_dict().items()}
        wrong = _differences(expected, self._state)
        if wrong:
            raise self._misfit(wrong)
        network.load_state_dict(self._state, strict=True)
        return network.eval()

    def _misfit(self, wrong: str) -> BadInput:
        return BadInput(f"{self.path.name} does not fit this model: {wrong}.", "Choose the file that belongs to it.")


class RandomWeights(Weights):
    """Numbers of the right shapes, to see how long a network takes; nothing compiled from them is kept."""

    def __init__(self, variant: Variant, image_size: int) -> None:
        self.path, self.key = Path("random"), ""
        self._variant, self._image_size = variant, image_size
        self._state = random_state(empty_network(variant, image_size))


def empty_network(variant: Variant, image_size: int) -> Any:
    """The torch network of a variant with random weights."""
    from app.engine.backends import declare_vision_operators

    os.environ["HF_HUB_OFFLINE"] = "1"  # read at import, as is the next: nothing in there may reach the network
    os.environ["TRANSFORMERS_VERBOSITY"] = "error"  # it warns of settings that are not used here
    declare_vision_operators()  # transformers and timm import torchvision where it is installed
    _without_needless_imports()
    if variant.perceiver:
        from transformers.models.edgetam_video.modeling_edgetam_video import EdgeTamVideoModel

        return _evaluating(EdgeTamVideoModel(configuration(variant, image_size)))
    from transformers.models.sam2_video.modeling_sam2_video import Sam2VideoModel

    return _evaluating(Sam2VideoModel(configuration(variant, image_size)))


def _without_needless_imports() -> None:
    """Keep transformers from importing what is never asked for here: 37 MB of memory, 17 MB that a bundle leaves out.

    Its losses import all of scipy.optimize, unless they are told that there is no scipy. Its docstrings name the
    model's processor, for which every processor and what turns words into numbers is imported.
    """
    utilities: Any = importlib.import_module("transformers.utils")
    utilities.is_scipy_available = lambda: False
    docstrings: Any = importlib.import_module("transformers.utils.auto_docstring")
    docstrings.get_placeholders_dict = lambda _placeholders, _model_name: {}


def _evaluating(network: Any) -> Any:
    return network.eval()


def _differences(expected: dict[str, tuple[int, ...]], state: dict[str, torch.Tensor]) -> str:
    """The first thing that does not fit, in words; empty when all does."""
    for name in sorted(expected.keys() - state.keys()):
        return f"{name} is missing"
    for name in sorted(state.keys() - expected.keys()):
        return f"{name} is unknown"
    for name, shape in expected.items():
        if tuple(state[name].shape) != shape:
            return f"{name} has shape {tuple(state[name].shape)} in place of {shape}"
    return ""
