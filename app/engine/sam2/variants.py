"""`Variant`: what tells the networks of the SAM 2 family apart, and their configuration in `transformers`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from app.errors import MissingModel


@dataclass(frozen=True, slots=True)
class Variant:
    """One architecture; sizes from the official configuration files (sam2/configs/sam2.1, sam2/configs/edgetam.yaml).

    Args:
        widths: Channels of the trunk's four stages, at strides 4, 8, 16, 32.
        blocks: Blocks per stage; RepViT has its own.
        heads: Attention heads of the first stage; they double with the width.
        windows: Window side per stage, in tokens.
        whole: Blocks that attend to the whole picture.
        grid: Side of the table of absolute positions.
        image_size: Side of the square picture that the weights were trained with, pixels.
        memory_layers: Layers of the memory attention.
        perceiver: EdgeTAM: RepViT trunk, memories squeezed to latents, none of SAM 2.1's two late additions.
    """

    widths: tuple[int, int, int, int] = (96, 192, 384, 768)
    blocks: tuple[int, int, int, int] = (1, 2, 7, 2)
    heads: int = 1
    windows: tuple[int, int, int, int] = (8, 4, 14, 7)
    whole: tuple[int, ...] = (5, 7, 9)
    grid: int = 7
    image_size: int = 1024
    memory_layers: int = 4
    perceiver: bool = False


VARIANTS: Mapping[str, Variant] = {
    "tiny": Variant(),
    "small": Variant(blocks=(1, 2, 11, 2), whole=(7, 10, 13)),
    "base_plus": Variant(widths=(112, 224, 448, 896), blocks=(2, 3, 16, 3), heads=2, whole=(12, 16, 20), grid=14),
    "medsam2": Variant(image_size=512),
    "edgetam": Variant(widths=(48, 96, 192, 384), memory_layers=2, perceiver=True),
}


def variant_of(name: str) -> Variant:
    """The architecture that a card's recipe names.

    Raises:
        MissingModel: naming those there are.
    """
    if name not in VARIANTS:
        raise MissingModel(f"This version knows no SAM 2 network {name!r}.", f"It knows {', '.join(VARIANTS)}.")
    return VARIANTS[name]


def configuration(variant: Variant, image_size: int) -> Any:
    """The `transformers` configuration of a variant for square pictures of `image_size` pixels."""
    from transformers import Sam2VideoConfig
    from transformers.models.edgetam_video.configuration_edgetam_video import EdgeTamVideoConfig

    side = image_size // 16
    parts: dict[str, Any] = {
        "image_size": image_size,
        "prompt_encoder_config": {"image_size": image_size},
        "memory_attention_num_layers": variant.memory_layers,
        "memory_attention_rope_feat_sizes": [side, side],
    }
    if variant.perceiver:
        parts["enable_temporal_pos_encoding_for_object_pointers"] = False
        parts["enable_occlusion_spatial_embedding"] = False
        return EdgeTamVideoConfig(vision_config=_repvit(variant, side), **parts)
    return Sam2VideoConfig(vision_config=_hiera(variant, side), **parts)


def _hiera(variant: Variant, side: int) -> Any:
    """Hiera trunk and its neck (arXiv 2306.00989; 2408.00714, section 4)."""
    from transformers.models.sam2.configuration_sam2 import Sam2HieraDetConfig, Sam2VisionConfig

    trunk = Sam2HieraDetConfig(
        hidden_size=variant.widths[0],
        num_attention_heads=variant.heads,
        image_size=[16 * side, 16 * side],
        embed_dim_per_stage=list(variant.widths),
        blocks_per_stage=list(variant.blocks),
        num_attention_heads_per_stage=[variant.heads << stage for stage in range(4)],
        window_size_per_stage=list(variant.windows),
        global_attention_blocks=list(variant.whole),
        window_positional_embedding_background_size=[variant.grid, variant.grid],
    )
    return Sam2VisionConfig(backbone_config=trunk, **_neck(variant, side))


def _repvit(variant: Variant, side: int) -> Any:
    """RepViT-M1 trunk (arXiv 2307.09283; EdgeTAM, arXiv 2501.07256) from `timm`, without its pretrained weights."""
    from transformers.models.edgetam.configuration_edgetam import EdgeTamVisionConfig
    from transformers.models.timm_wrapper.configuration_timm_wrapper import TimmWrapperConfig

    arguments = {"in_chans": 3, "features_only": True, "out_indices": [0, 1, 2, 3]}
    trunk = TimmWrapperConfig(architecture="repvit_m1", model_args=arguments)
    return EdgeTamVisionConfig(backbone_config=trunk, **_neck(variant, side))


def _neck(variant: Variant, side: int) -> dict[str, Any]:
    sizes = [[scale * side, scale * side] for scale in (4, 2, 1)]
    return {"backbone_channel_list": list(variant.widths[::-1]), "backbone_feature_sizes": sizes}
