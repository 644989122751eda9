"""Checkpoints of the SAM family with the names and shapes of the official files, and random weights.

The names come from elsewhere than from the networks that are tested: for SAM from the package `segment-anything`, for
the others they are written out here, after the files (shared/reference/models.md, sections 3 and 4.5).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch
from torch import Tensor

from app.engine.backends import declare_vision_operators

WIDTHS, DEPTHS = (64, 128, 160, 320), (2, 2, 6, 2)
WINDOWS = (0, 7, 14, 7)
Shapes = dict[str, tuple[int, ...]]


def sam_shapes(model: str) -> Shapes:
    """Of "vit_b", "vit_l" or "vit_h"."""
    declare_vision_operators()
    from segment_anything import sam_model_registry

    with torch.device("meta"):
        state = sam_model_registry[model]().state_dict()
    return {name: tuple(tensor.shape) for name, tensor in state.items()}


def med2d_shapes() -> Shapes:
    """SAM ViT-B at 256 pixels with an adapter in every block."""
    declare_vision_operators()
    from segment_anything.modeling import ImageEncoderViT

    with torch.device("meta"):
        norm = partial(torch.nn.LayerNorm, eps=1e-6)
        encoder = ImageEncoderViT(
            256, use_rel_pos=True, window_size=14, global_attn_indexes=(2, 5, 8, 11), norm_layer=norm
        )
    shapes = {f"image_encoder.{name}": tuple(tensor.shape) for name, tensor in encoder.state_dict().items()}
    adapter = {
        "channel.0.weight": (192, 768),
        "channel.2.weight": (768, 192),
        "spatial.0.weight": (768, 768, 3, 3),
        "spatial.2.weight": (768, 768, 4, 4),
        "norm.weight": (768,),
        "norm.bias": (768,),
    }
    for block in range(12):
        shapes |= {f"image_encoder.blocks.{block}.Adapter.{name}": shape for name, shape in adapter.items()}
    return shapes | _prompt_and_mask_shapes()


def tiny_shapes(kernel: int, classifier: bool) -> Shapes:
    """MobileSAM (kernel 3, with ImageNet's head) or LiteMedSAM (kernel 1, without)."""
    shapes = _conv("patch_embed.seq.0", 3, 32, kernel) | _conv("patch_embed.seq.2", 32, 64, kernel)
    for layer, (width, depth, window) in enumerate(zip(WIDTHS, DEPTHS, WINDOWS, strict=True)):
        for block in range(depth):
            prefix = f"layers.{layer}.blocks.{block}"
            shapes |= _window_block(prefix, width, window) if window else _bottleneck(prefix, width)
        if layer < 3:
            shapes |= _merging(f"layers.{layer}.downsample", width, WIDTHS[layer + 1])
    if classifier:
        shapes |= _norm("norm_head", 320) | {"head.weight": (1000, 320), "head.bias": (1000,)}
    shapes |= {"neck.0.weight": (256, 320, 1, 1), "neck.2.weight": (256, 256, 3, 3)}
    shapes |= _norm("neck.1", 256) | _norm("neck.3", 256)
    return {f"image_encoder.{name}": shape for name, shape in shapes.items()} | _prompt_and_mask_shapes()


def random_state(shapes: Shapes, seed: int = 0) -> dict[str, Tensor]:
    """Small numbers that keep activations finite; variances are positive, counters whole."""
    generator = torch.Generator().manual_seed(seed)
    return {name: _tensor(name, shape, generator) for name, shape in shapes.items()}


def write(
    folder: Path, model: str, weights: str, state: dict[str, Tensor], wrap: Callable[[dict[str, Tensor]], object]
) -> None:
    """Into folder/<model>/<weights>, wrapped as the official file is."""
    (folder / model).mkdir(parents=True, exist_ok=True)
    torch.save(wrap(state), folder / model / weights)


def _tensor(name: str, shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
    if name.endswith("num_batches_tracked"):
        return torch.tensor(1000)
    values = torch.randn(shape, generator=generator)
    if "gaussian_matrix" in name:
        return values
    if name.endswith("running_var"):
        return 1 + values.abs()
    if len(shape) == 1:
        is_scale = name.endswith("weight")
        return values * 0.1 + (1.0 if is_scale else 0.0)
    fan = max(1, values[0].numel()) if len(shape) > 1 else 1
    return values / fan**0.5


def _prompt_and_mask_shapes() -> Shapes:
    whole = sam_shapes("vit_b")
    return {name: shape for name, shape in whole.items() if not name.startswith("image_encoder.")}


def _norm(prefix: str, width: int) -> Shapes:
    return {f"{prefix}.weight": (width,), f"{prefix}.bias": (width,)}


def _conv(prefix: str, inputs: int, outputs: int, kernel: int = 1) -> Shapes:
    statistics = {f"{prefix}.bn.running_mean": (outputs,), f"{prefix}.bn.running_var": (outputs,)}
    counter: Shapes = {f"{prefix}.bn.num_batches_tracked": ()}
    weight = {f"{prefix}.c.weight": (outputs, inputs, kernel, kernel)}
    return weight | _norm(f"{prefix}.bn", outputs) | statistics | counter


def _bottleneck(prefix: str, width: int) -> Shapes:
    wide = 4 * width
    return (
        _conv(f"{prefix}.conv1", width, wide)
        | _conv(f"{prefix}.conv2", 1, wide, 3)
        | _conv(f"{prefix}.conv3", wide, width)
    )


def _merging(prefix: str, inputs: int, outputs: int) -> Shapes:
    return (
        _conv(f"{prefix}.conv1", inputs, outputs)
        | _conv(f"{prefix}.conv2", 1, outputs, 3)
        | _conv(f"{prefix}.conv3", outputs, outputs)
    )


def _window_block(prefix: str, width: int, window: int) -> Shapes:
    linear = {"attn.qkv": (3 * width, width), "attn.proj": (width, width)}
    linear |= {"mlp.fc1": (4 * width, width), "mlp.fc2": (width, 4 * width)}
    shapes: Shapes = {f"{prefix}.attn.attention_biases": (width // 32, window * window)}
    for name, shape in linear.items():
        shapes |= {f"{prefix}.{name}.weight": shape, f"{prefix}.{name}.bias": shape[:1]}
    norms = _norm(f"{prefix}.attn.norm", width) | _norm(f"{prefix}.mlp.norm", width)
    return shapes | norms | _conv(f"{prefix}.local_conv", 1, width, 3)
