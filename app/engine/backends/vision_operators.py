"""Lets torchvision be imported beside a torch without CUDA, for the packages that want its resize helpers."""

from __future__ import annotations

import importlib.util
from functools import cache
from pathlib import Path
from typing import Any

_SCHEMAS = (
    "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
)


@cache
def declare_vision_operators() -> Any:
    """Declare the two operators at which torchvision's import stops when its native part does not load.

    Call it before the first import of `segment_anything` or `timm`. The common Linux wheel of torchvision is linked to
    CUDA: beside a CPU torch its library is not found and registering its operators' shapes fails. They are only
    declared, never called here. Where the native part loads this does nothing.
    """
    import torch

    found = importlib.util.find_spec("torchvision")
    if found is None or found.origin is None or _loads(Path(found.origin).parent):
        return None
    library = torch.library.Library("torchvision", "DEF")  # kept by the cache: it undeclares itself when it goes
    for schema in _SCHEMAS:
        library.define(schema)
    return library


def _loads(folder: Path) -> bool:
    """Whether the native operators can be loaded; they then are."""
    import torch

    for path in (*folder.glob("_C*.so"), *folder.glob("_C*.pyd")):
        try:
            torch.ops.load_library(str(path))
        except OSError:
            continue
        return True
    return False
