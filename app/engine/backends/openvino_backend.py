"""OpenVINO as a backend for torch modules: the fast way on a CPU."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import openvino
import torch
from numpy.typing import NDArray

from app.engine.backends.backend import Compiled
from app.engine.backends.openvino_models import OpenVinoModels


class OpenVinoBackend:
    """Converts a traced module and compiles it for this processor.

    Args:
        folder, threads: See `OpenVinoModels`.
    """

    name = "openvino"

    def __init__(self, folder: Path | None = None, threads: int | None = None) -> None:
        self._models = OpenVinoModels(folder, threads)

    def compile(
        self,
        module: torch.nn.Module | Callable[[], torch.nn.Module],
        examples: Sequence[NDArray[Any]],
        *,
        varying: Mapping[int, Sequence[int]] | None = None,
        key: str = "",
    ) -> Compiled:
        """See `Backend`."""
        shapes = _shapes(examples, varying or {})
        return self._models.compiled(lambda: _converted(module, examples, shapes), f"{key} {shapes}" if key else "")


def _shapes(examples: Sequence[NDArray[Any]], varying: Mapping[int, Sequence[int]]) -> list[list[int]]:
    """Lengths of every argument's dimensions, -1 where they vary."""
    return [
        [-1 if dimension in varying.get(position, ()) else length for dimension, length in enumerate(array.shape)]
        for position, array in enumerate(examples)
    ]


def _converted(
    module: torch.nn.Module | Callable[[], torch.nn.Module],
    examples: Sequence[NDArray[Any]],
    shapes: Sequence[Sequence[int]],
) -> openvino.Model:
    built = (module if isinstance(module, torch.nn.Module) else module()).eval()
    tensors = tuple(torch.from_numpy(np.ascontiguousarray(array)) for array in examples)
    with warnings.catch_warnings(), torch.inference_mode():
        warnings.simplefilter("ignore")  # the tracer warns of every shape that becomes a constant
        traced = torch.jit.trace(built, tensors, strict=False, check_trace=False)  # OpenVINO's own way runs it thrice
        return openvino.convert_model(traced, input=[openvino.PartialShape(list(shape)) for shape in shapes])
