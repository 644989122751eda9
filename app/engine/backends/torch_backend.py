"""Torch as a backend: the reference on a CPU (float32), the fast way on CUDA (autocast)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from app.engine.backends.backend import Arrays, Compiled
from app.engine.backends.threads import thread_count


class TorchBackend:
    """Runs modules as they are.

    Args:
        device: "cuda" or "cpu"; None takes CUDA where there is one.
        threads: On the processor; None is `thread_count`.
    """

    name = "torch"

    def __init__(self, device: str | None = None, threads: int | None = None) -> None:
        self._device = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
        if self._device.type == "cpu":
            torch.set_num_threads(threads or thread_count("torch"))

    def compile(
        self,
        module: torch.nn.Module | Callable[[], torch.nn.Module],
        examples: Sequence[NDArray[Any]],
        *,
        varying: Mapping[int, Sequence[int]] | None = None,
        key: str = "",
    ) -> Compiled:
        """See `Backend`; nothing is kept, every length may vary."""
        built = module if isinstance(module, torch.nn.Module) else module()
        ready = built.eval().to(self._device)

        def run(*arrays: NDArray[Any]) -> Arrays:
            with torch.inference_mode(), self._precision():
                inputs = [torch.from_numpy(np.ascontiguousarray(array)).to(self._device) for array in arrays]
                outputs = ready(*inputs)
            tensors = (outputs,) if isinstance(outputs, torch.Tensor) else tuple(outputs)
            return tuple(_array(tensor) for tensor in tensors)

        return run

    def _precision(self) -> AbstractContextManager[Any]:
        """Autocast on CUDA: bfloat16 where the device computes in it, else float16."""
        if self._device.type != "cuda":
            return nullcontext()
        kind = torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float16
        return torch.autocast("cuda", dtype=kind)


def _array(tensor: torch.Tensor) -> NDArray[Any]:
    wide = tensor.float() if tensor.is_floating_point() else tensor
    return wide.detach().cpu().numpy()
