"""`SamNetwork`: image encoder, prompt encoder and mask decoder under the names of the official checkpoints."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, Literal

import torch
from torch import Tensor, nn

from app.engine.backends import declare_vision_operators

Architecture = Literal["vit_b", "vit_l", "vit_h", "mobile", "lite", "med2d"]
PATCH, WIDTH = 16, 256  # pixels of a patch; channels of the embedding

_VIT: dict[str, dict[str, Any]] = {
    "vit_b": {"embed_dim": 768, "depth": 12, "num_heads": 12, "global_attn_indexes": (2, 5, 8, 11)},
    "vit_l": {"embed_dim": 1024, "depth": 24, "num_heads": 16, "global_attn_indexes": (5, 11, 17, 23)},
    "vit_h": {"embed_dim": 1280, "depth": 32, "num_heads": 16, "global_attn_indexes": (7, 15, 23, 31)},
}
"""Kirillov et al., Segment Anything (arXiv 2304.02643), appendix A; ViT of Dosovitskiy et al. (arXiv 2010.11929)."""


class SamNetwork(nn.Module):
    """The three parts of SAM.

    Args:
        size: Side of the network's input in pixels.
        grid: Side of the embedding in tokens; low-resolution logits have four times that.
    """

    def __init__(self, architecture: Architecture, size: int, grid: int) -> None:
        super().__init__()
        declare_vision_operators()
        from segment_anything.modeling import MaskDecoder, PromptEncoder, TwoWayTransformer

        self.size, self.grid = size, grid
        self.image_encoder = _encoder(architecture, size)
        self.prompt_encoder = PromptEncoder(WIDTH, (grid, grid), (size, size), mask_in_chans=16)
        self.mask_decoder = MaskDecoder(
            transformer_dim=WIDTH,
            transformer=TwoWayTransformer(depth=2, embedding_dim=WIDTH, num_heads=8, mlp_dim=2048),
            num_multimask_outputs=3,
            iou_head_depth=3,
            iou_head_hidden_dim=256,
        )

    @classmethod
    def of(cls, architecture: Architecture, size: int, grid: int, state: Mapping[str, Tensor]) -> SamNetwork:
        """With the weights of a checkpoint, every one of them used and none missing.

        Raises:
            RuntimeError: when the names or shapes are not this architecture's.
        """
        with torch.device("cpu" if architecture in ("mobile", "lite") else "meta"):  # meta: no random weights first
            network = cls(architecture, size, grid)
        wide = {name: tensor.float() if tensor.is_floating_point() else tensor for name, tensor in state.items()}
        network.load_state_dict(wide, strict=True, assign=True)
        return network.requires_grad_(False).eval()


class PromptedDecoder(nn.Module):
    """Prompt encoder and mask decoder as one function without branches, so that it can be traced.

    `forward` takes the embedding (1, 256, g, g), coordinates (1, n, 2) in pixels of the network's input, their kinds
    (1, n): 1 include, 0 exclude, 2 and 3 the corners of a box, -1 no point; the mask input (1, 1, 4g, 4g) and whether
    there is one (1,). It gives logits (1, 4, 4g, 4g) and predicted IoU (1, 4): the single mask, then three.
    """

    def __init__(self, network: SamNetwork) -> None:
        super().__init__()
        self.prompts, self.decoder, self.size = network.prompt_encoder, network.mask_decoder, network.size
        self.register_buffer("grid", self.prompts.get_dense_pe(), persistent=False)

    def forward(
        self, embedding: Tensor, points: Tensor, kinds: Tensor, mask: Tensor, has_mask: Tensor
    ) -> tuple[Tensor, Tensor]:
        given = has_mask.view(1, 1, 1, 1)
        absent = self.prompts.no_mask_embed.weight.view(1, -1, 1, 1)
        dense = given * self.prompts.mask_downscaling(mask) + (1 - given) * absent
        masks, quality = self.decoder.predict_masks(embedding, self.grid, self._tokens(points, kinds), dense)
        return masks, quality

    def _tokens(self, points: Tensor, kinds: Tensor) -> Tensor:
        """Random Fourier features of the pixels' middles, plus what each is; products, which autocast leaves alone."""
        frequencies = self.prompts.pe_layer.positional_encoding_gaussian_matrix
        places = 2 * ((points + 0.5) / self.size) - 1
        angles = 2 * torch.pi * (places[..., :1] * frequencies[0] + places[..., 1:] * frequencies[1])
        tokens = torch.cat([angles.sin(), angles.cos()], dim=-1)
        kind = kinds.unsqueeze(-1)
        tokens = torch.where(kind == -1, self.prompts.not_a_point_embed.weight, tokens)
        for number, embedding in enumerate(self.prompts.point_embeddings):
            tokens = tokens + (kind == number) * embedding.weight
        return tokens


def _encoder(architecture: Architecture, size: int) -> nn.Module:
    if architecture in ("mobile", "lite"):
        from app.engine.sam.tiny_vit import TinyVit

        return TinyVit(3 if architecture == "mobile" else 1, classifier=architecture == "mobile")
    from segment_anything.modeling import ImageEncoderViT

    from app.engine.sam.adapters import AdapterEncoder
    from app.engine.sam.rowwise import save_memory

    adapted = architecture == "med2d"
    made: nn.Module = (AdapterEncoder if adapted else ImageEncoderViT)(
        img_size=size,
        patch_size=PATCH,
        mlp_ratio=4,
        norm_layer=partial(nn.LayerNorm, eps=1e-6),
        qkv_bias=True,
        use_rel_pos=True,
        window_size=14,
        out_chans=WIDTH,
        **_VIT["vit_b" if adapted else architecture],
    )
    return save_memory(made)
