"""Names and shapes of the official checkpoints of the SAM 2 family, from their documentation and not from our rules.

Sources: the key tables of facebookresearch/sam2 (sam2.1_hiera_*), bowang-lab/MedSAM2 and facebookresearch/EdgeTAM.
"""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch

from app.engine import registry
from app.engine.sam2.variants import VARIANTS, Variant

Shape = tuple[int, ...]
Named = Iterator[tuple[str, Shape]]


@dataclass(frozen=True)
class Hiera:
    width: int = 96
    blocks: tuple[int, ...] = (1, 2, 7, 2)
    grid: int = 7


def linear(name: str, inputs: int, outputs: int, bias: bool = True) -> Named:
    yield f"{name}.weight", (outputs, inputs)
    if bias:
        yield f"{name}.bias", (outputs,)


def norm(name: str, width: int) -> Named:
    yield f"{name}.weight", (width,)
    yield f"{name}.bias", (width,)


def conv(name: str, inputs: int, outputs: int, side: int) -> Named:
    yield f"{name}.weight", (outputs, inputs, side, side)
    yield f"{name}.bias", (outputs,)


def mlp(name: str, *widths: int) -> Named:
    for layer, (inputs, outputs) in enumerate(itertools.pairwise(widths)):
        yield from linear(f"{name}.layers.{layer}", inputs, outputs)


def attention(name: str, inner: int, keys: int = 256) -> Named:
    yield from linear(f"{name}.q_proj", 256, inner)
    yield from linear(f"{name}.k_proj", keys, inner)
    yield from linear(f"{name}.v_proj", keys, inner)
    yield from linear(f"{name}.out_proj", inner, 256)


def hiera(trunk: Hiera) -> Named:
    at, width = "image_encoder.trunk", trunk.width
    yield f"{at}.pos_embed", (1, width, trunk.grid, trunk.grid)
    yield f"{at}.pos_embed_window", (1, width, 8, 8)
    yield from conv(f"{at}.patch_embed.proj", 3, width, 7)
    number = 0
    for stage, count in enumerate(trunk.blocks):
        for position in range(count):
            inputs, outputs = width, trunk.width * 2**stage
            block = f"{at}.blocks.{number}"
            yield from norm(f"{block}.norm1", inputs)
            yield from linear(f"{block}.attn.qkv", inputs, 3 * outputs)
            yield from linear(f"{block}.attn.proj", outputs, outputs)
            yield from norm(f"{block}.norm2", outputs)
            yield from mlp(f"{block}.mlp", outputs, 4 * outputs, outputs)
            if stage and not position:
                yield from linear(f"{block}.proj", inputs, outputs)
            width, number = outputs, number + 1
    yield from neck([trunk.width * 8, trunk.width * 4, trunk.width * 2, trunk.width])


def neck(widths: list[int]) -> Named:
    for level, width in enumerate(widths):
        yield from conv(f"image_encoder.neck.convs.{level}.conv", width, 256, 1)


def conv_bn(name: str, inputs: int, outputs: int, side: int) -> Named:
    yield f"{name}.c.weight", (outputs, inputs, side, side)
    yield from norm(f"{name}.bn", outputs)
    yield f"{name}.bn.running_mean", (outputs,)
    yield f"{name}.bn.running_var", (outputs,)
    yield f"{name}.bn.num_batches_tracked", ()


def repvit_block(name: str, width: int, squeezed: int = 0) -> Named:
    yield from conv_bn(f"{name}.token_mixer.conv", 1, width, 3)
    yield from conv_bn(f"{name}.token_mixer.conv1", 1, width, 1)
    if squeezed:
        yield from conv(f"{name}.se.fc1", width, squeezed, 1)
        yield from conv(f"{name}.se.fc2", squeezed, width, 1)
    yield from conv_bn(f"{name}.channel_mixer.conv1", width, 2 * width, 1)
    yield from conv_bn(f"{name}.channel_mixer.conv2", 2 * width, width, 1)


def repvit() -> Named:
    at, widths, squeezed = "image_encoder.trunk.body", (48, 96, 192, 384), (16, 24, 48, 96)
    yield from conv_bn(f"{at}.stem.conv1", 3, 24, 3)
    yield from conv_bn(f"{at}.stem.conv2", 24, 48, 3)
    for stage, (width, count) in enumerate(zip(widths, (2, 2, 14, 2), strict=True)):
        if stage:
            down, before = f"{at}.stages_{stage}.downsample", widths[stage - 1]
            yield from repvit_block(f"{down}.pre_block", before)
            yield from conv_bn(f"{down}.spatial_downsample", 1, before, 3)
            yield from conv_bn(f"{down}.channel_downsample", before, width, 1)
            yield from conv_bn(f"{down}.ffn.conv1", width, 2 * width, 1)
            yield from conv_bn(f"{down}.ffn.conv2", 2 * width, width, 1)
        for number in range(count):
            yield from repvit_block(
                f"{at}.stages_{stage}.blocks.{number}", width, squeezed[stage] if number % 2 == 0 else 0
            )
    yield from neck([384, 192, 96, 48])


