"""`OpenVinoModels`: graphs compiled for this processor, kept between runs; needs no torch.

Float32, because that is what the weights were checked in.
"""

from __future__ import annotations

import hashlib
import logging
import platform
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import openvino

from app import user_folders
from app.atomic_file import replacing
from app.engine.backends.backend import Arrays, Compiled
from app.engine.backends.threads import thread_count
from app.errors import AppError

log = logging.getLogger(__name__)
LIMIT = 6 * 1024**3  # bytes of compiled models kept; those used longest ago go first


class OpenVinoModels:
    """Compiles graphs.

    Args:
        folder: Where compiled models are kept; None is the user's cache folder.
        threads: None is `thread_count()`.
    """

    def __init__(self, folder: Path | None = None, threads: int | None = None) -> None:
        self.core = openvino.Core()
        self._folder = folder or user_folders.cache_folder() / "compiled"
        self._settings: dict[str, Any] = {
            "INFERENCE_PRECISION_HINT": "f32",  # left alone it takes bf16 where the processor has it
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_NUM_THREADS": threads or thread_count(),
        }

    def compiled(self, graph: Callable[[], openvino.Model], key: str = "") -> Compiled:
        """A function of arrays that runs a graph.

        Args:
            graph: Makes it; called only when nothing compiled is kept.
            key: Names all that the compiled form depends on but this machine; without one it is not kept.
        """
        path = self._folder / f"{_name(key)}.blob" if key else None
        compiled = self._kept(path) if path else None
        if compiled is None:
            compiled = self.core.compile_model(graph(), "CPU", self._settings)
            if path:
                self._keep(path, compiled)
        return _runner(compiled)

    def _kept(self, path: Path) -> openvino.CompiledModel | None:
        try:
            with path.open("rb") as file:
                compiled = self.core.import_model(file.read(), "CPU", self._settings)
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


def _name(key: str) -> str:
    text = f"{key} {openvino.get_version()} {platform.machine()} {platform.processor()} f32"
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def _runner(compiled: openvino.CompiledModel) -> Compiled:
    request = compiled.create_infer_request()
    outputs = len(compiled.outputs)

    def run(*arrays: np.ndarray[Any, Any]) -> Arrays:
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
