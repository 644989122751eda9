"""`unwrapped`: the parameters inside a checkpoint, whatever its authors wrapped around them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

Leaf = TypeVar("Leaf")

WRAPPERS = ("model_state_dict", "model", "state_dict")
"""SAM-Med3D and FastSAM-3D; SAM 2, EdgeTAM and SAM-Med2D; nnU-Net style trainers."""
PREFIX = "module."
"""What torch's data-parallel training puts before every name."""


def unwrapped(value: Any, leaf: type[Leaf]) -> dict[str, Leaf]:
    """Name -> parameter: the entries of type `leaf` of the innermost wrapping, without the prefix of parallel training.

    Returns:
        Empty where there are none; optimiser states and settings beside the parameters are left out.
    """
    while isinstance(value, Mapping):
        inner = next((value[name] for name in WRAPPERS if isinstance(value.get(name), Mapping)), None)
        if inner is None:
            break
        value = inner
    if not isinstance(value, Mapping):
        return {}
    found = {name: entry for name, entry in value.items() if isinstance(name, str) and isinstance(entry, leaf)}
    if found and all(name.startswith(PREFIX) for name in found):
        return {name.removeprefix(PREFIX): entry for name, entry in found.items()}
    return found
