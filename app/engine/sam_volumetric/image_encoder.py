"""Image encoders of SAM-Med3D and FastSAM-3D: a 128^3 crop to 384 channels on a grid of 8^3."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from app.engine.sam_volumetric.attention import VolumetricAttention
from app.engine.sam_volumetric.layers import LayerNorm3d, Mlp
from app.engine.sam_volumetric.shape import EMBEDDED, GRID, PATCH


@dataclass(frozen=True, slots=True)
class EncoderPlan:
    """What tells the two encoders apart.

    Args:
        windows: For each block its window's side, 0 for attention over the whole grid, None without attention.
        post_norm: x = norm2(x + attention(norm1 x)), then x + mlp(x) (FastSAM-3D); else the usual pre-norm block of
            ViT (SAM-Med3D).
    """

    width: int
    heads: int
    windows: tuple[int | None, ...]
    post_norm: bool


SAM_MED3D = EncoderPlan(768, 12, (14, 14, 0) * 4, post_norm=False)
"""arXiv 2310.15161, the `vit_b_ori` of its code: global attention in blocks 2, 5, 8 and 11."""

FASTSAM3D = EncoderPlan(768, 6, (None, None, 0, 0, 0, 0), post_norm=True)
"""arXiv 2403.09827: six blocks, the first two without attention."""


class ImageEncoder(nn.Module):
    """Patches, absolute positions, blocks, neck."""

    def __init__(self, plan: EncoderPlan) -> None:
        super().__init__()
        self.patch_embed = _Patches(plan.width)
        self.pos_embed = nn.Parameter(torch.zeros(1, GRID, GRID, GRID, plan.width))
        self.blocks = nn.ModuleList(_Block(plan, window) for window in plan.windows)
        self.neck = nn.Sequential(
            nn.Conv3d(plan.width, EMBEDDED, 1, bias=False),
            LayerNorm3d(EMBEDDED),
            nn.Conv3d(EMBEDDED, EMBEDDED, 3, padding=1, bias=False),
            LayerNorm3d(EMBEDDED),
        )

    def forward(self, crop: Tensor) -> Tensor:
        """(batch, 1, 128, 128, 128), normalised, to (batch, 384, 8, 8, 8)."""
        tokens = self.patch_embed(crop) + self.pos_embed
        for block in self.blocks:
            tokens = block(tokens)
        out: Tensor = self.neck(tokens.permute(0, 4, 1, 2, 3))
        return out


class _Patches(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.proj = nn.Conv3d(1, width, PATCH, stride=PATCH)

    def forward(self, crop: Tensor) -> Tensor:
        out: Tensor = self.proj(crop).permute(0, 2, 3, 4, 1)
        return out


class _Block(nn.Module):
    def __init__(self, plan: EncoderPlan, window: int | None) -> None:
        super().__init__()
        self.post_norm = plan.post_norm
        self.attends = window is not None
        if window is not None:
            self.norm1 = nn.LayerNorm(plan.width, eps=1e-6)
            self.attn = VolumetricAttention(plan.width, plan.heads, GRID, window)
        self.norm2 = nn.LayerNorm(plan.width, eps=1e-6)
        self.mlp = Mlp(plan.width, 4 * plan.width, nn.GELU())

    def forward(self, tokens: Tensor) -> Tensor:
        if self.attends:
            tokens = tokens + self.attn(self.norm1(tokens))
        inner = self.norm2(tokens)
        out: Tensor = (inner if self.post_norm else tokens) + self.mlp(inner)
        return out
