"""Self-attention of the 3D SAMs: over the whole token grid, or over windows that the grid does not fill.

Their relative position term is not the axis-wise one of SAM. With T_x(query, key) = q(query) . R_x[query - key], what
the published weights were trained with is, for the query (d, h, w) and the key (a, b, c),

    T_d[(d, h, w), c] + T_h[(d, h, a), c] + T_w[(d, h, b), c]

so every term looks up the key's last index, and two of them take the query from another place. Another sum would be
another function; it needs a cubic grid (SAM-Med3D, image_encoder3D.py:410; FastSAM-3D has the same line).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn


class VolumetricAttention(nn.Module):
    """Multi-head attention on tokens (batch, n, n, n, width) with the relative position term above.

    Args:
        side: Tokens along each axis of the grid, n.
        window: Tokens along each axis of a window, at least `side` wide, so that one zero-padded window holds the
            whole grid; 0 attends over the grid itself.
    """

    def __init__(self, width: int, heads: int, side: int, window: int) -> None:
        super().__init__()
        self.heads, self.side, self.window = heads, side, window
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)
        extent = window or side
        self.rel_pos_d, self.rel_pos_h, self.rel_pos_w = (
            nn.Parameter(torch.zeros(2 * extent - 1, width // heads)) for _ in range(3)
        )

    def forward(self, tokens: Tensor) -> Tensor:
        """Attended tokens, of the shape of `tokens`."""
        q, k, v = self._split(self.qkv(tokens))
        logits = (q * q.shape[-1] ** -0.5) @ k.transpose(-2, -1)
        batch, grid = tokens.shape[0], (self.side,) * 3
        terms = self._terms(q.reshape(batch, self.heads, *grid, q.shape[-1]))
        logits = logits + self._position(terms)
        if self.window:
            logits = torch.cat((logits, self._padding(q, terms)), dim=-1)
            v = torch.cat((v, self._bias(2).expand(batch, -1, 1, -1)), dim=-2)
        attended = logits.softmax(dim=-1) @ v
        out: Tensor = self.proj(attended.transpose(1, 2).reshape(tokens.shape))
        return out

    def _split(self, qkv: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Queries, keys and values, each (batch, heads, n^3, width of a head)."""
        tokens = qkv.reshape(qkv.shape[0], self.side**3, 3, self.heads, -1)
        q, k, v = tokens.permute(2, 0, 3, 1, 4).unbind(0)
        return q, k, v

    def _bias(self, part: int) -> Tensor:
        """Query (0), key (1) or value (2) of a padded token, (1, heads, 1, width of a head): its input is zero."""
        bias: Tensor = self.qkv.bias.reshape(3, 1, self.heads, 1, -1)[part]
        return bias

    def _rows(self, first: int, last: int) -> Tensor:
        """Which position vector each query index of a range has against every key index, (last - first, extent)."""
        extent = self.window or self.side
        return torch.arange(first, last)[:, None] - torch.arange(extent)[None, :] + extent - 1

    def _terms(self, q: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """T_d, T_h and T_w of the real queries against every key index, each (batch, heads, n, n, n, extent)."""
        rows = self._rows(0, self.side)
        deep = torch.einsum("zndhwe,dke->zndhwk", q, self.rel_pos_d[rows])
        high = torch.einsum("zndhwe,hke->zndhwk", q, self.rel_pos_h[rows])
        wide = torch.einsum("zndhwe,wke->zndhwk", q, self.rel_pos_w[rows])
        return deep, high, wide

    def _position(self, terms: tuple[Tensor, Tensor, Tensor]) -> Tensor:
        """The position term of real queries and real keys, (batch, heads, n^3, n^3)."""
        n = self.side
        deep, high, wide = (term[..., :n] for term in terms)
        summed = (
            deep[:, :, :, :, :, None, None, :] + high[:, :, :, :, None, :, None, :] + wide[:, :, :, :, None, None, :, :]
        )
        return summed.reshape(summed.shape[0], self.heads, n**3, n**3)

    def _padding(self, q: Tensor, terms: tuple[Tensor, Tensor, Tensor]) -> Tensor:
        """Logit that stands for all padded keys together, (batch, heads, n^3, 1).

        Padding is zero, so its keys and values are the biases, all alike: the softmax over them is one weight, the sum
        of their exponentials. For a fixed last index c the sum over the two others is a product of two sums, which
        makes 184 GMAC of SAM-Med3D's encoder 52.
        """
        n, extent = self.side, self.window
        deep, high, wide = terms
        q_bias = self._bias(0)[:, :, 0]  # (1, heads, width of a head)
        high_real, wide_real = high.logsumexp(dim=4), wide.logsumexp(dim=4)  # (batch, heads, d, h, c)
        own = torch.einsum("zne,hke->znhk", q_bias, self.rel_pos_h[self._rows(0, n)])
        high_padded = (own[:, :, None] + math.log(extent - n)).expand_as(high_real)
        beyond = torch.einsum("zne,bke->znbk", q_bias, self.rel_pos_w[self._rows(n, extent)])
        wide_padded = beyond.logsumexp(dim=2)[:, :, None, None].expand_as(wide_real)
        mixed = torch.logaddexp(high_real + wide_padded, high_padded + wide_real)
        outside = torch.logaddexp(mixed, high_padded + wide_padded)
        both = torch.logaddexp(outside, high_real + wide_real)  # c is padded itself: real a and b count too
        across = torch.cat((outside[..., :n], both[..., n:]), dim=-1)  # (batch, heads, d, h, c)
        total = (deep + across[:, :, :, :, None, :]).logsumexp(dim=-1)  # (batch, heads, d, h, w)
        content: Tensor = (q * q.shape[-1] ** -0.5) @ self._bias(1).transpose(-2, -1)
        return content + total.reshape(total.shape[0], self.heads, n**3, 1)
