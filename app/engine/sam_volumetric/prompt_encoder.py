"""Prompt encoder of the 3D SAMs: clicks to tokens, the mask of the answer before to a grid of features."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from app.engine.sam_volumetric.layers import LayerNorm3d
from app.engine.sam_volumetric.shape import EMBEDDED, GRID, SIDE


class PromptEncoder(nn.Module):
    """Only points and masks: the checkpoints hold embeddings of include and exclude, none of box corners."""

    def __init__(self) -> None:
        super().__init__()
        self.pe_layer = _RandomPositions(EMBEDDED // 3)
        self.point_embeddings = nn.ModuleList(nn.Embedding(1, EMBEDDED) for _ in range(2))
        self.not_a_point_embed = nn.Embedding(1, EMBEDDED)
        self.mask_downscaling = nn.Sequential(
            nn.Conv3d(1, 4, 2, stride=2),
            LayerNorm3d(4),
            nn.GELU(),
            nn.Conv3d(4, 16, 2, stride=2),
            LayerNorm3d(16),
            nn.GELU(),
            nn.Conv3d(16, EMBEDDED, 1),
        )
        self.no_mask_embed = nn.Embedding(1, EMBEDDED)  # in the files, never used: the first mask is zeros

    def points(self, indices: Tensor, labels: Tensor) -> Tensor:
        """Tokens (batch, n + 1, 384) of crop voxels (batch, n, 3) with labels (batch, n), 1 include and 0 exclude.

        The one more is the padding point that SAM appends where there is no box; it has no position.
        """
        placed = self.pe_layer((indices + 0.5) / SIDE)
        exclude, include = self.point_embeddings.parameters()
        label = labels[:, :, None]
        tokens = placed + label * include + (1 - label) * exclude
        padding = self.not_a_point_embed.weight[None].expand(tokens.shape[0], 1, EMBEDDED)
        return torch.cat((tokens, padding), dim=1)

    def mask(self, low: Tensor) -> Tensor:
        """Features (batch, 384, 8, 8, 8) of logits (batch, 1, 32, 32, 32)."""
        out: Tensor = self.mask_downscaling(low)
        return out

    def grid(self) -> Tensor:
        """Position features of the embedding's cells, (1, 384, 8, 8, 8).

        Here the first two axes are exchanged against those of points. The weights were trained with it.
        """
        along = (torch.arange(GRID, device=self.no_mask_embed.weight.device) + 0.5) / GRID
        first, second, third = torch.meshgrid(along, along, along, indexing="ij")
        placed = self.pe_layer(torch.stack((second, first, third), dim=-1))
        out: Tensor = placed.permute(3, 0, 1, 2)[None]
        return out


class _RandomPositions(nn.Module):
    """[sin, cos, sin] of random frequencies: three times the matrix's width, the sine twice."""

    positional_encoding_gaussian_matrix: Tensor

    def __init__(self, frequencies: int) -> None:
        super().__init__()
        self.register_buffer("positional_encoding_gaussian_matrix", torch.zeros(3, frequencies))

    def forward(self, position: Tensor) -> Tensor:
        """(..., 3) in 0..1 to (..., 384)."""
        angle = 2 * math.pi * ((2 * position - 1) @ self.positional_encoding_gaussian_matrix)
        return torch.cat((angle.sin(), angle.cos(), angle.sin()), dim=-1)