def prompt_encoder() -> Named:
    at = "sam_prompt_encoder"
    yield f"{at}.pe_layer.positional_encoding_gaussian_matrix", (2, 128)
    for kind in range(4):
        yield f"{at}.point_embeddings.{kind}.weight", (1, 256)
    yield f"{at}.not_a_point_embed.weight", (1, 256)
    yield f"{at}.no_mask_embed.weight", (1, 256)
    yield from conv(f"{at}.mask_downscaling.0", 1, 4, 2)
    yield from norm(f"{at}.mask_downscaling.1", 4)
    yield from conv(f"{at}.mask_downscaling.3", 4, 16, 2)
    yield from norm(f"{at}.mask_downscaling.4", 16)
    yield from conv(f"{at}.mask_downscaling.6", 16, 256, 1)


def mask_decoder() -> Named:
    at = "sam_mask_decoder"
    for layer in range(2):
        here = f"{at}.transformer.layers.{layer}"
        yield from attention(f"{here}.self_attn", 256)
        yield from attention(f"{here}.cross_attn_token_to_image", 128)
        yield from attention(f"{here}.cross_attn_image_to_token", 128)
        yield from mlp(f"{here}.mlp", 256, 2048, 256)
        for number in range(1, 5):
            yield from norm(f"{here}.norm{number}", 256)
    yield from attention(f"{at}.transformer.final_attn_token_to_image", 128)
    yield from norm(f"{at}.transformer.norm_final_attn", 256)
    for token, rows in (("iou_token", 1), ("mask_tokens", 4), ("obj_score_token", 1)):
        yield f"{at}.{token}.weight", (rows, 256)
    yield f"{at}.output_upscaling.0.weight", (256, 64, 2, 2)
    yield f"{at}.output_upscaling.0.bias", (64,)
    yield from norm(f"{at}.output_upscaling.1", 64)
    yield f"{at}.output_upscaling.3.weight", (64, 32, 2, 2)
    yield f"{at}.output_upscaling.3.bias", (32,)
    yield from conv(f"{at}.conv_s0", 256, 32, 1)
    yield from conv(f"{at}.conv_s1", 256, 64, 1)
    for number in range(4):
        yield from mlp(f"{at}.output_hypernetworks_mlps.{number}", 256, 256, 256, 32)
    yield from mlp(f"{at}.iou_prediction_head", 256, 256, 256, 4)
    yield from mlp(f"{at}.pred_obj_score_head", 256, 256, 256, 1)


def memory(layers: int) -> Named:
    for layer in range(layers):
        here = f"memory_attention.layers.{layer}"
        yield from attention(f"{here}.self_attn", 256)
        yield from attention(f"{here}.cross_attn_image", 256, keys=64)
        yield from linear(f"{here}.linear1", 256, 2048)
        yield from linear(f"{here}.linear2", 2048, 256)
        for number in range(1, 4):
            yield from norm(f"{here}.norm{number}", 256)
    yield from norm("memory_attention.norm", 256)
    at, widths = "memory_encoder", (1, 4, 16, 64, 256)
    for layer in range(4):
        yield from conv(f"{at}.mask_downsampler.encoder.{3 * layer}", widths[layer], widths[layer + 1], 3)
        yield from norm(f"{at}.mask_downsampler.encoder.{3 * layer + 1}", widths[layer + 1])
    yield from conv(f"{at}.mask_downsampler.encoder.12", 256, 256, 1)
    yield from conv(f"{at}.pix_feat_proj", 256, 256, 1)
    for layer in range(2):
        here = f"{at}.fuser.layers.{layer}"
        yield f"{here}.gamma", (256,)
        yield from conv(f"{here}.dwconv", 1, 256, 7)
        yield from norm(f"{here}.norm", 256)
        yield from linear(f"{here}.pwconv1", 256, 1024)
        yield from linear(f"{here}.pwconv2", 1024, 256)
    yield from conv(f"{at}.out_proj", 256, 64, 1)


