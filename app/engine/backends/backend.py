"""`Backend`: turns a torch module into a function of numpy arrays, and which of the two does so on this machine."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from numpy.typing import NDArray

from app.engine.backends.tested import Findings, kept
from app.errors import BadInput

if TYPE_CHECKING:
    import torch

log = logging.getLogger(__name__)
Arrays = tuple[NDArray[Any], ...]

Compiled = Callable[..., Arrays]
"""Arrays in the order of the module's arguments -> its outputs as new arrays, floating ones as float32."""


class Backend(Protocol):
    """Compiles modules. Outputs of the backends agree within 1e-3 of the largest value (f32), 2e-2 with autocast."""

    name: str

    def compile(
        self,
        module: torch.nn.Module | Callable[[], torch.nn.Module],
        examples: Sequence[NDArray[Any]],
        *,
        varying: Mapping[int, Sequence[int]] | None = None,
        key: str = "",
    ) -> Compiled:
        """A function that runs the module, in evaluation mode, without gradients.

        Args:
            module: Takes tensors, returns a tensor or a tuple of tensors, and can be traced (no branch on a value).
                Or a function that builds it, called only when nothing compiled is kept.
            examples: One array per argument, of the type and shape that it will have.
            varying: Position of an argument -> its dimensions whose length may change from call to call.
            key: Names the weights, the code and the recipe. With it the compiled form is kept in the user's cache
                folder and the module is not needed the next time.
        """


def chosen() -> Backend:
    """What the self-test found fastest; before it torch where there is a CUDA device, else OpenVINO.

    Where the test found a CUDA device that is not here now (another driver, a card that was taken out), the fastest of
    the rest. `VOLUMASK_BACKEND` may name "torch" or "openvino".

    Raises:
        BadInput: when the variable holds another word.
    """
    wish = os.environ.get("VOLUMASK_BACKEND", "").strip().lower()
    if wish not in ("", "torch", "openvino"):
        raise BadInput(f"VOLUMASK_BACKEND is {wish!r}.", "Set it to torch or openvino, or leave it out.")
    tested = None if wish else kept()
    if tested and (best := _fastest_here(tested)) != "openvino":
        return _torch("cuda" if best == "cuda" else "cpu")
    if wish == "torch" or (not wish and not tested and has_cuda()):
        return _torch()
    from app.engine.backends.openvino_backend import OpenVinoBackend

    try:
        return OpenVinoBackend()
    except ImportError as error:
        log.warning("OpenVINO does not load, torch takes its place: %s", error)
        return _torch()


def _fastest_here(tested: Findings) -> str:
    best = next((run.backend for run in tested.runs if run.backend != "cuda" or has_cuda()), "openvino")
    if best != tested.best.backend:
        log.warning("there is no CUDA device any more, %s takes its place", best)
    return best


def _torch(device: str | None = None) -> Backend:
    from app.engine.backends.torch_backend import TorchBackend

    return TorchBackend(device)


def has_cuda() -> bool:
    """Whether torch can compute on a graphics card here."""
    import torch

    return torch.cuda.is_available()
