"""OpenVINO as a backend: the fast way on a CPU. Float32, because that is what the weights were checked in."""

from __future__ import annotations

import hashlib
import logging
import platform
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import openvino
import platformdirs
import torch
from numpy.typing import NDArray

from app.atomic_file import replacing
from app.engine.backends.backend import Arrays, Compiled
from app.engine.backends.threads import thread_count
from app.errors import AppError

log = logging.getLogger(__name__)
LIMIT = 6 * 1024**3  # bytes of compiled models kept; those used longest ago go first


def compiled_folder() -> Path:
    """Where compiled models are kept between runs."""
    return Path(platformdirs.user_cache_dir("Volumask", appauthor=False)) / "compiled"


class OpenVinoBackend:
    """Converts a traced module and compiles it for this processor.

    Args:
        folder: Where compiled models are kept; None is the user's cache folder.
        threads: None is `thread_count()`.
    """

    name = "openvino"

    def __init__(self, folder: Path | None = None, threads: int | None = None) -> None:
        self._folder = folder or compiled_folder()
        self._core = openvino.Core()
        self._settings: dict[str, Any] = {
            "INFERENCE_PRECISION_HINT": "f32",  # left alone it takes bf16 where the processor has it
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_NUM_THREADS": threads or thread_count(),
        }

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
        path = self._folder / f"{self._name(key, shapes)}.blob" if key else None
        compiled = self._kept(path) if path else None
        if compiled is None:
            compiled = self._core.compile_model(_converted(module, examples, shapes), "CPU", self._settings)
            if path:
                self._keep(path, compiled)
        return _runner(compiled)

    def _kept(self, path: Path) -> openvino.CompiledModel | None:
        try:
            with path.open("rb") as file:
                compiled = self._core.import_model(file.read(), "CPU", self._settings)
            path.touch()
            return compiled
        except FileNotFoundError:
            return None
        except (RuntimeError, OSError) as error:  # of another version or processor, or damaged: made again
            log.warning("the compiled model %s is made again: %s", path.name, error)
            path.unlink(missing_ok=True)
            return None

    def _keep(self, path: Path, compiled: openvino.CompiledModel) -> None:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with replacing(path) as temporary:
                temporary.write_bytes(compiled.export_model().getbuffer())
            _trim(path.parent, path)
        except (AppError, OSError, RuntimeError) as error:  # a full disk: the next start compiles again
            log.warning("the compiled model %s is not kept: %s", path.name, error)

    def _name(self, key: str, shapes: Sequence[Sequence[int]]) -> str:
        text = f"{key} {shapes} {openvino.get_version()} {platform.machine()} {platform.processor()} f32"
        return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


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


def _runner(compiled: openvino.CompiledModel) -> Compiled:
    request = compiled.create_infer_request()
    outputs = len(compiled.outputs)

    def run(*arrays: NDArray[Any]) -> Arrays:
        request.infer([np.ascontiguousarray(array) for array in arrays], share_inputs=True)
        return tuple(np.array(request.get_output_tensor(position).data) for position in range(outputs))

    return run


def _trim(folder: Path, newest: Path) -> None:
    """Delete the compiled models used longest ago until the rest fits."""
    kept = sorted(folder.glob("*.blob"), key=lambda path: path.stat().st_mtime)
    total = sum(path.stat().st_size for path in kept)
    for path in kept:
        if total > LIMIT and path != newest:
            total -= path.stat().st_size
            path.unlink(missing_ok=True)