def top() -> Named:
    yield "maskmem_tpos_enc", (7, 1, 1, 64)
    yield "no_mem_embed", (1, 1, 256)
    yield "no_mem_pos_enc", (1, 1, 256)
    yield "no_obj_ptr", (1, 256)
    yield from conv("mask_downsample", 1, 1, 4)
    yield from mlp("obj_ptr_proj", 256, 256, 256, 256)


def perceiver() -> Named:
    at = "spatial_perceiver"
    yield f"{at}.latents", (256, 64)
    yield f"{at}.latents_2d", (256, 64)
    for layer in range(2):
        for kind, norms, feed in (("attn", ("norm_x", "norm_latents"), "ff"), ("self_attn", ("norm",), "self_ff")):
            here = f"{at}.layers.{layer}.{kind}"
            for name in norms:
                yield from norm(f"{here}.{name}", 64)
            yield from linear(f"{here}.to_q", 64, 64, bias=False)
            yield from linear(f"{here}.to_kv", 64, 128, bias=False)
            yield from linear(f"{here}.to_out", 64, 64, bias=False)
            yield from norm(f"{at}.layers.{layer}.{feed}.0", 64)
            yield from linear(f"{at}.layers.{layer}.{feed}.1", 64, 256, bias=False)
            yield from linear(f"{at}.layers.{layer}.{feed}.3", 256, 64, bias=False)
    yield from norm(f"{at}.norm", 64)


TRUNKS = {
    "tiny": Hiera(),
    "medsam2": Hiera(),
    "small": Hiera(blocks=(1, 2, 11, 2)),
    "base_plus": Hiera(width=112, blocks=(2, 3, 16, 3), grid=14),
}


def official_shapes(variant: str) -> dict[str, Shape]:
    """Name -> shape of every tensor in the official file of a variant."""
    common = [*prompt_encoder(), *mask_decoder(), *memory(2 if variant == "edgetam" else 4), *top()]
    if variant == "edgetam":
        return dict([*repvit(), *common, *perceiver()])
    late = [("no_obj_embed_spatial", (1, 64)), *linear("obj_ptr_tpos_proj", 256, 64)]
    return dict([*hiera(TRUNKS[variant]), *common, *late])


def official_state(variant: str, seed: int = 0) -> dict[str, torch.Tensor]:
    """Random weights under the official names, of sizes that keep activations in a sane range."""
    return dict(_official_state(variant, seed))


@cache
def _official_state(variant: str, seed: int) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return {name: _random(name, shape, generator) for name, shape in official_shapes(variant).items()}


def _random(name: str, shape: Shape, generator: torch.Generator) -> torch.Tensor:
    if name.endswith("num_batches_tracked"):
        return torch.tensor(1000)
    values = torch.randn(shape, generator=generator)
    if name.endswith("running_var") or (name.endswith("weight") and len(shape) == 1):
        return 1 + 0.1 * values.abs()
    fan_in = max(1, values[0].numel()) if len(shape) > 1 else 1
    return values * (fan_in**-0.5 if len(shape) > 1 and "embed" not in name and "token" not in name else 0.1)


MINI = Variant(widths=(16, 32, 64, 128), blocks=(1, 1, 2, 1), whole=(3,), image_size=128)
"""Small enough for quick tests; everything behind the trunk is as in SAM 2.1."""
TRUNKS["mini"] = Hiera(width=16, blocks=MINI.blocks)


def install(folder: Path, network: str, state: dict[str, torch.Tensor], **recipe: object) -> str:
    """Write a card and an official file of a network into a folder of `VOLUMASK_MODELS`; returns the model's id."""
    place = folder / f"test-{network}"
    place.mkdir(parents=True)
    torch.save({"model": state}, place / "weights.pt")
    lines = [f'{name} = "{value}"' if isinstance(value, str) else f"{name} = {value}" for name, value in recipe.items()]
    card = [
        f'name = "Test {network}"',
        'family = "sam2"',
        "dimensions = 2",
        'prompts = ["point", "box", "mask"]',
        'weights = "weights.pt"',
        "[recipe]",
        f'network = "{network}"',
        *lines,
    ]
    (place / "card.toml").write_text("\n".join(card) + "\n")
    return place.name


def installed(folder: Path, monkeypatch: pytest.MonkeyPatch, network: str = "mini", **changed: torch.Tensor) -> Any:
    """The predictor of a network with random weights, some of them changed, loaded as the engine does, run by torch."""
    monkeypatch.setenv("VOLUMASK_MODELS", str(folder))
    monkeypatch.setenv("VOLUMASK_BACKEND", "torch")
    monkeypatch.setitem(VARIANTS, "mini", MINI)
    state = official_state(network)
    for name, value in changed.items():
        state[name.replace("__", ".")] = value
    return registry.load(install(folder, network, state))
