"""`save_memory`: SAM's attention over the whole picture, some rows of queries at a time; the same numbers, less memory.

At 1024 pixels every token looks at 4096 others: in ViT-B that is 0.8 GB for one block's weights, of which the package's
code holds several at once. By rows it is an eighth.
"""

from __future__ import annotations

from typing import Any

import torch
from segment_anything.modeling.image_encoder import Attention, get_rel_pos
from torch import Tensor, nn

ROWS = 8  # of queries at a time, of 64


class RowwiseAttention(Attention):  # type: ignore[misc]  # the package has no types
    """The package's attention with decomposed relative positions (Segment Anything, appendix A; MViTv2)."""

    def forward(self, tokens: Tensor) -> Tensor:
        """(batch, height, width, channels) to the same."""
        batch, height, width, _ = tokens.shape
        qkv = self.qkv(tokens).reshape(batch, height * width, 3, self.num_heads, -1).permute(2, 0, 3, 1, 4)
        queries, keys, values = qkv.reshape(3, batch * self.num_heads, height * width, -1).unbind(0)
        queries = queries.view(batch * self.num_heads, height, width, -1)
        down, across = get_rel_pos(height, height, self.rel_pos_h), get_rel_pos(width, width, self.rel_pos_w)
        parts = [
            self._rows(queries[:, row : row + ROWS], keys, values, down[row : row + ROWS], across)
            for row in range(0, height, ROWS)
        ]
        seen = torch.cat(parts, dim=1).view(batch, self.num_heads, height, width, -1)
        out: Tensor = self.proj(seen.permute(0, 2, 3, 1, 4).reshape(batch, height, width, -1))
        return out

    def _rows(self, queries: Tensor, keys: Tensor, values: Tensor, down: Tensor, across: Tensor) -> Tensor:
        """Args: queries: (heads, rows, width, d). down, across: positions (rows, height, d) and (width, width, d)."""
        heads, rows, width, _ = queries.shape
        weights = (queries.flatten(1, 2) * self.scale) @ keys.transpose(-2, -1)
        by_row = torch.einsum("hrwc,rkc->hrwk", queries, down)
        by_column = torch.einsum("hrwc,wkc->hrwk", queries, across)
        grid = weights.view(heads, rows, width, by_row.shape[-1], by_column.shape[-1])
        weights = (grid + by_row[..., None] + by_column[..., None, :]).view(heads, rows * width, -1)
        seen: Tensor = weights.softmax(dim=-1) @ values
        return seen


def save_memory(encoder: nn.Module) -> nn.Module:
    """Let the blocks of a ViT that look at the whole picture do so by rows."""
    blocks: Any = encoder.blocks
    for block in blocks:
        if not block.window_size and block.attn.use_rel_pos:
            block.attn.__class__ = RowwiseAttention
    return encoder
