"""`random_state`: numbers in the place of weights that are not here; how long a network takes they do not change."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


def random_state(like: torch.nn.Module) -> dict[str, torch.Tensor]:
    """For every parameter and buffer that a checkpoint of the module holds; the same each time.

    Small, so that nothing overflows, and never so small that a processor slows down (denormal numbers).

    Args:
        like: May be on the meta device.
    """
    import torch

    generator = torch.Generator().manual_seed(0)
    return {name: _tensor(name, value, generator) for name, value in like.state_dict().items()}


def _tensor(name: str, value: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    import torch

    if not value.is_floating_point():
        return torch.ones(value.shape, dtype=value.dtype)
    if name.endswith("running_var") or ("norm" in name and name.endswith("weight")):
        return torch.ones(value.shape)
    return torch.empty(value.shape).uniform_(-0.05, 0.05, generator=generator)
