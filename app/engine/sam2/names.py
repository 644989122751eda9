"""Where each parameter of an official checkpoint of the SAM 2 family goes in the network of `transformers`.

The official names are those of facebookresearch/sam2 and facebookresearch/EdgeTAM; MedSAM2's are the first's. Most
parameters only change their name. Three do more: four point embeddings become one table, the frequencies of the
positions are wanted at two places, and EdgeTAM's joint key and value projections are two layers here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from app.errors import BadInput

if TYPE_CHECKING:
    import torch

REPVIT = "image_encoder.trunk.body."
FREQUENCIES = "sam_prompt_encoder.pe_layer.positional_encoding_gaussian_matrix"
FREQUENCY_PLACES = ("shared_image_embedding", "prompt_encoder.shared_embedding")
POINT_KINDS = tuple(f"sam_prompt_encoder.point_embeddings.{kind}.weight" for kind in range(4))
"""Exclude, include, first and second corner of a box: the rows of the table."""

_RULES = tuple(
    (re.compile(pattern), replacement)
    for pattern, replacement in (
        # modules
        (r"^image_encoder\.trunk\.", "vision_encoder.backbone."),
        (r"^image_encoder\.neck\.convs\.(\d)\.conv\.", r"vision_encoder.neck.convs.\1."),
        (r"^sam_(prompt_encoder|mask_decoder)\.", r"\1."),
        (r"^obj_ptr_tpos_proj\.", "temporal_positional_encoding_projection_layer."),
        (r"^obj_ptr_proj\.", "object_pointer_proj."),
        (r"^memory_encoder\.fuser\.", "memory_encoder.memory_fuser."),
        (r"^memory_encoder\.out_proj\.", "memory_encoder.projection."),
        (r"^memory_encoder\.pix_feat_proj\.", "memory_encoder.feature_projection."),
        # single parameters
        (r"^maskmem_tpos_enc$", "memory_temporal_positional_encoding"),
        (r"^no_mem_embed$", "no_memory_embedding"),
        (r"^no_mem_pos_enc$", "no_memory_positional_encoding"),
        (r"^no_obj_ptr$", "no_object_pointer"),
        (r"^no_obj_embed_spatial$", "occlusion_spatial_embedding_parameter"),
        (r"^spatial_perceiver\.latents$", "spatial_perceiver.latents_1d"),
        # EdgeTAM's perceiver: cross-attention, its MLP, self-attention, its MLP
        (r"(spatial_perceiver\.layers\.\d)\.attn\.norm_x\.", r"\1.layer_norm_input."),
        (r"(spatial_perceiver\.layers\.\d)\.attn\.norm_latents\.", r"\1.layer_norm_latents."),
        (r"(spatial_perceiver\.layers\.\d)\.self_attn\.norm\.", r"\1.layer_norm_self."),
        (r"(spatial_perceiver\.layers\.\d)\.attn\.", r"\1.cross_attention."),
        (r"(spatial_perceiver\.layers\.\d)\.self_attn\.", r"\1.self_attention."),
        (r"(spatial_perceiver\.layers\.\d)\.(self_)?ff\.0\.", r"\1.\2mlp.layer_norm."),
        (r"(spatial_perceiver\.layers\.\d)\.(self_)?ff\.1\.", r"\1.\2mlp.up_proj."),
        (r"(spatial_perceiver\.layers\.\d)\.(self_)?ff\.3\.", r"\1.\2mlp.down_proj."),
        (r"_attention\.to_(q|kv)\.", r"_attention.\1_proj."),
        (r"_attention\.to_out\.", "_attention.o_proj."),
        # layers of one kind wherever they are
        (r"(attn\w*)\.out_proj\.", r"\1.o_proj."),
        (r"\.norm_final_attn\.", ".layer_norm_final_attn."),
        (r"\.norm(\d?)\.", r".layer_norm\1."),
        (r"\.patch_embed\.proj\.", ".patch_embed.projection."),
        (r"(\.mlp)\.layers\.0\.", r"\1.proj_in."),
        (r"(\.mlp)\.layers\.1\.", r"\1.proj_out."),
        (r"(_mlps\.\d|_head|pointer_proj)\.layers\.0\.", r"\1.proj_in."),
        (r"(_mlps\.\d|_head|pointer_proj)\.layers\.2\.", r"\1.proj_out."),
        (r"(_mlps\.\d|_head|pointer_proj)\.layers\.1\.", r"\1.layers.0."),
        # places in a sequence
        (r"\.mask_downscaling\.0\.", ".mask_embed.conv1."),
        (r"\.mask_downscaling\.1\.", ".mask_embed.layer_norm1."),
        (r"\.mask_downscaling\.3\.", ".mask_embed.conv2."),
        (r"\.mask_downscaling\.4\.", ".mask_embed.layer_norm2."),
        (r"\.mask_downscaling\.6\.", ".mask_embed.conv3."),
        (r"\.output_upscaling\.0\.", ".upscale_conv1."),
        (r"\.output_upscaling\.1\.", ".upscale_layer_norm."),
        (r"\.output_upscaling\.3\.", ".upscale_conv2."),
        (r"\.mask_downsampler\.encoder\.12\.", ".mask_downsampler.final_conv."),
        *((rf"\.encoder\.{3 * n}\.", f".layers.{n}.conv.") for n in range(4)),
        *((rf"\.encoder\.{3 * n + 1}\.", f".layers.{n}.layer_norm.") for n in range(4)),
        # ConvNeXt blocks of the memory encoder
        (r"\.gamma$", ".scale"),
        (r"\.dwconv\.", ".depthwise_conv."),
        (r"\.pwconv([12])\.", r".pointwise_conv\1."),
    )
)
_EDGETAM_MLP = re.compile(r"^(memory_attention\.layers\.\d)\.linear([12])\.")


def renamed(name: str, perceiver: bool = False) -> str:
    """The name in `transformers` of a parameter that keeps its shape.

    Args:
        perceiver: Whether the checkpoint is EdgeTAM's, whose port calls two layers otherwise.
    """
    if name.startswith(REPVIT):
        return f"vision_encoder.backbone.timm_model.{name.removeprefix(REPVIT)}"
    for pattern, replacement in _RULES:
        name = pattern.sub(replacement, name)
    if perceiver:
        return _EDGETAM_MLP.sub(lambda match: f"{match[1]}.mlp.{('up', 'down')[int(match[2]) - 1]}_proj.", name)
    return name


def translated(state: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """A whole official checkpoint under the names of `transformers`.

    Raises:
        BadInput: when parameters that every checkpoint of the family has are missing.
    """
    import torch

    absent = [name for name in (*POINT_KINDS, FREQUENCIES) if name not in state]
    if absent:
        raise BadInput(f"The weights are not of a SAM 2 network: {absent[0]} is missing.", "Choose the official file.")
    perceiver = any(name.startswith("spatial_perceiver.") for name in state)
    made = {"prompt_encoder.point_embed.weight": torch.cat([state[name] for name in POINT_KINDS])}
    made |= {f"{place}.positional_embedding": state[FREQUENCIES] for place in FREQUENCY_PLACES}
    for official in state.keys() - {*POINT_KINDS, FREQUENCIES}:
        name = renamed(official, perceiver)
        if ".kv_proj." in name:
            key, value = state[official].chunk(2)
            made |= {name.replace("kv_proj", "k_proj"): key, name.replace("kv_proj", "v_proj"): value}
        else:
            made[name] = state[official]
    return made
