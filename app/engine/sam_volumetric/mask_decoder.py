"""Mask decoder of the 3D SAMs: the two-way transformer of SAM (arXiv 2304.02643, appendix A) on a grid of 8^3."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from app.engine.sam_volumetric.layers import LayerNorm3d, Mlp, Perceptron
from app.engine.sam_volumetric.shape import EMBEDDED

HEADS, DEPTH, HIDDEN = 8, 2, 2048
MASKS = 4  # of the checkpoints; this program uses the first, as training for several clicks did


class MaskDecoder(nn.Module):
    """Logits of a mask at a quarter of the crop's resolution."""

    def __init__(self) -> None:
        super().__init__()
        self.transformer = _TwoWayTransformer()
        self.iou_token = nn.Embedding(1, EMBEDDED)
        self.mask_tokens = nn.Embedding(MASKS, EMBEDDED)
        self.output_upscaling = nn.Sequential(
            nn.ConvTranspose3d(EMBEDDED, EMBEDDED // 4, 2, stride=2),
            LayerNorm3d(EMBEDDED // 4),
            nn.GELU(),
            nn.ConvTranspose3d(EMBEDDED // 4, EMBEDDED // 8, 2, stride=2),
            nn.GELU(),
        )
        self.output_hypernetworks_mlps = nn.ModuleList(
            Perceptron(EMBEDDED, EMBEDDED, EMBEDDED, EMBEDDED // 8) for _ in range(MASKS)
        )
        self.iou_prediction_head = Perceptron(EMBEDDED, 256, 256, MASKS)  # in the files; one mask needs no ranking

    def forward(self, embedding: Tensor, positions: Tensor, points: Tensor, mask: Tensor) -> Tensor:
        """Logits (batch, 1, 32, 32, 32).

        Args:
            embedding: (1, 384, 8, 8, 8) of the image encoder.
            positions: (1, 384, 8, 8, 8), see `PromptEncoder.grid`.
            points: (batch, n, 384) tokens.
            mask: (batch, 384, 8, 8, 8) features of the mask fed back.
        """
        batch = points.shape[0]
        own = torch.cat((self.iou_token.weight, self.mask_tokens.weight))[None].expand(batch, 1 + MASKS, EMBEDDED)
        image = (embedding + mask).flatten(2).transpose(1, 2)
        tokens, image = self.transformer(torch.cat((own, points), dim=1), image, positions.flatten(2).transpose(1, 2))
        upscaled = self.output_upscaling(image.transpose(1, 2).reshape(mask.shape))
        kernel = self.output_hypernetworks_mlps[0](tokens[:, 1])
        return torch.einsum("zc,zcdhw->zdhw", kernel, upscaled)[:, None]


class _TwoWayTransformer(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList(_TwoWayLayer() for _ in range(DEPTH))
        self.final_attn_token_to_image = _Attention(EMBEDDED // 2)
        self.norm_final_attn = nn.LayerNorm(EMBEDDED)

    def forward(self, prompts: Tensor, image: Tensor, positions: Tensor) -> tuple[Tensor, Tensor]:
        """Tokens (batch, n, 384) and image (batch, 512, 384) after they have seen each other."""
        tokens = prompts
        for number, layer in enumerate(self.layers):
            tokens, image = layer(tokens, prompts if number else None, prompts, image, positions)
        attended = self.final_attn_token_to_image(tokens + prompts, image + positions, image)
        return self.norm_final_attn(tokens + attended), image


class _TwoWayLayer(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.self_attn = _Attention(EMBEDDED)
        self.norm1 = nn.LayerNorm(EMBEDDED)
        self.cross_attn_token_to_image = _Attention(EMBEDDED // 2)
        self.norm2 = nn.LayerNorm(EMBEDDED)
        self.mlp = Mlp(EMBEDDED, HIDDEN, nn.ReLU())
        self.norm3 = nn.LayerNorm(EMBEDDED)
        self.norm4 = nn.LayerNorm(EMBEDDED)
        self.cross_attn_image_to_token = _Attention(EMBEDDED // 2)

    def forward(
        self, tokens: Tensor, own: Tensor | None, prompts: Tensor, image: Tensor, positions: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Tokens look at themselves, then at the image, then the image at the tokens.

        `own` is the position of the tokens among themselves. In the first layer, without it, what they see of
        themselves replaces them.
        """
        if own is None:
            tokens = self.norm1(self.self_attn(tokens, tokens, tokens))
        else:
            tokens = self.norm1(tokens + self.self_attn(tokens + own, tokens + own, tokens))
        placed = image + positions
        tokens = self.norm2(tokens + self.cross_attn_token_to_image(tokens + prompts, placed, image))
        tokens = self.norm3(tokens + self.mlp(tokens))
        image = self.norm4(image + self.cross_attn_image_to_token(placed, tokens + prompts, tokens))
        return tokens, image


class _Attention(nn.Module):
    def __init__(self, inner: int) -> None:
        super().__init__()
        self.q_proj = nn.Linear(EMBEDDED, inner)
        self.k_proj = nn.Linear(EMBEDDED, inner)
        self.v_proj = nn.Linear(EMBEDDED, inner)
        self.out_proj = nn.Linear(inner, EMBEDDED)

    def forward(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        q, k, v = (
            projection(x).unflatten(-1, (HEADS, -1)).transpose(1, 2)
            for projection, x in ((self.q_proj, q), (self.k_proj, k), (self.v_proj, v))
        )
        attended = ((q @ k.transpose(-2, -1)) * q.shape[-1] ** -0.5).softmax(dim=-1) @ v
        out: Tensor = self.out_proj(attended.transpose(1, 2).flatten(2))
        return out
