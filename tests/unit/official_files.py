"""The official file of every model of the zoo: its names, shapes and wrapping, hollow or with random weights."""

from __future__ import annotations

import argparse
import collections
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from app.engine import registry
from app.engine.sam_volumetric.image_encoder import FASTSAM3D, SAM_MED3D, EncoderPlan
from tests.unit import sam2_official, sam_checkpoints

State = dict[str, Tensor]
Shapes = dict[str, tuple[int, ...]]

PLANS = {"sam_med3d": SAM_MED3D, "sam_med3d_turbo": SAM_MED3D, "fastsam3d": FASTSAM3D}
VARIANTS = {
    "sam2.1_tiny": "tiny",
    "sam2.1_small": "small",
    "sam2.1_base_plus": "base_plus",
    "medsam2": "medsam2",
    "edgetam": "edgetam",
}
SLICES: dict[str, Callable[[], Shapes]] = {
    "sam_vit_b": lambda: sam_checkpoints.sam_shapes("vit_b"),
    "medsam": lambda: sam_checkpoints.sam_shapes("vit_b"),
    "sam_vit_l": lambda: sam_checkpoints.sam_shapes("vit_l"),
    "sam_vit_h": lambda: sam_checkpoints.sam_shapes("vit_h"),
    "mobile_sam": lambda: sam_checkpoints.tiny_shapes(3, True),
    "lite_medsam": lambda: sam_checkpoints.tiny_shapes(1, False),
    "sam_med2d": sam_checkpoints.med2d_shapes,
}
MODELS = (*SLICES, *PLANS, *VARIANTS)
"""Every model with a file of its own; those of `weights_of` use one of these."""

TWINS = {"sam_vit_b": "medsam", "sam_med3d_turbo": "sam_med3d", "sam2.1_tiny": "medsam2"}
TWINS |= {twin: model for model, twin in TWINS.items()}
"""Files that cannot be told apart by their tensors."""


def shapes(model: str) -> Shapes:
    """Name -> shape of every tensor of a model's file."""
    if model in SLICES:
        return SLICES[model]()
    if model in VARIANTS:
        return dict(sam2_official.official_shapes(VARIANTS[model]))
    return volumetric_shapes(PLANS[model])


def hollow(model: str, folder: Path, name: str = "") -> Path:
    """The official file with one number for each tensor, under its official name or another."""
    state = {name: torch.zeros(()).expand(shape) for name, shape in shapes(model).items()}
    return _saved(model, state, folder / (name or registry.card(model).weights))


def filled(model: str, folder: Path) -> Path:
    """The official file with random weights of a size at which every part matters."""
    if model in SLICES:
        state = sam_checkpoints.random_state(shapes(model))
    elif model in VARIANTS:
        state = sam2_official.official_state(VARIANTS[model])
    else:
        state = random_numbers(shapes(model))
    return _saved(model, state, folder / registry.card(model).weights)


def wrapped(model: str, state: State) -> object:
    """As the authors saved it: plain, under a key, beside an optimiser and settings."""
    if model == "sam_med2d":
        optimiser = torch.optim.Adam([torch.zeros(1, requires_grad=True)])
        return {"model": state, "optimizer": optimiser, "epoch": 1}
    if model in PLANS:
        settings = argparse.Namespace(task_name="click", device=torch.device("cpu"))
        beside = {"epoch": 7, "optimizer_state_dict": {"state": {}, "param_groups": [{"lr": 8e-5}]}, "args": settings}
        return {"model_state_dict": collections.OrderedDict(state), **beside}
    return {"model": state} if model in VARIANTS else state


def _saved(model: str, state: State, path: Path) -> Path:
    torch.save(wrapped(model, state), path)
    return path


def volumetric_shapes(plan: EncoderPlan) -> Shapes:
    """Of SAM-Med3D and what is built like it."""
    from app.engine.sam_volumetric.network import ClickNetwork

    with torch.device("meta"):
        state = ClickNetwork(plan).state_dict()
    return {name: tuple(value.shape) for name, value in state.items()}


def random_numbers(shapes: Shapes) -> State:
    """Of a size at which every part of a network matters."""
    generator, state = torch.Generator().manual_seed(3), {}
    for name, shape in shapes.items():
        scale = 1.0 if "gaussian" in name else 0.3 if "rel_pos" in name or len(shape) == 1 else 0.04
        state[name] = torch.randn(shape, generator=generator) * scale
        if len(shape) == 1 and name.endswith("weight"):
            state[name] += 1
    return state
